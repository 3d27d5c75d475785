"""The main job without a browser: verify, connect, schedule, synchronise."""

from __future__ import annotations

import getpass
import os
import re
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable
from datetime import date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import NoReturn
from uuid import UUID

from django.conf import settings
from django.db import transaction

from xtnd.companies.models import Company, CompanyGroup, Warehouse
from xtnd.connections.models import Connection
from xtnd.connections.services import Refused, Wish, create_connection, open_verification
from xtnd.connectors.base import Check, Connector, Outcome, Report
from xtnd.connectors.registry import CONNECTORS
from xtnd.core.errors import ConfigurationError, ExternalError
from xtnd.core.secrets import Secret
from xtnd.core.text import Text
from xtnd.core.time import now
from xtnd.ops.locks import attempt
from xtnd.ops.say import Progress, as_json, err, out
from xtnd.ops.upkeep import bring_up_to_date
from xtnd.sync import verifying
from xtnd.sync.models import OPEN_STATES, Run, RunState, Schedule
from xtnd.sync.rhythm import Rhythm
from xtnd.sync.runner import execute
from xtnd.sync.services import (
    ensure_schedules,
    lose_silent_runs,
    rhythm_of,
    set_rhythm,
    switch_off,
    switch_on,
    synchronise_now,
)
from xtnd.sync.stores import http_client, make_connector

_SIGNS = {Outcome.OK: "✓", Outcome.FAILED: "✗", Outcome.WARNING: "!", Outcome.INFO: "·", Outcome.SKIPPED: "–"}


# ------------------------------------------------------------------ verify


def verify(arguments: Namespace) -> int:
    """The report of a store. Needs no database."""
    system = _system(arguments.system)
    say: Callable[[Check], None] = (lambda check: None) if arguments.json else _print_check
    with http_client(read_timeout=20) as http:
        try:
            connector = make_connector(
                system=system.system,
                api_url=arguments.url,
                credentials={name: Secret(value) for name, value in _credentials(arguments, system).items()},
                order_start=_day(arguments.order_start),
                time_zone="UTC",
                options={},
                http=http,
            )
            report = connector.verify(say)
        except ExternalError as error:
            err(f"xtnd: {error.text}")
            return 1
    _conclude(report, as_document=arguments.json)
    return 0 if report.green else 1


def _print_check(check: Check) -> None:
    detail = f": {check.detail}" if check.detail.message else ""
    out(f"{_SIGNS[check.outcome]} {check.label}{detail}")
    if check.outcome in (Outcome.FAILED, Outcome.WARNING) and check.fix.message:
        out(f"    {check.fix}")


def _conclude(report: Report, *, as_document: bool) -> None:
    if as_document:
        checks = [
            {
                "name": check.name,
                "outcome": check.outcome.value,
                "label": str(check.label),
                "detail": str(check.detail),
                "cause": check.cause,
                "fix": str(check.fix),
            }
            for check in report.checks
        ]
        as_json({"green": report.green, "checks": checks, "facts": dict(report.facts)})
        return
    out()
    out("The connection works." if report.green else "The connection does not work yet: see the lines marked ✗.")


# ------------------------------------------------------------------ connect


def connect(arguments: Namespace) -> int:
    bring_up_to_date()
    system = _system(arguments.system)
    group = _company_group(arguments.company_group)
    warehouse = _warehouse(arguments.warehouse, group)
    if Connection.objects.filter(company_group=group, name__iexact=arguments.name.strip()).exists():
        _stop(f"there is already a connection named {arguments.name}")
    wish = Wish(
        system=system.system,
        api_url=arguments.url,
        credentials=_credentials(arguments, system),
        order_start=_day(arguments.order_start),
    )
    verification = open_verification(wish=wish, company_group_id=group.pk, user=None)
    report = verifying.verify(verification)
    if not report.green:
        if not arguments.json:
            for check in report.checks:
                _print_check(check)
        _conclude(report, as_document=arguments.json)
        return 1
    try:
        with transaction.atomic():
            connection = create_connection(
                verification=verification,
                wish=wish,
                name=arguments.name,
                company_group_id=group.pk,
                warehouse=warehouse,
                user=None,
            )
            ensure_schedules(connection)
    except Refused as error:
        _stop(str(error))
    if arguments.json:
        as_json({"connection": connection.name, "green": True, "facts": connection.facts})
    else:
        out(
            f"{connection.name} is connected. Its schedules are off:"
            f" xtnd schedule {connection.name!r} orders --every 1h"
        )
    return 0


