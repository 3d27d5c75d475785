"""Reads: how each store is, its schedules, runs and record issues."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, TextChoices
from django.utils.translation import gettext_lazy as _

from xtnd.catalog.models import Listing
from xtnd.connections import queries as connections
from xtnd.connections.models import Connection, ConnectionState, Link, LinkKind
from xtnd.connectors.base import Entity
from xtnd.connectors.base import Outcome as CheckOutcome
from xtnd.core.text import Text, gettext_noop
from xtnd.core.time import now, start_of
from xtnd.orders.models import Order
from xtnd.sync.models import OPEN_STATES, IssueState, RecordIssue, Run, RunState, Schedule

LATE_AFTER = timedelta(minutes=3)
"""A due schedule, or a queued run, that nobody took for so long is late: no worker is running, or all are busy."""
BROKEN_AFTER = 3
"""Failures in a row."""
MOST_PAYLOAD = 4 * 1024 * 1024
"""Bytes of a payload that a page shows."""


# ------------------------------------------------------------------ schedules


@dataclass(frozen=True, slots=True)
class Pace:
    """A schedule, what it does now and what it did last."""

    schedule: Schedule
    open: Run | None
    last: Run | None
    late: bool
    upcoming: Sequence[datetime] = ()

    @property
    def failing(self) -> bool:
        return self.last is not None and self.last.state == RunState.FAILED


def paces(rows: QuerySet[Schedule], *, at: datetime | None = None) -> list[Pace]:
    """Two queries for any number of schedules."""
    at = at or now()
    runs = Run.objects.filter(schedule=OuterRef("pk"))
    opened = runs.filter(state__in=OPEN_STATES).order_by(F("started_at").asc(nulls_last=True), "queued_at")
    ended = runs.exclude(state__in=OPEN_STATES).order_by("-queued_at", "-id")
    schedules = list(
        rows.select_related("connection").annotate(
            open_id=Subquery(opened.values("id")[:1]), last_id=Subquery(ended.values("id")[:1])
        )
    )
    wanted: set[UUID] = {run_id for row in schedules for run_id in (row.open_id, row.last_id) if run_id}
    found = Run.objects.in_bulk(wanted) if wanted else {}
    return [_pace(row, found.get(row.open_id), found.get(row.last_id), at) for row in schedules]


def _pace(schedule: Schedule, opened: Run | None, last: Run | None, at: datetime) -> Pace:
    return Pace(schedule, opened, last, _is_late(schedule, opened, at))


def _is_late(schedule: Schedule, opened: Run | None, at: datetime) -> bool:
    if schedule.connection.state != ConnectionState.ACTIVE:
        return False
    if opened is not None:
        return opened.state == RunState.QUEUED and opened.queued_at < at - LATE_AFTER
    due = schedule.next_run_at
    return schedule.active and due is not None and due < at - LATE_AFTER


# ------------------------------------------------------------------ stores


class Health(TextChoices):
    """Worst first: the order of the list."""

    BROKEN = "broken", _("Broken")
    DEGRADED = "degraded", _("Degraded")
    NEVER = "never", _("Never ran")
    PAUSED = "paused", _("Paused")
    OK = "ok", _("OK")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a store is not well, and what mends it: `fix` is "verify", "run", "schedules", "issues" or "activate"."""

    health: Health
    text: Text
    fix: str
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """A connection as the list shows it."""

    connection: Connection
    zone: str
    paces: Sequence[Pace] = ()
    reasons: Sequence[Reason] = ()
    orders_today: int = 0
    open_issues: int = 0

    @property
    def health(self) -> Health:
        if self.connection.state == ConnectionState.PAUSED:
            return Health.PAUSED
        worst = [reason.health for reason in self.reasons]
        return next((health for health in Health if health in worst), Health.OK)

    @property
    def last_success_at(self) -> datetime | None:
        return max((at for pace in self.paces if (at := pace.schedule.last_success_at)), default=None)

    @property
    def next_run_at(self) -> datetime | None:
        if self.connection.state != ConnectionState.ACTIVE:
            return None
        times = (pace.schedule.next_run_at for pace in self.paces if pace.schedule.active)
        return min((at for at in times if at), default=None)

    @property
    def switched_on(self) -> int:
        return sum(pace.schedule.active for pace in self.paces)

    @property
    def working(self) -> bool:
        return any(pace.open for pace in self.paces)


