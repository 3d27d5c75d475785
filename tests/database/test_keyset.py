"""Keyset paging visits each row once, in both directions, whatever is equal; a broken token is the first page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests import builders
from tests.builders import PLACED_AT
from xtnd.database.keyset import KeysetPage, beside, page
from xtnd.orders.models import Order

ORDERS = ("placed_at", "-placed_at", "total", "-total", "number", "-number", "id", "-id")


def make_orders(keys: Sequence[int]) -> None:
    """Equal keys give equal dates, totals and numbers."""
    connection = builders.make_connection()
    template = builders.make_order(connection=connection, lines=(), events=False)
    columns = {field.attname: getattr(template, field.attname) for field in Order._meta.concrete_fields}
    template.delete()
    Order.objects.bulk_create(
        Order(
            **{
                **columns,
                "id": None,
                "external_id": str(index),
                "number": f"N{key}",
                "placed_at": PLACED_AT + timedelta(seconds=key, microseconds=key),
                "total": Decimal(key) / 8,
            }
        )
        for index, key in enumerate(keys)
    )


def expected(order: str) -> list[int]:
    """The truth, sorted here."""
    column = order.lstrip("-")
    rows = [(getattr(row, column), row.pk) for row in Order.objects.all()]
    return [number for _key, number in sorted(rows, reverse=order.startswith("-"))]


def walk(rows: Any, *, order: str, size: int) -> tuple[list[list[int]], list[list[int]]]:
    """Forwards to the end, then back to the beginning."""
    there: list[list[int]] = []
    token = ""
    while True:
        found: KeysetPage[Order] = page(rows, order=order, token=token, size=size)
        there.append([row.pk for row in found.rows])
        token = found.next
        if not token:
            break
    back = [there[-1]]
    while found.previous:
        found = page(rows, order=order, token=found.previous, size=size)
        back.append([row.pk for row in found.rows])
    return there, back[::-1]


class EachRowOnce(TestCase):
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(st.integers(min_value=0, max_value=4), max_size=17),
        st.integers(min_value=1, max_value=6),
        st.sampled_from(ORDERS),
    )
    def test_in_both_directions(self, keys: list[int], size: int, order: str) -> None:
        make_orders(keys)
        wanted = expected(order)
        there, back = walk(Order.objects.all(), order=order, size=size)
        assert [number for part in there for number in part] == wanted
        assert [number for part in back for number in part] == wanted
        assert all(len(part) == size for part in there[:-1])

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.integers(min_value=0, max_value=3), min_size=1, max_size=15), st.sampled_from(ORDERS))
    def test_of_several_lists_as_of_one(self, keys: list[int], order: str) -> None:
        make_orders(keys)
        parts = [Order.objects.filter(total__lt=Decimal("0.2")), Order.objects.filter(total__gte=Decimal("0.2"))]
        wanted = expected(order)
        for walked in walk(parts, order=order, size=4):
            assert [number for part in walked for number in part] == wanted

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.integers(min_value=0, max_value=2), min_size=1, max_size=9), st.sampled_from(ORDERS))
    def test_neighbours(self, keys: list[int], order: str) -> None:
        make_orders(keys)
        wanted = expected(order)
        around: list[int | None] = [None, *wanted, None]
        for place, number in enumerate(wanted):
            before, after = beside(Order.objects.all(), Order.objects.get(pk=number), order=order)
            assert (before and before.pk, after and after.pk) == (around[place], around[place + 2])


def token(*parts: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(list(parts))).decode().rstrip("=")


@pytest.mark.django_db
@pytest.mark.parametrize("order", ["-placed_at", "total", "id"])
@pytest.mark.parametrize(
    "broken",
    [
        "x",
        "å",
        "////",
        "A" * 500,
        token(),
        token(">", "1"),
        token("=", "1", "1"),
        token(">", "", ""),
        token(">", "tomorrow", "1"),
        token("<", "NaN", "1"),
        token("<", "Infinity", "1"),
        token(">", "2026-13-45 00:00:00", "1"),
        token(">", "2026-03-02 09:30:00+00:00", "one"),
        token(">", "1' OR '1'='1", "1"),
        base64.urlsafe_b64encode(b'[">", 1, 2]').decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"null").decode(),
    ],
)
def test_a_token_that_was_tampered_with_is_the_first_page(broken: str, order: str) -> None:
    make_orders([1, 2, 3, 4, 5])
    found = page(Order.objects.all(), order=order, token=broken, size=2)
    assert [row.pk for row in found.rows] == expected(order)[:2]
    assert found.previous == ""


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["9" * 30, "-1"])
def test_a_token_beyond_everything_is_an_empty_page(number: str) -> None:
    make_orders([1, 2, 3])
    assert len(page(Order.objects.all(), order="id", token=token(">", number, number), size=2).rows) in (0, 2)


@pytest.mark.django_db
def test_rows_that_come_and_go_between_pages() -> None:
    make_orders([1, 2, 3, 4, 5, 6])
    numbers = expected("placed_at")
    first = page(Order.objects.all(), order="placed_at", size=2)
    Order.objects.filter(pk__in=[numbers[1], numbers[2]]).delete()  # the row the token stands on, too
    second = page(Order.objects.all(), order="placed_at", token=first.next, size=2)
    assert [row.pk for row in second.rows] == numbers[3:5]


@pytest.mark.django_db
def test_a_deep_page_is_one_query_without_offset() -> None:
    make_orders(list(range(30)))
    at = page(Order.objects.all(), order="-placed_at", size=20)
    with CaptureQueriesContext(database) as queries:
        page(Order.objects.all(), order="-placed_at", token=at.next, size=5)
    assert len(queries) == 1
    assert "OFFSET" not in queries[0]["sql"]


@pytest.mark.django_db
def test_nothing() -> None:
    found = page(Order.objects.all(), order="-placed_at")
    assert (list(found.rows), found.next, found.previous) == ([], "", "")