def _company_group(name: str | None) -> CompanyGroup:
    """The one named, or the only one. An empty installation gets one, which the first owner takes over."""
    groups = CompanyGroup.objects.all()
    if name:
        found = groups.filter(name__iexact=name.strip()).first()
        if found is None and groups.exists():
            _stop(f"there is no company group named {name}; there is {', '.join(map(str, groups))}")
        return found or _found_group(name.strip())
    if groups.count() > 1:
        _stop(f"say which company group with --company-group: {', '.join(map(str, groups))}")
    return groups.first() or _found_group("My company")


def _found_group(name: str) -> CompanyGroup:
    group = CompanyGroup.objects.create(name=name)
    Company.objects.create(group=group, name=name)
    return group


def _warehouse(code: str | None, group: CompanyGroup) -> Warehouse | None:
    if not code:
        return None
    found = Warehouse.objects.filter(company__group=group, code__iexact=code).first()
    if found is None:
        company = Company.objects.filter(group=group).order_by("id").first()
        if company is None:
            _stop(f"{group} has no company yet")
        known = ", ".join(Warehouse.objects.filter(company__group=group).values_list("code", flat=True))
        if known:
            _stop(f"there is no warehouse {code}; there is {known}")
        found = Warehouse.objects.create(company=company, code=code, name=code)
    return found


# ------------------------------------------------------------------ schedule


def schedule(arguments: Namespace) -> int:
    bring_up_to_date()
    wanted = _schedules(arguments.name, arguments.entity)[0]
    try:
        if arguments.off:
            switch_off(wanted)
        else:
            set_rhythm(wanted, _rhythm(arguments))
            switch_on(wanted)
    except Refused as error:
        _stop(str(error))
    wanted.refresh_from_db()
    zone_name = wanted.connection.time_zone
    following = []
    if wanted.active and wanted.next_run_at:
        later = rhythm_of(wanted).first(2, wanted.next_run_at, zone_name)
        following = [wanted.next_run_at, *later]
    if arguments.json:
        as_json(
            {"connection": wanted.connection.name, "entity": wanted.entity, "active": wanted.active, "next": following}
        )
    elif wanted.active:
        times = ", ".join(moment.strftime("%Y-%m-%d %H:%M UTC") for moment in following)
        out(f"{wanted.connection.name}: {wanted.entity} next at {times} (while `xtnd serve` or `xtnd worker` runs)")
    else:
        out(f"{wanted.connection.name}: {wanted.entity} is off")
    return 0


def _rhythm(arguments: Namespace) -> Rhythm:
    if arguments.cron is not None:
        return Rhythm(cron=arguments.cron.strip())
    if arguments.daily is not None:
        try:
            return Rhythm(daily_at=clock.fromisoformat(arguments.daily.strip()))
        except ValueError:
            _stop(f"--daily wants a time such as 03:00, not {arguments.daily}")
    found = re.fullmatch(r"(\d+)\s*(m|min|h|d)", arguments.every.strip())
    if not found:
        _stop(f"--every wants an interval such as 15m or 1h, not {arguments.every}")
    factor = {"m": 1, "min": 1, "h": 60, "d": 1440}[found[2]]
    return Rhythm(every_minutes=int(found[1]) * factor)


# ------------------------------------------------------------------ sync


def sync(arguments: Namespace) -> int:
    bring_up_to_date()
    schedules = _schedules(arguments.name, arguments.entity)
    # With nobody else on this data directory the work is done here; a running server is left to do it.
    alone = attempt(Path(settings.DATA_DIR), alone=True, program="sync")
    beside = alone or attempt(Path(settings.DATA_DIR), alone=False, program="sync")
    try:
        if alone is not None and settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
            lose_silent_runs(timedelta(0))
        runs = []
        for one in schedules:
            try:
                runs.append((_waiting(one) if beside else None) or synchronise_now(one))
            except Refused as error:
                _stop(f"{one.connection.name}: {error}")
        if not arguments.wait:
            _say_queued(runs, arguments, served=beside is None)
            return 0
        ended = [_await(run, here=beside is not None, quiet=arguments.json) for run in runs]
    finally:
        if beside is not None:
            beside.close()
    if arguments.json:
        as_json([run_document(run) for run in ended])
    failed = [run for run in ended if run.state not in (RunState.SUCCEEDED, RunState.PARTIAL)]
    return 1 if failed else 3 if any(run.state == RunState.PARTIAL for run in ended) else 0


def _waiting(schedule: Schedule) -> Run | None:
    """The run that stands in the way of a new one: its store asked for patience, and it is gone on with."""
    return Run.objects.filter(schedule=schedule, state=RunState.WAITING).first()


def _say_queued(runs: list[Run], arguments: Namespace, *, served: bool) -> None:
    if arguments.json:
        as_json([run_document(run) for run in runs])
        return
    who = (
        "the running server does it now"
        if served
        else "it is done when `xtnd serve` or `xtnd worker` runs, or with --wait"
    )
    out(f"Queued {', '.join(run.entity for run in runs)}: {who}.")


