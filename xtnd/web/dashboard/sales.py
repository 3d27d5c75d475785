"""Sales of the last thirty days: sums for today, a week and a month, and a day-by-day table that is also the chart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from xtnd.core.money import ZERO, total
from xtnd.core.terms import Term, Typed
from xtnd.orders import queries
from xtnd.orders.models import Paid, State
from xtnd.orders.queries import Sold
from xtnd.web.lists import query

DAYS = 30


@dataclass(frozen=True, slots=True)
class Period:
    """Sums over `days` days that end today, in one currency."""

    days: int
    currency: str
    orders: int
    revenue: Decimal
    query: str
    """The order list with exactly these orders."""

    @property
    def average(self) -> Decimal:
        return total(self.revenue / self.orders, self.currency) if self.orders else ZERO


@dataclass(frozen=True, slots=True)
class Cell:
    orders: int = 0
    revenue: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Series:
    """One store in one currency."""

    connection_id: int
    name: str
    currency: str


@dataclass(frozen=True, slots=True)
class DayRow:
    day: date
    cells: list[Cell]
    """One for each series."""
    query: str


@dataclass(frozen=True, slots=True)
class Sales:
    currencies: list[tuple[str, list[Period]]]
    series: list[Series]
    days: list[DayRow]
    """Newest first."""

    def chart(self) -> dict[str, Any]:
        """The same numbers for the chart, oldest first."""
        days = self.days[::-1]
        return {
            "days": [row.day.isoformat() for row in days],
            "series": [
                {
                    "name": one.name,
                    "currency": one.currency,
                    "orders": [row.cells[place].orders for row in days],
                    "revenue": [str(row.cells[place].revenue) for row in days],
                }
                for place, one in enumerate(self.series)
            ],
        }


def sales(groups: Collection[int], stores: Mapping[int, str], *, today: date, zone: str) -> Sales:
    first = today - timedelta(DAYS - 1)
    sold = queries.sales(groups, first=first, last=today, zone=zone)
    volume: dict[str, int] = {}
    for one in sold:
        volume[one.currency] = volume.get(one.currency, 0) + one.orders
    currencies = sorted(volume, key=lambda currency: (-volume[currency], currency))
    series = sorted(
        {Series(one.connection_id, stores.get(one.connection_id, ""), one.currency) for one in sold},
        key=lambda one: (one.name, one.currency),
    )
    cells = {(one.day, one.connection_id, one.currency): Cell(one.orders, one.revenue) for one in sold}
    days = [today - timedelta(number) for number in range(DAYS)]
    return Sales(
        [(currency, [_period(sold, currency, length, today) for length in (1, 7, DAYS)]) for currency in currencies],
        series,
        [
            DayRow(
                day,
                [cells.get((day, one.connection_id, one.currency), Cell()) for one in series],
                query(find=str(Typed((Term("placed", day.isoformat()), *_SOLD)))),
            )
            for day in days
        ],
    )


_SOLD = (Term("state", State.CANCELLED.value, negated=True), Term("payment", Paid.FAILED.value, negated=True))
"""`queries.sold()` as a person would write it."""


def _period(sold: Sequence[Sold], currency: str, length: int, today: date) -> Period:
    first = today - timedelta(length - 1)
    of_period = [one for one in sold if one.currency == currency and one.day >= first]
    placed = Term("placed", today.isoformat()) if length == 1 else Term("placed", first.isoformat(), ">=")
    return Period(
        length,
        currency,
        sum(one.orders for one in of_period),
        sum((one.revenue for one in of_period), ZERO),
        query(find=str(Typed((placed, Term("currency", currency), *_SOLD)))),
    )
