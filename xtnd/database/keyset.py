"""Keyset paging: the page after a row is found by that row's sort key, however deep it is. Never OFFSET."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from django.db.models import F, Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[Row]):
    rows: Sequence[Row]
    next: str
    """Token of the next page; "" on the last."""
    previous: str
    """Token of the page before; "" on the first."""


def page(rows: QuerySet[Row], *, order: str, token: str = "", size: int = 50, ties: str = "id") -> KeysetPage[Row]:
    """`order` is a non-null column, "-" before it for descending; ties are settled by the key in the same direction.

    A token that was tampered with gives the first page.
    """
    column, descending = order.lstrip("-"), order.startswith("-")
    direction, key = _read(token)
    backwards = direction == "<"
    asc = descending == backwards
    wanted = rows.order_by(*(F(name).asc() if asc else F(name).desc() for name in (column, ties)))
    if key is not None:
        operator = "gt" if asc else "lt"
        try:
            wanted = wanted.filter(_beyond(column, ties, operator, key))
            found = list(wanted[: size + 1])
        except (ValueError, TypeError):
            return page(rows, order=order, size=size, ties=ties)
    else:
        found = list(wanted[: size + 1])
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
    return (direction, key) if direction in "<>" and len(key) == 2 else (">", None)