def _await(run: Run, *, here: bool, quiet: bool) -> Run:
    """Until the run, and what goes on after it when it is interrupted, has ended."""
    progress = Progress(run.entity, quiet=quiet)
    said: datetime | None = None
    while True:
        if run.state == RunState.WAITING and run.not_before is not None and said != run.not_before:
            said = run.not_before
            progress.say(f"{run.entity}: {Text.from_json(run.error)} Next try at {said:%H:%M:%S} UTC.")
        if here and run.state != RunState.RUNNING:  # else a worker beside us has it
            _work_on(run.pk, progress)
        run = _newest(run)
        progress.show(run.seen, run.expected, f"{run.created} new, {run.updated} changed")
        if run.state not in OPEN_STATES:
            progress.end(_summary(run))
            return run
        time.sleep(0.5)
        if here:
            lose_silent_runs(timedelta(seconds=settings.RUN_LOST_AFTER))


def _work_on(run_id: UUID, progress: Progress) -> None:
    working = threading.Event()

    def watch() -> None:
        from django.db import connection as database

        while not working.wait(0.3):
            row = Run.objects.filter(pk=run_id).values_list("seen", "expected", "created", "updated").first()
            if row:
                progress.show(row[0], row[1], f"{row[2]} new, {row[3]} changed")
        database.close()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        run = Run.objects.get(pk=run_id)
        if run.state == RunState.WAITING and run.not_before is not None:
            time.sleep(max(0.0, (run.not_before - now()).total_seconds()))
        execute(run_id, worker=f"command {os.getpid()}")
    finally:
        working.set()
        watcher.join()


def _newest(run: Run) -> Run:
    run.refresh_from_db()
    if run.state == RunState.LOST:
        later = Run.objects.filter(schedule=run.schedule_id, queued_at__gt=run.queued_at).order_by("queued_at").last()
        return later or run
    return run


def _summary(run: Run) -> str:
    words = (
        f"{run.entity}: {RunState(run.state).label}: {run.seen} seen, {run.created} new, {run.updated} changed,"
        f" {run.unchanged} unchanged, {run.failed} failed, {run.requests} requests"
    )
    return f"{words}. {Text.from_json(run.error)}" if run.error else words


def run_document(run: Run) -> dict[str, object]:
    return {
        "id": run.pk,
        "connection": run.connection.name,
        "entity": run.entity,
        "state": run.state,
        "trigger": run.trigger,
        "queued_at": run.queued_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "seen": run.seen,
        "created": run.created,
        "updated": run.updated,
        "unchanged": run.unchanged,
        "failed": run.failed,
        "pages": run.pages,
        "requests": run.requests,
        "bytes": run.bytes,
        "error_code": run.error_code,
        "error": str(Text.from_json(run.error)) if run.error else "",
    }


# ------------------------------------------------------------------ shared


def _schedules(name: str, entity: str) -> list[Schedule]:
    found = list(Connection.objects.filter(name__iexact=name.strip()))
    if not found:
        known = ", ".join(Connection.objects.values_list("name", flat=True))
        _stop(f"there is no connection named {name}" + (f"; there is {known}" if known else "; xtnd connect makes one"))
    if len(found) > 1:
        _stop(f"{len(found)} company groups have a connection named {name}: rename one of them")
    schedules = ensure_schedules(found[0])
    return [one for one in schedules if entity in ("all", one.entity)]


def _system(name: str) -> type[Connector]:
    if name not in CONNECTORS:
        _stop(f"there is no external system {name}; there is {', '.join(CONNECTORS)}")
    return CONNECTORS[name]


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        _stop(f"--order-start wants a day such as 2025-01-01, not {text}")


def _credentials(arguments: Namespace, system: type[Connector]) -> dict[str, str]:
    """From options, the environment, a file the environment names, or a prompt. Never echoed."""
    given = {"access_token": arguments.access_token, "secret": arguments.secret}
    credentials = {}
    for field in system.fields:
        if field.name == "api_url":
            continue
        said = given.get(field.name) or _from_environment(f"XTND_{field.name.upper()}")
        if not said and field.required:
            if not sys.stdin.isatty():
                _stop(f"{field.label} is missing: --{field.name.replace('_', '-')} or XTND_{field.name.upper()}")
            said = getpass.getpass(f"{field.label}: ")
        credentials[field.name] = (said or "").strip()
    return credentials


def _from_environment(name: str) -> str:
    file = os.environ.get(f"{name}_FILE")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"{name}_FILE: cannot read {file} ({error.strerror})") from error
    return os.environ.get(name, "")


def _stop(reason: str) -> NoReturn:
    raise ConfigurationError(reason)
