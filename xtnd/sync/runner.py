"""Executes one run: pages in, each stored with its cursor in one transaction. Knows nothing of the engine above it.

Truth is in our tables. A run that stops anywhere, for whatever reason, is gone on with from the schedule's cursor;
an attempt that lost its fence writes nothing more.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from random import uniform
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, OperationalError, close_old_connections, transaction
from django.db.models import F, Q

from xtnd.connections.models import Connection, ConnectionState
from xtnd.connections.services import Refused, needs_attention
from xtnd.connectors.base import BadRecord, Connector, Entity, Page, Record
from xtnd.core.errors import AuthenticationFailed, ExternalError, Forbidden, Unavailable
from xtnd.core.text import Text
from xtnd.core.text import gettext_noop as _
from xtnd.core.time import now
from xtnd.sync import jobs
from xtnd.sync.jobs.stored import Stored, Trouble, store_page
from xtnd.sync.models import OPEN_STATES, IssueState, RecordIssue, Run, RunState, Schedule
from xtnd.sync.services import record_issue, settle_issues, stop_retrying
from xtnd.sync.stores import connector_of, http_client

log = logging.getLogger(__name__)

BEAT_EVERY = 4.0
"""Seconds between signs of life while a page is on its way; oftener when the limit for silence is short."""
MOST_ATTEMPTS = 6
LONGEST_WAIT = 3600.0
Fetched = TypeVar("Fetched")


class Fenced(Exception):
    """Another attempt has taken over. This one must write nothing more."""


class Cancelled(Exception):
    """A person pressed cancel."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`wait` is set when the store asked us to come back: seconds until the same run is executed again."""

    state: str
    wait: float | None = None


def execute(run_id: uuid.UUID, *, worker: str, stop: threading.Event | None = None) -> Outcome:
    """Do the run from the cursor. Idempotent: may be called again at any time, by anyone."""
    attempt = _begin(run_id, worker, stop or threading.Event())
    if attempt is None:
        return Outcome("gone")
    try:
        _pull(attempt)
    except Fenced:
        log.warning("fenced", extra={"run": run_id, "worker": worker})
        return Outcome("fenced")
    except Cancelled:
        return _finish(attempt, RunState.CANCELLED)
    except (AuthenticationFailed, Forbidden) as error:
        needs_attention(attempt.connection.pk, error.text, error.code)
        return _finish(attempt, RunState.FAILED, error)
    except Unavailable as error:
        return _come_back(attempt, error)
    except ExternalError as error:
        return _finish(attempt, RunState.FAILED, error)
    except Refused as error:
        return _finish(attempt, RunState.FAILED, ExternalError(Text(str(error)), code="refused"))
    except DatabaseError as error:
        return _come_back(attempt, _database_trouble(error))
    except Stopping:
        return _put_back(attempt)
    except Exception:
        # A bug of ours. Left alone, the run would be declared lost and begun again every half minute, for ever.
        log.exception("run failed", extra={"run": run_id, "entity": attempt.run.entity})
        return _finish(attempt, RunState.FAILED, ExternalError(_UNEXPECTED, code="internal"))
    run = Run.objects.get(pk=run_id)
    return _finish(attempt, RunState.PARTIAL if run.failed else RunState.SUCCEEDED)


_UNEXPECTED = Text(_("Something unexpected went wrong in the program itself. Its log says what."))


class Stopping(Exception):
    """The worker is shutting down: the page is stored, the rest is for whoever comes next."""


# ------------------------------------------------------------------ one attempt


@dataclass(slots=True)
class Attempt:
    """Who may move the cursor, and from where."""

    run: Run
    schedule: Schedule
    connection: Connection
    fence: uuid.UUID
    cursor: str
    stop: threading.Event


def _begin(run_id: uuid.UUID, worker: str, stop: threading.Event) -> Attempt | None:
    """Take the run and the fence; None when it is over, or another run of its schedule is at work."""
    with transaction.atomic():
        at = now()
        locked = Run.objects.select_for_update(of=("self", "schedule"))  # SQLite has one writer anyway
        run = locked.select_related("schedule", "connection__warehouse").filter(pk=run_id).first()
        if run is None or run.state not in OPEN_STATES:
            return None
        others = Run.objects.filter(schedule=run.schedule, state__in=(RunState.RUNNING, RunState.WAITING))
        if others.exclude(pk=run_id).exists():
            return None
        fence = uuid.uuid4()
        Schedule.objects.filter(pk=run.schedule_id).update(fence=fence, last_run_at=at)
        run.schedule.refresh_from_db()
        run.state, run.worker, run.beat_at, run.attempts = RunState.RUNNING, worker, at, run.attempts + 1
        run.not_before = None
        if run.started_at is None:
            run.started_at, run.cursor_before = at, run.schedule.cursor
        run.save()
    return Attempt(run, run.schedule, run.connection, fence, run.schedule.cursor, stop)