def stores(groups: Collection[int], *, at: datetime | None = None) -> list[Store]:
    """Every connection with its health, the worst first. The number of queries does not grow with the stores."""
    at = at or now()
    rows = list(connections.connections(groups))
    zones = connections.time_zones(rows)
    of: dict[int, list[Pace]] = defaultdict(list)
    for pace in paces(Schedule.objects.filter(connection__in=rows), at=at):
        of[pace.schedule.connection_id].append(pace)
    issues = _open_issues(rows)
    today = _orders_today(zones, at)
    found = [
        _store(row, zones[row.pk], of[row.pk], orders_today=today.get(row.pk, 0), open_issues=issues.get(row.pk, 0))
        for row in rows
    ]
    order = list(Health)
    return sorted(found, key=lambda store: (order.index(store.health), store.connection.name.lower()))


def store(connection: Connection, *, at: datetime | None = None) -> Store:
    """One of them."""
    at = at or now()
    zone = connections.time_zones([connection])[connection.pk]
    found = paces(Schedule.objects.filter(connection=connection), at=at)
    return _store(
        connection,
        zone,
        found,
        orders_today=_orders_today({connection.pk: zone}, at).get(connection.pk, 0),
        open_issues=_open_issues([connection]).get(connection.pk, 0),
    )


def _store(connection: Connection, zone: str, found: Sequence[Pace], *, orders_today: int, open_issues: int) -> Store:
    reasons = tuple(_reasons(connection, found, open_issues))
    return Store(connection, zone, found, reasons, orders_today, open_issues)


def _reasons(connection: Connection, found: Sequence[Pace], open_issues: int) -> Iterable[Reason]:
    if connection.state == ConnectionState.PAUSED:
        yield Reason(Health.PAUSED, Text(gettext_noop("Somebody paused it: nothing is synchronised.")), "activate")
        return
    if connection.state == ConnectionState.ATTENTION:
        said = Text.from_json(connection.attention)
        text = said if said.message else Text(gettext_noop("The store refused us the last time."))
        yield Reason(Health.BROKEN, text, "verify")
    elif _report_is_red(connection, found):
        yield Reason(Health.BROKEN, Text(gettext_noop("The last verification failed.")), "verify")
    yield from _reasons_of_schedules(found)
    if open_issues == 1:
        yield Reason(Health.DEGRADED, Text(gettext_noop("One record could not be taken.")), "issues")
    elif open_issues:
        text = Text(gettext_noop("{count} records could not be taken."), {"count": open_issues})
        yield Reason(Health.DEGRADED, text, "issues")
    if found and not any(pace.last or pace.open or pace.schedule.last_run_at for pace in found):
        on = any(pace.schedule.active for pace in found)
        text = Text(
            gettext_noop("The first run has not begun yet.")
            if on
            else gettext_noop("No schedule is switched on, so nothing is read yet.")
        )
        yield Reason(Health.NEVER, text, "schedules")


def _reasons_of_schedules(found: Sequence[Pace]) -> Iterable[Reason]:
    for pace in found:
        if pace.failing and pace.last is not None and (pace.schedule.active or pace.schedule.failures):
            health = Health.BROKEN if pace.schedule.failures >= BROKEN_AFTER else Health.DEGRADED
            said = Text.from_json(pace.last.error)
            yield Reason(health, said if said.message else Text(gettext_noop("The last run failed.")), "run", pace.last)
    if any(pace.late for pace in found):
        text = Text(gettext_noop("A run is late: no worker has taken it. Is the worker running?"))
        yield Reason(Health.DEGRADED, text, "schedules")


def _report_is_red(connection: Connection, found: Sequence[Pace]) -> bool:
    """A success after the report says more than the report."""
    if not any(check.get("outcome") == CheckOutcome.FAILED for check in connection.report):
        return False
    since = connection.verified_at
    successes = [pace.schedule.last_success_at for pace in found if pace.schedule.last_success_at]
    return not (since and any(at > since for at in successes))


