"""Reads: the order list and its tabs, one whole order, sales per day, what a customer bought."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    Min,
    Prefetch,
    Q,
    QuerySet,
    Sum,
    TextChoices,
    Value,
    When,
)
from django.db.models.functions import Concat
from django.utils.translation import gettext_lazy as _

from xtnd.core.money import ZERO
from xtnd.core.time import start_of
from xtnd.database import keyset
from xtnd.database.fields import AmountField
from xtnd.database.keyset import KeysetPage
from xtnd.orders.conditions import Condition
from xtnd.orders.models import Order, OrderLine, Paid, Shipped, State

COUNT_CAP = 1000

_ROW = (
    "number",
    "status",
    "state",
    "payment_state",
    "shipment_state",
    "currency",
    "total",
    "customer_id",
    "customer_name",
    "customer_email",
    "country",
    "placed_at",
    "removed_at",
    "connection__name",
)
"""What a row of a list shows: addresses and notes stay on disk."""


class Tab(TextChoices):
    ALL = "all", _("All")
    UNPAID = "unpaid", _("Unpaid")
    TO_SHIP = "to-ship", _("To ship")
    IN_REVIEW = "in-review", _("In review")
    REFUNDED = "refunded", _("Refunded")
    CANCELLED = "cancelled", _("Cancelled")


class Sort(TextChoices):
    NEWEST = "-placed_at", _("Newest first")
    OLDEST = "placed_at", _("Oldest first")
    HIGHEST = "-total", _("Highest total first")
    LOWEST = "total", _("Lowest total first")


def to_ship() -> Q:
    """Paid, not sent, not cancelled, still in the store. The very condition of the index `order_to_ship`."""
    return (
        Q(removed_at__isnull=True)
        & ~Q(payment_state=Paid.UNPAID)
        & ~Q(payment_state=Paid.FAILED)
        & ~Q(payment_state=Paid.REFUNDED)
        & ~Q(shipment_state=Shipped.SHIPPED)
        & ~Q(state=State.CANCELLED)
    )


def unpaid() -> Q:
    return Q(payment_state=Paid.UNPAID, removed_at__isnull=True) & ~Q(state=State.CANCELLED)


def sold() -> Q:
    """What counts as sales: not cancelled, and the payment did not fail."""
    return ~Q(state=State.CANCELLED) & ~Q(payment_state=Paid.FAILED)


_TABS: dict[str, tuple[Q, ...]] = {
    Tab.ALL: (Q(),),
    Tab.UNPAID: (unpaid(),),
    Tab.TO_SHIP: (to_ship(),),
    Tab.IN_REVIEW: (Q(state=State.IN_REVIEW),),
    Tab.REFUNDED: (Q(payment_state=Paid.REFUNDED), Q(payment_state=Paid.PARTLY_REFUNDED)),
    Tab.CANCELLED: (Q(state=State.CANCELLED),),
}
"""A tab of several states is several querysets: each walks its own index (`keyset.page` merges them)."""


def listed(
    groups: Collection[int], *, tab: str = Tab.ALL, conditions: Iterable[Condition] = (), order: str = Sort.NEWEST
) -> Listed:
    """The order list, ready for `keyset.page`."""
    conditions = tuple(conditions)
    by_total = order in (Sort.HIGHEST, Sort.LOWEST)
    narrowed = Q()
    for condition in conditions:
        narrowed &= condition.q
        if by_total and condition.by_total is not None:
            narrowed &= condition.by_total
        if not by_total and tab == Tab.ALL and condition.indexed is not None:
            narrowed &= condition.indexed
    rows = Order.objects.select_related("connection").only("connection", *_ROW).alias(**_HIDDEN).filter(narrowed)
    if by_total and tab != Tab.ALL:
        # A tab is few orders: find them by its own index and sort them, instead of walking all orders by total.
        order = order.replace("total", "total_there")
        rows = rows.annotate(total_there=_HIDDEN["total_there"])
    starts = _starts(groups, tab, conditions, by_total=by_total)
    return Listed(
        [rows.filter(start).filter(state) for start in starts for state in _TABS[tab]],
        order,
        cheap=any(one.anchor for one in conditions) or all(one.cheap for one in conditions),
    )


@dataclass(frozen=True, slots=True)
class Listed:
    parts: list[QuerySet[Order]]
    """No order is in two of them."""
    order: str
    cheap: bool
    """Counting does not mean reading what is left out."""

    def page(self, token: str, size: int) -> KeysetPage[Order]:
        return keyset.page(self.parts, order=self.order, token=token, size=size)

    def beside(self, order: Order) -> tuple[Order | None, Order | None]:
        order.total_there = order.total  # type: ignore[attr-defined]  # as the list's own rows have it
        return keyset.beside(self.parts, order, order=self.order)

    def count(self) -> int | None:
        """Up to `COUNT_CAP` + 1; None when it would cost too much to know."""
        return capped_count(self.parts) if self.cheap else None


_HIDDEN = {
    "group_there": ExpressionWrapper(F("company_group_id") + Value(0), output_field=BigIntegerField()),
    "store_there": ExpressionWrapper(F("connection_id") + Value(0), output_field=BigIntegerField()),
    "total_there": ExpressionWrapper(F("total") + Value(0), output_field=AmountField()),
    "status_there": Concat("status", Value("")),
    "state_there": Concat("state", Value("")),
    "payment_state_there": Concat("payment_state", Value("")),
    "shipment_state_there": Concat("shipment_state", Value("")),
}
"""`total + 0` is in no index: without statistics SQLite would otherwise leave the list's own index for any range or
equality, and sort what may be every order."""


def _starts(groups: Collection[int], tab: str, conditions: Sequence[Condition], *, by_total: bool) -> list[Q]:
    """Where each walk begins: at few orders found by an index, in one store, or at a group's newest order."""
    inside = Q(group_there__in=sorted(groups))
    if any(condition.anchor for condition in conditions):
        return [inside]
    stores = [condition.stores for condition in conditions if condition.stores is not None]
    if stores and tab == Tab.ALL and not by_total:
        return [inside & Q(connection_id=store) for store in sorted(frozenset.intersection(*stores))] or [inside]
    return [Q(company_group_id=group) for group in sorted(groups)]