def _pull(attempt: Attempt) -> None:
    if attempt.connection.state != ConnectionState.ACTIVE:
        raise Cancelled
    entity = Entity(attempt.run.entity)
    with http_client(connection_id=attempt.connection.pk) as http:
        connector = connector_of(attempt.connection, http)
        _retry(attempt, entity, connector)
        counted = (0, 0)
        with _beating(jobs.fetch(connector, entity, attempt.cursor or None), attempt) as pages:
            for page in pages:
                spent = (http.requests, http.bytes_received)
                _store(attempt, entity, page, spent[0] - counted[0], spent[1] - counted[1])
                counted = spent
                if attempt.stop.is_set() and not page.complete:
                    raise Stopping


def _retry(attempt: Attempt, entity: Entity, connector: Connector) -> None:
    """Records a person asked to have again: fetched one by one, whatever the cursor says."""
    wanted = RecordIssue.objects.filter(
        connection=attempt.connection, entity=entity.value, state=IssueState.RETRIED
    ).exclude(external_id="")
    for external_id in list(wanted.values_list("external_id", flat=True)):
        record = _fetch_one(attempt, entity, connector, external_id)
        if record is None:  # not in the store any more: nothing is left to take
            settle_issues(attempt.run, [external_id], now())
            continue
        page: Page[Any] = Page([record], attempt.cursor)
        _store(attempt, entity, page, 0, 0)