def _orders_today(zones: dict[int, str], at: datetime) -> dict[int, int]:
    of_zone: dict[str, list[int]] = defaultdict(list)
    for connection_id, zone in zones.items():
        of_zone[zone].append(connection_id)
    found: dict[int, int] = {}
    for zone, ids in of_zone.items():
        since = start_of(at.astimezone(ZoneInfo(zone)).date(), zone)
        rows = Order.objects.filter(connection__in=ids, placed_at__gte=since, removed_at__isnull=True)
        found.update(rows.values_list("connection").annotate(count=Count("id")).order_by())
    return found


def _open_issues(rows: Collection[Connection]) -> dict[int, int]:
    found = RecordIssue.objects.filter(connection__in=rows, state=IssueState.OPEN)
    return dict(found.values_list("connection").annotate(count=Count("id")).order_by())


@dataclass(frozen=True, slots=True)
class Holdings:
    """What came from a store."""

    orders: int
    listings: int
    customers: int
    issues: int
    runs: int


def holdings(connection: Connection) -> Holdings:
    return Holdings(
        orders=Order.objects.filter(connection=connection).count(),
        listings=Listing.objects.filter(connection=connection).count(),
        customers=Link.objects.filter(connection=connection, kind=LinkKind.CUSTOMER).count(),
        issues=RecordIssue.objects.filter(connection=connection).count(),
        runs=Run.objects.filter(connection=connection).count(),
    )


# ------------------------------------------------------------------ runs


def runs(
    connection_ids: Collection[int], *, entity: str = "", state: str = "", trigger: str = ""
) -> list[QuerySet[Run]]:
    """Newest first with `keyset.page(…, order="-queued_at")`: one walk per store, each along its own index."""
    said = {"entity": entity, "state": state, "trigger": trigger}
    rows = Run.objects.filter(**{name: value for name, value in said.items() if value}).select_related("connection")
    return [rows.filter(connection=pk) for pk in connection_ids] or [rows.none()]


def whole_runs(groups: Collection[int]) -> QuerySet[Run]:
    return Run.objects.filter(connection__company_group__in=groups).select_related(
        "connection", "schedule", "requested_by"
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an open run is. `share` in percent and `left` only when the store told how many there are."""

    share: int | None
    left: timedelta | None


def progress(run: Run, *, at: datetime | None = None) -> Progress:
    if not run.expected or run.state not in OPEN_STATES:
        return Progress(None, None)
    share = min(100, run.seen * 100 // run.expected)
    if run.started_at is None or not run.seen or run.state != RunState.RUNNING:
        return Progress(share, None)
    spent = (at or now()) - run.started_at
    return Progress(share, spent * (max(run.expected - run.seen, 0) / run.seen))


# ------------------------------------------------------------------ record issues


def issues(
    groups: Collection[int], *, state: str = "", connection: int | None = None, entity: str = ""
) -> list[QuerySet[RecordIssue]]:
    """Newest first with `keyset.page(…, order="-last_seen_at")`: one walk per state."""
    rows = RecordIssue.objects.filter(connection__company_group__in=groups).select_related("connection")
    if connection is not None:
        rows = rows.filter(connection=connection)
    if entity:
        rows = rows.filter(entity=entity)
    return [rows.filter(state=one).defer("payload") for one in ([state] if state else IssueState.values)]


def whole_issues(groups: Collection[int]) -> QuerySet[RecordIssue]:
    return RecordIssue.objects.filter(connection__company_group__in=groups).select_related("connection", "first_run")


def payload(issue: RecordIssue) -> bytes:
    """As it came, at most `MOST_PAYLOAD` bytes of it."""
    try:
        return zlib.decompressobj().decompress(bytes(issue.payload), MOST_PAYLOAD)
    except zlib.error:
        return b""


def store_page(issue: RecordIssue) -> str:
    """The record's page in the store's admin, when an earlier version of it was taken; else ""."""
    if not issue.external_id:
        return ""
    if issue.entity == Entity.ORDERS:
        orders = Order.objects.filter(connection=issue.connection_id, external_id=issue.external_id)
        return orders.values_list("admin_url", flat=True).first() or ""
    if issue.entity in (Entity.PRODUCTS, Entity.STOCK):
        listings = Listing.objects.filter(connection=issue.connection_id, external_product_id=issue.external_id)
        return listings.values_list("admin_url", flat=True).first() or ""
    return ""