def capped_count(parts: Sequence[QuerySet[Order]], cap: int = COUNT_CAP) -> int:
    """How many, but never counting further than `cap` + 1."""
    found = 0
    for part in parts:
        found += part.select_related(None).order_by()[: cap + 1 - found].count()
        if found > cap:
            break
    return found


def whole(groups: Collection[int]) -> QuerySet[Order]:
    """Orders with everything the order page shows, except the source payload."""
    return (
        Order.objects.filter(company_group__in=groups)
        .select_related("connection", "customer")
        .prefetch_related(
            Prefetch("lines", OrderLine.objects.select_related("variant")),
            "vat_totals",
            "discounts",
            "payments",
            "refunds__lines",
            "events",
        )
    )


# ------------------------------------------------------------------ sales


@dataclass(frozen=True, slots=True)
class Sold:
    """What one store sold on one day in one currency. Amounts including VAT."""

    day: date
    connection_id: int
    currency: str
    orders: int
    revenue: Decimal
    """Totals minus what was refunded on these orders, whenever it was refunded."""


def sales(groups: Collection[int], *, first: date, last: date, zone: str) -> list[Sold]:
    """Per day of the calendar in `zone`, store and currency. Days begin at local midnight, so those of 23 and 25 hours
    are right on every backend: the boundaries are instants, worked out here."""
    days = [first + timedelta(number) for number in range((last - first).days + 1)]
    begins = [start_of(day, zone) for day in [*days, last + timedelta(1)]]
    # Newest first: most orders of a growing shop need few comparisons.
    day_number = Case(
        *(When(placed_at__gte=begins[number], then=Value(number)) for number in range(len(days) - 1, 0, -1)),
        default=Value(0),
        output_field=IntegerField(),
    )
    rows = (
        Order.objects.filter(sold(), company_group__in=groups, placed_at__gte=begins[0], placed_at__lt=begins[-1])
        .order_by()
        .values("connection_id", "currency", day_number=day_number)
        .annotate(orders=Count("id"), charged=Sum("total"), refunded=Sum("refunded_total"))
    )
    return [
        Sold(
            days[row["day_number"]],
            row["connection_id"],
            row["currency"],
            row["orders"],
            row["charged"] - row["refunded"],
        )
        for row in rows
    ]


# ------------------------------------------------------------------ customers


@dataclass(frozen=True, slots=True)
class Bought:
    """What one customer bought in one currency, over all stores. Amounts including VAT."""

    customer_id: int
    currency: str
    orders: int
    revenue: Decimal
    """Of orders neither cancelled nor with a failed payment, minus refunds."""
    sold_orders: int
    first_at: datetime
    last_at: datetime

    @property
    def average(self) -> Decimal:
        return self.revenue / self.sold_orders if self.sold_orders else ZERO


def bought(groups: Collection[int], customer_ids: Collection[int]) -> dict[int, list[Bought]]:
    rows = (
        Order.objects.alias(group_there=_HIDDEN["group_there"])
        .filter(group_there__in=sorted(groups), customer_id__in=customer_ids)
        .order_by()
        .values("customer_id", "currency")
        .annotate(
            orders=Count("id"),
            sold_orders=Count("id", filter=sold()),
            charged=Sum("total", filter=sold()),
            refunded=Sum("refunded_total", filter=sold()),
            first_at=Min("placed_at"),
            last_at=Max("placed_at"),
        )
    )
    by_customer: dict[int, list[Bought]] = {}
    for row in rows:
        by_customer.setdefault(row["customer_id"], []).append(
            Bought(
                row["customer_id"],
                row["currency"],
                row["orders"],
                (row["charged"] or ZERO) - (row["refunded"] or ZERO),
                row["sold_orders"],
                row["first_at"],
                row["last_at"],
            )
        )
    for rows_of_one in by_customer.values():
        rows_of_one.sort(key=lambda one: -one.orders)
    return by_customer
