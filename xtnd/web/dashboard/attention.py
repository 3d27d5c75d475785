"""What a person should do something about: sentences with a number and a link to where it is done."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from xtnd.catalog import queries as catalog
from xtnd.catalog.models import Match
from xtnd.connections.models import Connection, ConnectionState
from xtnd.core.terms import Term, Typed
from xtnd.core.text import Text
from xtnd.orders import conditions
from xtnd.orders import queries as orders
from xtnd.orders.queries import Tab
from xtnd.stock import queries as stock
from xtnd.sync.models import OPEN_STATES, IssueState, RecordIssue, Run, Schedule
from xtnd.web.lists import query

CAP = 1000
LATE = timedelta(minutes=15)
"""A schedule that should have begun this long ago, and has no run under way, is late."""
UNPAID_DAYS = 7


@dataclass(frozen=True, slots=True)
class Matter:
    icon: str
    sentence: str
    url: str
    """"" when there is no such page."""
    press: str
    """What the link says."""
    urgent: bool = False


def matters(groups: Collection[int], now: datetime) -> list[Matter]:
    """The most urgent first. Empty: nothing needs anybody."""
    return [*_connections(groups), *_schedules(groups, now), *_issues(groups), *_orders(groups), *_goods(groups)]


def _connections(groups: Collection[int]) -> Iterator[Matter]:
    broken = Connection.objects.filter(company_group__in=groups, state=ConnectionState.ATTENTION)
    for connection in broken.only("name", "attention"):
        why = Text.from_json(connection.attention).render(_)
        sentence = (
            _("%(store)s needs attention: %(why)s") % {"store": connection.name, "why": why}
            if why
            else _("%(store)s needs attention.") % {"store": connection.name}
        )
        yield Matter("plug-connected", sentence, _url("connection", connection.pk), _("Mend the connection"), True)


def _schedules(groups: Collection[int], now: datetime) -> Iterator[Matter]:
    working = active_schedules(groups).exclude(connection__state=ConnectionState.ATTENTION)
    for schedule in working.filter(failures__gt=0):
        sentence = ngettext(
            "%(store)s: the synchronisation of %(entity)s failed the last time.",
            "%(store)s: the synchronisation of %(entity)s failed %(count)s times in a row.",
            schedule.failures,
        ) % {"store": schedule.connection.name, "entity": _entity(schedule), "count": schedule.failures}
        yield Matter("refresh", sentence, _url("connection", schedule.connection_id), _("See why"), True)
    under_way = Run.objects.filter(schedule=OuterRef("pk"), state__in=OPEN_STATES)
    running = working.filter(connection__state=ConnectionState.ACTIVE, failures=0)
    for schedule in running.filter(next_run_at__lt=now - LATE).exclude(Exists(under_way)):
        sentence = _(
            "%(store)s: the synchronisation of %(entity)s should have begun %(at)s and has not. Is the worker running?"
        ) % {
            "store": schedule.connection.name,
            "entity": _entity(schedule),
            "at": timezone.localtime(schedule.next_run_at).strftime("%Y-%m-%d %H:%M"),
        }
        yield Matter("clock", sentence, _url("connection", schedule.connection_id), _("Open the schedule"), True)


def active_schedules(groups: Collection[int]) -> QuerySet[Schedule]:
    return Schedule.objects.filter(connection__company_group__in=groups, active=True).select_related("connection")


def _entity(schedule: Schedule) -> str:
    known = {
        "orders": _("orders"),
        "products": _("products"),
        "customers": _("customers"),
        "stock": _("stock"),
        "refunds": _("refunds"),
    }
    return known.get(schedule.entity, schedule.entity)


def _issues(groups: Collection[int]) -> Iterator[Matter]:
    rows = RecordIssue.objects.filter(connection__company_group__in=groups, state=IssueState.OPEN).order_by()
    count = rows[: CAP + 1].count()
    if count:
        sentence = ngettext("%(count)s record could not be taken.", "%(count)s records could not be taken.", count) % {
            "count": capped(count)
        }
        yield Matter("alert-triangle", sentence, _url("record-issues"), _("Mend and retry"), True)


def _orders(groups: Collection[int]) -> Iterator[Matter]:
    count = orders.capped_count(orders.listed(groups, tab=Tab.IN_REVIEW).parts)
    if count:
        sentence = ngettext("%(count)s order is held for review.", "%(count)s orders are held for review.", count) % {
            "count": capped(count)
        }
        yield Matter("eye", sentence, _list("orders", tab=Tab.IN_REVIEW), _("Review"))
    day = timezone.localdate() - timedelta(days=UNPAID_DAYS)
    old = Typed((Term("placed", day.isoformat(), "<"),))
    condition = conditions.understand(old, groups).conditions
    count = orders.capped_count(orders.listed(groups, tab=Tab.UNPAID, conditions=condition).parts)
    if count:
        sentence = ngettext(
            "%(count)s order has been unpaid for more than %(days)s days.",
            "%(count)s orders have been unpaid for more than %(days)s days.",
            count,
        ) % {"count": capped(count), "days": UNPAID_DAYS}
        yield Matter("credit-card", sentence, _list("orders", tab=Tab.UNPAID, find=str(old)), _("See the orders"))
    count = orders.capped_count(orders.listed(groups, tab=Tab.TO_SHIP).parts)
    if count:
        sentence = ngettext(
            "%(count)s paid order waits to be shipped.", "%(count)s paid orders wait to be shipped.", count
        ) % {"count": capped(count)}
        yield Matter("truck", sentence, _list("orders", tab=Tab.TO_SHIP), _("Ship"))


def _goods(groups: Collection[int]) -> Iterator[Matter]:
    count = stock.count(groups, stock.Show.NEGATIVE, cap=CAP)
    if count:
        sentence = ngettext(
            "%(count)s variant is sold or reserved more than there is.",
            "%(count)s variants are sold or reserved more than there is.",
            count,
        ) % {"count": capped(count)}
        yield Matter("package", sentence, _list("stock", show=stock.Show.NEGATIVE), _("See the stock"))
    count = stock.count(groups, stock.Show.OUT, cap=CAP)
    if count:
        sentence = ngettext("%(count)s variant is out of stock.", "%(count)s variants are out of stock.", count) % {
            "count": capped(count)
        }
        yield Matter("package", sentence, _list("stock", show=stock.Show.OUT), _("See the stock"))
    count = catalog.unmatched(groups, Match.DUPLICATE_SKU, cap=CAP)
    if count:
        sentence = ngettext(
            "%(count)s product uses a SKU that another one in the same store has too.",
            "%(count)s products use a SKU that another one in the same store has too.",
            count,
        ) % {"count": capped(count)}
        yield Matter("barcode", sentence, _list("products", show=Match.DUPLICATE_SKU), _("Give them their own SKU"))
    count = catalog.unmatched(groups, Match.NO_SKU, cap=CAP)
    if count:
        sentence = ngettext(
            "%(count)s product has no SKU in its store and cannot be matched with other stores.",
            "%(count)s products have no SKU in their store and cannot be matched with other stores.",
            count,
        ) % {"count": capped(count)}
        yield Matter("barcode", sentence, _list("products", show=Match.NO_SKU), _("Give them a SKU"))


def capped(count: int) -> str:
    return f"{CAP}+" if count > CAP else str(count)


def _list(url_name: str, **kept: object) -> str:
    return f"{_url(url_name)}?{query(**kept)}"


def _url(url_name: str, *args: object) -> str:
    try:
        return reverse(url_name, args=args)
    except NoReverseMatch:
        return ""
