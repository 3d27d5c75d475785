"""Writes: schedules, runs and record issues. Pages, commands and the tick press the same buttons."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from xtnd.companies.models import User
from xtnd.connections.models import Connection, ConnectionState
from xtnd.connections.services import Refused
from xtnd.connectors.base import Entity
from xtnd.connectors.registry import CONNECTORS
from xtnd.core.text import Text
from xtnd.core.time import now
from xtnd.sync.models import OPEN_STATES, IssueState, RecordIssue, Run, RunState, Schedule, Trigger
from xtnd.sync.rhythm import Rhythm, problem

_DEFAULTS = {
    Entity.ORDERS: Rhythm(every_minutes=60),
    Entity.PRODUCTS: Rhythm(daily_at=time(3, 0)),
    Entity.CUSTOMERS: Rhythm(daily_at=time(3, 30)),
    Entity.STOCK: Rhythm(daily_at=time(4, 0)),
}


# ------------------------------------------------------------------ schedules


def ensure_schedules(connection: Connection) -> list[Schedule]:
    """One schedule per entity the connector can do, inactive at birth."""
    made = []
    for entity in CONNECTORS[connection.system].entities():
        rhythm = _DEFAULTS[entity]
        schedule, _created = Schedule.objects.get_or_create(
            connection=connection,
            entity=entity.value,
            direction="in",
            defaults={"every_minutes": rhythm.every_minutes, "daily_at": rhythm.daily_at, "cron": rhythm.cron},
        )
        made.append(schedule)
    return made


def rhythm_of(schedule: Schedule) -> Rhythm:
    return Rhythm(schedule.every_minutes, schedule.daily_at, schedule.cron)


def refuse_impossible(rhythm: Rhythm) -> None:
    """Raises `Refused` with what is wrong with it."""
    wrong = problem(rhythm)
    if wrong == "interval":
        raise Refused(_("The interval must be between 5 minutes and 31 days."))
    if wrong == "cron":
        raise Refused(_("A cron expression has five fields and must come true, for example 0 6 * * 1-5."))


def set_rhythm(schedule: Schedule, rhythm: Rhythm) -> None:
    """Edit when it runs. The cursor stays. Raises `Refused` with what is wrong."""
    refuse_impossible(rhythm)
    schedule.every_minutes, schedule.daily_at, schedule.cron = rhythm.every_minutes, rhythm.daily_at, rhythm.cron
    schedule.next_run_at = rhythm.next(now(), schedule.connection.time_zone) if schedule.active else None
    schedule.save(update_fields=["every_minutes", "daily_at", "cron", "next_run_at"])


def switch_on(schedule: Schedule) -> None:
    """An hourly schedule that never ran runs at once; a daily one waits for its time."""
    schedule.active = True
    rhythm = rhythm_of(schedule)
    at_once = rhythm.every_minutes is not None and schedule.last_run_at is None
    schedule.next_run_at = now() if at_once else rhythm.next(now(), schedule.connection.time_zone)
    schedule.save(update_fields=["active", "next_run_at"])


def switch_off(schedule: Schedule) -> None:
    schedule.active, schedule.next_run_at = False, None
    schedule.save(update_fields=["active", "next_run_at"])


def claim_due(schedule: Schedule, at: datetime) -> Run | None:
    """Turn a due schedule into a queued run. Of many ticks at once, one gets it: the update is conditional."""
    following = rhythm_of(schedule).next(at, schedule.connection.time_zone)
    claimed = Schedule.objects.filter(pk=schedule.pk, active=True, next_run_at=schedule.next_run_at).update(
        next_run_at=following
    )
    return queue_run(schedule, Trigger.SCHEDULE) if claimed else None


def forget_cursor(schedule: Schedule) -> None:
    """Read everything again at the next run. What is here stays and is compared by its hash."""
    Schedule.objects.filter(pk=schedule.pk).update(cursor="", fence=None)


# ------------------------------------------------------------------ runs


def queue_run(schedule: Schedule, trigger: Trigger, *, user: User | None = None) -> Run:
    """The run that will do it: a new one, or the one that is already queued."""
    try:
        with transaction.atomic():
            return Run.objects.create(
                schedule=schedule,
                connection_id=schedule.connection_id,
                entity=schedule.entity,
                trigger=trigger,
                queued_at=now(),
                requested_by=user,
            )
    except IntegrityError:
        return Run.objects.get(schedule=schedule, state=RunState.QUEUED)


def synchronise_now(schedule: Schedule, *, user: User | None = None) -> Run:
    """The button. Raises `Refused` when the connection is paused or needs attention."""
    connection = schedule.connection
    if connection.state == ConnectionState.PAUSED:
        raise Refused(_("The connection is paused. Activate it first."))
    if connection.state == ConnectionState.ATTENTION:
        raise Refused(_("The connection needs attention. Verify it again first."))
    return queue_run(schedule, Trigger.MANUAL, user=user)


def request_cancel(run: Run) -> None:
    """A run nobody works on (queued, or waiting for its store) ends at once, another after the page it is storing."""
    Run.objects.filter(pk=run.pk, state__in=OPEN_STATES).update(cancel_requested=True)
    Run.objects.filter(pk=run.pk, state__in=(RunState.QUEUED, RunState.WAITING)).update(
        state=RunState.CANCELLED, finished_at=now()
    )


def lose_silent_runs(after: timedelta) -> list[Run]:
    """Runs whose worker gave no sign of life: declared interrupted, their key freed, a new run queued from the cursor.

    Safe at any time: a worker that was only frozen holds a fence that is no longer the schedule's.
    """
    at = now()
    silent = Q(state=RunState.RUNNING, beat_at__lt=at - after) | Q(
        state=RunState.WAITING, not_before__lt=at - after, beat_at__lt=at - after
    )
    lost = []
    for run in Run.objects.filter(silent).select_related("schedule"):
        if Run.objects.filter(pk=run.pk, state=run.state, beat_at=run.beat_at).update(
            state=RunState.LOST, finished_at=at, error_code="interrupted", error=_INTERRUPTED.as_json()
        ):
            Schedule.objects.filter(pk=run.schedule_id).update(fence=None)
            if not run.cancel_requested:
                queue_run(run.schedule, Trigger.RETRY)
            lost.append(run)
    return lost


_INTERRUPTED = Text("The worker stopped in the middle. A new run goes on from where it was.")


# ------------------------------------------------------------------ record issues


def record_issue(
    *,
    run: Run,
    external_id: str,
    payload: bytes,
    content_hash: bytes,
    path: str,
    code: str,
    reason: Text,
    at: datetime,
) -> bool:
    """Keep a record that could not be taken. The same record in a later run counts one attempt more.

    Returns False when this very run has met it before (a pass and its poll see the same page).
    """
    values: dict[str, Any] = {
        "content_hash": content_hash,
        "payload": zlib.compress(payload),
        "field_path": path[:200],
        "code": code[:60],
        "reason": reason.as_json(),
        "last_seen_at": at,
        "last_run": run,
    }
    known = RecordIssue.objects.filter(
        connection_id=run.connection_id,
        entity=run.entity,
        state__in=(IssueState.OPEN, IssueState.RETRIED, IssueState.IGNORED),
    )
    known = known.filter(external_id=external_id) if external_id else known.filter(content_hash=content_hash)
    if known.filter(last_run=run).update(**values):
        return False
    # What a person chose to ignore stays ignored; what was being retried is open again.
    known.filter(state=IssueState.RETRIED).update(state=IssueState.OPEN)
    if known.update(attempts=F("attempts") + 1, **values):
        return True
    RecordIssue.objects.create(
        connection_id=run.connection_id,
        entity=run.entity,
        external_id=external_id,
        first_run=run,
        first_seen_at=at,
        **values,
    )
    return True


def settle_issues(run: Run, external_ids: Sequence[str], at: datetime) -> None:
    """These records were taken now."""
    RecordIssue.objects.filter(
        connection_id=run.connection_id, entity=run.entity, external_id__in=external_ids
    ).exclude(state=IssueState.FIXED).update(state=IssueState.FIXED, resolved_at=at)


def ignore_issue(issue: RecordIssue) -> None:
    """A person decided it does not matter."""
    issue.state, issue.resolved_at = IssueState.IGNORED, now()
    issue.save(update_fields=["state", "resolved_at"])


def reopen_issue(issue: RecordIssue) -> None:
    issue.state, issue.resolved_at = IssueState.OPEN, None
    issue.save(update_fields=["state", "resolved_at"])


def stop_retrying(schedule_id: int) -> None:
    """The run that should have fetched them ended without doing so: they wait for a person again."""
    schedule = Schedule.objects.filter(pk=schedule_id)
    RecordIssue.objects.filter(
        connection_id__in=schedule.values("connection_id"),
        entity__in=schedule.values("entity"),
        state=IssueState.RETRIED,
    ).update(state=IssueState.OPEN)


def retry_issue(issue: RecordIssue, *, user: User | None = None) -> Run:
    """Fetch this record again now, whatever the cursor says. Raises `Refused` when the connection is not active."""
    schedule = Schedule.objects.select_related("connection").get(connection=issue.connection_id, entity=issue.entity)
    run = synchronise_now(schedule, user=user)
    issue.state, issue.resolved_at = IssueState.RETRIED, None
    issue.save(update_fields=["state", "resolved_at"])
    return run