def _fetch_one(attempt: Attempt, entity: Entity, connector: Connector, external_id: str) -> Record[Any] | None:
    _beat(attempt)
    pool = ThreadPoolExecutor(1, thread_name_prefix="fetch")
    try:
        return _awaited(pool.submit(jobs.fetch_one, connector, entity, external_id), attempt)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _beating(pages: Iterator[Page[Any]], attempt: Attempt) -> Iterator[Iterator[Page[Any]]]:
    """Fetch in a thread of its own, so that this one can show signs of life while a slow store thinks, and the next
    page is on its way while this one is stored."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="fetch")

    def following() -> Page[Any] | None:
        return next(pages, None)

    def walk() -> Iterator[Page[Any]]:
        coming: Future[Page[Any] | None] = pool.submit(following)
        while True:
            page = _awaited(coming, attempt)
            if page is None:
                return
            if not page.complete:
                coming = pool.submit(following)
            yield page
            if page.complete:
                return

    try:
        yield walk()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _awaited(coming: Future[Fetched], attempt: Attempt) -> Fetched:
    every = min(BEAT_EVERY, settings.RUN_LOST_AFTER / 3)
    while True:
        try:
            return coming.result(timeout=every)
        except NotYet:
            if coming.done():
                raise
            _beat(attempt)
            if attempt.stop.is_set():
                raise Stopping from None


def _beat(attempt: Attempt) -> None:
    """A sign of life. Raises `Fenced` when the run was given to somebody else, `Cancelled` when nobody wants it."""
    alive = Run.objects.filter(pk=attempt.run.pk, state=RunState.RUNNING, schedule__fence=attempt.fence)
    if not Run.objects.filter(pk__in=alive).update(beat_at=now()):
        raise Fenced
    if Run.objects.filter(pk=attempt.run.pk, cancel_requested=True).exists():
        raise Cancelled


def _store(attempt: Attempt, entity: Entity, page: Page[Any], requests: int, received: int) -> None:
    """The page, its troubles, the counts and the cursor: all or nothing."""
    at = now()
    with transaction.atomic():
        moved = Schedule.objects.filter(pk=attempt.schedule.pk, fence=attempt.fence, cursor=attempt.cursor).update(
            cursor=page.cursor
        )
        if not moved:
            raise Fenced
        stored = store_page(jobs.STORES[entity], attempt.connection, page.records, at)
        failed = _keep_troubles(attempt.run, stored, page, at)
        _count(attempt, stored, page, failed, requests, received)
    attempt.cursor = page.cursor
    if Run.objects.filter(pk=attempt.run.pk, cancel_requested=True).exists():
        raise Cancelled
    log.debug("page stored", extra={"run": attempt.run.pk, "rows": stored.seen, "created": stored.created})


def _keep_troubles(run: Run, stored: Stored, page: Page[Any], at: Any) -> int:
    """Returns how many records this run could not take and had not met before."""
    bad = [Trouble(b.external_id, b.payload, _hash_of(b), b.path, "unreadable", b.reason) for b in page.unreadable]
    new = 0
    for trouble in (*stored.troubles, *bad):
        new += record_issue(
            run=run,
            external_id=trouble.external_id,
            payload=trouble.payload,
            content_hash=trouble.content_hash,
            path=trouble.path,
            code=trouble.code,
            reason=trouble.reason,
            at=at,
        )
    if stored.taken:
        settle_issues(run, stored.taken, at)
    return new


def _hash_of(bad: BadRecord) -> bytes:
    """Tells records without an id apart."""
    return blake2b(b"\0".join((bad.payload, bad.path.encode(), str(bad.reason).encode())), digest_size=16).digest()


def _count(attempt: Attempt, stored: Stored, page: Page[Any], failed: int, requests: int, received: int) -> None:
    values: dict[str, Any] = {
        "seen": F("seen") + stored.seen + len(page.unreadable),
        "created": F("created") + stored.created,
        "updated": F("updated") + stored.updated,
        "unchanged": F("unchanged") + stored.unchanged,
        "failed": F("failed") + failed,
        "pages": F("pages") + 1,
        "requests": F("requests") + requests,
        "bytes": F("bytes") + received,
        "cursor_after": page.cursor,
        "beat_at": now(),
        "attempts": 1,  # what made progress is not stuck
    }
    attempt.run.attempts = 1
    if page.total:
        values["expected"] = page.total
    if not Run.objects.filter(pk=attempt.run.pk, state=RunState.RUNNING).update(**values):
        raise Fenced


# ------------------------------------------------------------------ how it ends


def _finish(attempt: Attempt, state: RunState, error: ExternalError | None = None) -> Outcome:
    at = now()
    mine = Run.objects.filter(pk=attempt.run.pk, state__in=OPEN_STATES, schedule__fence=attempt.fence)
    with transaction.atomic():
        ended = Run.objects.filter(pk__in=mine).update(
            state=state,
            finished_at=at,
            error_code=error.code[:60] if error else "",
            error=error.text.as_json() if error else {},
        )
        if not ended:
            return Outcome("fenced")
        schedule = Schedule.objects.filter(pk=attempt.schedule.pk, fence=attempt.fence)
        if state in (RunState.SUCCEEDED, RunState.PARTIAL):
            schedule.update(last_success_at=at, failures=0, fence=None)
        elif state == RunState.FAILED:
            schedule.update(failures=F("failures") + 1, fence=None)
            stop_retrying(attempt.schedule.pk)
        else:
            schedule.update(fence=None)
            stop_retrying(attempt.schedule.pk)
    log.info("run ended", extra={"run": attempt.run.pk, "entity": attempt.run.entity, "state": state.value})
    return Outcome(state.value)


def _come_back(attempt: Attempt, error: Unavailable) -> Outcome:
    """Passing trouble: the same run waits and goes on from the cursor, longer each time, until it has tried enough."""
    if attempt.run.attempts >= MOST_ATTEMPTS:
        return _finish(attempt, RunState.FAILED, error)
    wait = error.wait if error.wait is not None else min(5.0 * 2 ** (attempt.run.attempts - 1), 300.0)
    wait = min(wait + uniform(0, 0.2 * wait + 0.5), LONGEST_WAIT)  # noqa: S311 - jitter
    mine = Q(pk=attempt.run.pk, state=RunState.RUNNING, schedule__fence=attempt.fence)
    at = now()
    waiting = Run.objects.filter(pk__in=Run.objects.filter(mine)).update(
        state=RunState.WAITING,
        not_before=at + timedelta(seconds=wait),
        beat_at=at,
        error_code=error.code[:60],
        error=error.text.as_json(),
    )
    return Outcome(RunState.WAITING.value, wait) if waiting else Outcome("fenced")


def _put_back(attempt: Attempt) -> Outcome:
    """The worker stops: this run goes on at the next start, from the cursor."""
    mine = Run.objects.filter(pk=attempt.run.pk, state=RunState.RUNNING, schedule__fence=attempt.fence)
    with transaction.atomic():
        if not Run.objects.filter(pk__in=mine).update(state=RunState.WAITING, not_before=now(), beat_at=now()):
            return Outcome("fenced")
        Schedule.objects.filter(pk=attempt.schedule.pk, fence=attempt.fence).update(fence=None)
    return Outcome(RunState.WAITING.value, 0.0)


def _database_trouble(error: DatabaseError) -> Unavailable:
    """Locked, or the disk is full: recovers by itself. Anything else is a bug, and the log has it."""
    code = "database_busy" if isinstance(error, OperationalError) else "database"
    log.exception("database", exc_info=error)
    close_old_connections()
    return Unavailable(Text(_("Our own database did not take the page. The run tries again.")), code=code)
