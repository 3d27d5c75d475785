"""Keyset paging: the page after a row is found by that row's sort key, however deep it is. Never OFFSET."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[Row]):
    rows: Sequence[Row]
    next: str
    """Token of the next page; "" on the last."""
    previous: str
    """Token of the page before; "" on the first."""


def page(
    rows: QuerySet[Row] | Sequence[QuerySet[Row]], *, order: str, token: str = "", size: int = 50, ties: str = "id"
) -> KeysetPage[Row]:
    """`order` is a non-null column, "-" before it for descending; ties are settled by the key in the same direction.

    Several querysets (no row in two of them: one per company group, one per state) are merged: each walks an index of
    its own, where one `IN` over them would sort everything. A token that was tampered with gives the first page.
    """
    parts = [rows] if isinstance(rows, QuerySet) else rows
    column, descending = order.lstrip("-"), order.startswith("-")
    direction, key = _read(token)
    backwards = direction == "<"
    asc = descending == backwards
    try:
        found = [row for part in parts for row in _first(part, column, ties, asc=asc, key=key, count=size + 1)]
    except (ValueError, TypeError, ArithmeticError, ValidationError):
        if key is None:
            raise
        return page(parts, order=order, size=size, ties=ties)
    if len(parts) > 1:
        found.sort(key=lambda row: (getattr(row, column), getattr(row, ties)), reverse=not asc)
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    if not found:
        return KeysetPage((), "", "")
    has_next, has_previous = (True, more) if backwards else (more, key is not None)
    return KeysetPage(
        found,
        _write(">", found[-1], column, ties) if has_next else "",
        _write("<", found[0], column, ties) if has_previous else "",
    )


def beside(
    rows: QuerySet[Row] | Sequence[QuerySet[Row]], row: Row, *, order: str, ties: str = "id"
) -> tuple[Row | None, Row | None]:
    """The rows just before and just after `row` in this order."""
    column = order.lstrip("-")
    found = [
        page(rows, order=order, token=_write(direction, row, column, ties), size=1, ties=ties).rows
        for direction in "<>"
    ]
    before, after = (one[0] if one else None for one in found)
    return before, after


def _first(rows: QuerySet[Row], column: str, ties: str, *, asc: bool, key: list[Any] | None, count: int) -> list[Row]:
    wanted = rows.order_by(*(F(name).asc() if asc else F(name).desc() for name in dict.fromkeys((column, ties))))
    if key is not None:
        wanted = wanted.filter(_beyond(column, ties, "gt" if asc else "lt", key))
    return list(wanted[:count])


def _beyond(column: str, ties: str, operator: str, key: list[Any]) -> Q:
    # `column <= x AND (column < x OR id < y)` lets both databases walk one index.
    return Q(**{f"{column}__{operator}e": key[0]}) & (
        Q(**{f"{column}__{operator}": key[0]}) | Q(**{f"{ties}__{operator}": key[1]})
    )


def _write(direction: str, row: Model, column: str, ties: str) -> str:
    key = [direction, str(getattr(row, column)), str(getattr(row, ties))]
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _read(token: str) -> tuple[str, list[Any] | None]:
    if not token:
        return ">", None
    try:
        decoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        direction, *key = msgspec.json.decode(decoded, type=list[str])
    except (ValueError, msgspec.MsgspecError):
        return ">", None
    return (direction, key) if direction in ("<", ">") and len(key) == 2 else (">", None)
