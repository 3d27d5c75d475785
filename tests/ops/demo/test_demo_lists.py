"""Lists: the measured date filters, paging and its instability, and what an old store ignores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from xtnd.ops.demo.faults import Faults
from xtnd.ops.demo.store import Store

FIRST = datetime(2026, 6, 10, 10, 0, 0, tzinfo=UTC)  # 12:00 in Stockholm, summer time
# (value, dates_are_gmt) -> which of three orders, at :00, :01 and :02, come back; the same for created and modified
AFTER = [
    ("2026-06-10T10:00:00", "true", [1, 2]),
    ("2026-06-10T10:00:01", "true", [2]),
    ("2026-06-10T10:00:00", "false", [0, 1, 2]),
    ("2026-06-10T12:00:00", "false", [1, 2]),
    ("2026-06-10T12:00:01", "false", [2]),
    ("2026-06-10T12:00:00", None, [1, 2]),
    ("2026-06-10T10:00:00Z", "true", []),
    ("2026-06-10T10:00:00Z", "false", [1, 2]),
    ("2026-06-10T10:00:00Z", None, [1, 2]),
    ("2026-06-10T12:00:00%2B02:00", "true", []),
    ("2026-06-10T12:00:00%2B02:00", "false", [1, 2]),
    ("2026-06-10T12:00:00%2B02:00", None, [1, 2]),
    ("2026-06-10T09:59:59.999", "true", [0, 1, 2]),
    ("2026-06-10T10:00:00.5", "true", [1, 2]),
]
BEFORE = [("2026-06-10T10:00:02", "true", [0, 1]), ("2026-06-10T10:00:01", "true", [0])]
CASES = [(name, *case) for name in ("after", "modified_after") for case in AFTER]
CASES += [(name, *case) for name in ("before", "modified_before") for case in BEFORE]


@pytest.fixture
def boundary(store: Store) -> Store:
    for second in range(3):
        store.place_order(created=FIRST + timedelta(seconds=second))
    return store


@pytest.mark.parametrize(("name", "value", "gmt", "expected"), CASES)
def test_dates_are_whole_seconds_and_exclusive(
    name: str, value: str, gmt: str | None, expected: list[int], boundary: Store, serve: Callable[..., Any]
) -> None:
    query = f"{name}={value}" + (f"&dates_are_gmt={gmt}" if gmt else "")
    reply = serve(boundary).get(f"/wp-json/wc/v3/orders?{query}&orderby=id&order=asc&_fields=id")
    ids = list(boundary.orders)
    assert [row["id"] for row in reply.json] == [ids[place] for place in expected]


@pytest.mark.parametrize("value", ["igar", "2026-01-01", "2026-01-01T00:00:00+02:00", "2026-13-01T00:00:00"])
def test_dates_that_are_refused(value: str, boundary: Store, serve: Callable[..., Any]) -> None:
    # an unescaped plus sign arrives as a space
    reply = serve(boundary).get(f"/wp-json/wc/v3/orders?modified_after={value}")
    assert (reply.status, reply.json["data"]["params"]) == (400, {"modified_after": "Invalid date."})


def test_all_bad_parameters_are_named_at_once(boundary: Store, serve: Callable[..., Any]) -> None:
    reply = serve(boundary).get("/wp-json/wc/v3/orders?per_page=x&page=0&include=a&customer=b&order=up&dates_are_gmt=3")
    named = {"per_page", "page", "include", "customer", "order"}
    assert set(reply.json["data"]["params"]) == named | {"dates_are_gmt"}
    assert reply.json["data"]["params"]["include"] == "include[0] is not of type integer."


def test_fields_that_look_the_same_as_recorded(boundary: Store) -> None:
    order = next(iter(boundary.orders.values()))
    assert (order["date_created"], order["date_created_gmt"]) == ("2026-06-10T12:00:00", "2026-06-10T10:00:00")


def ids(reply: Any) -> list[int]:
    return [row["id"] for row in reply.json]


def test_equal_dates_come_in_no_fixed_order(store: Store, serve: Callable[..., Any]) -> None:
    six = [store.place_order(created=FIRST) for _ in range(6)]
    path = "/wp-json/wc/v3/orders?orderby=modified&order=asc&per_page=2&_fields=id"
    pages = [ids(serve(store).get(f"{path}&page={page}")) for page in (1, 2, 3)]
    assert [[six.index(number) for number in page] for page in pages] == [[5, 1], [2, 3], [4, 5]]
    store.unstable_ties = False
    assert [number for page in (1, 2, 3) for number in ids(serve(store).get(f"{path}&page={page}"))] == six


def test_a_touched_order_makes_paging_skip_another(store: Store, serve: Callable[..., Any]) -> None:
    twelve = [store.place_order(created=FIRST + timedelta(seconds=second)) for second in range(12)]
    script = Faults(after_response=lambda number, *_: store.touch_order(twelve[2]) if number == 1 else None)
    caller = serve(store, faults=script)
    path = "/wp-json/wc/v3/orders?orderby=modified&order=asc&per_page=6&_fields=id"
    seen = [*ids(caller.get(f"{path}&page=1")), *ids(caller.get(f"{path}&page=2"))]
    assert set(twelve) - set(seen) == {twelve[6]}


def test_past_the_end_hpos_forgets_the_total(seeded: Store, serve: Callable[..., Any]) -> None:
    caller = serve(seeded)
    orders, products = (caller.get(f"/wp-json/wc/v3/{kind}?per_page=100&page=50") for kind in ("orders", "products"))
    assert (orders.json, orders.headers["X-WP-Total"], orders.headers["X-WP-TotalPages"]) == ([], "0", "0")
    assert (products.json, products.headers["X-WP-Total"], products.headers["X-WP-TotalPages"]) == ([], "150", "2")


def test_paging_by_id_returns_everything_once(seeded: Store, serve: Callable[..., Any]) -> None:
    caller = serve(seeded)
    pages = [ids(caller.get(f"/wp-json/wc/v3/orders?orderby=id&order=asc&per_page=100&page={n}")) for n in (1, 2, 3)]
    assert [number for page in pages for number in page] == list(seeded.orders)


def test_pages_of_whole_orders_are_valid_json_in_wordpress_spelling(seeded: Store, serve: Callable[..., Any]) -> None:
    reply = serve(seeded).get("/wp-json/wc/v3/orders?per_page=100")
    assert len(reply.json) == 100
    assert reply.body.isascii()
    assert b"\\u00e5" in reply.body
    assert b"https:\\/\\/" in reply.body


def test_date_header_follows_the_stores_clock(seeded: Store, serve: Callable[..., Any]) -> None:
    assert serve(seeded).get("/wp-json/").headers["Date"] == "Tue, 24 Nov 2026 08:30:00 GMT"


@pytest.fixture
def old(clock: Callable[[], datetime], store: Store) -> Store:
    """A 3.6.4 with three orders."""
    old = Store(keys=store.keys, clock=clock, modern=False)
    for second in range(3):
        old.place_order(created=FIRST + timedelta(seconds=second), billing={"country": "SE"})
    return old


def test_an_old_store_ignores_what_it_does_not_know(old: Store, serve: Callable[..., Any]) -> None:
    caller = serve(old)
    refused = caller.get("/wp-json/wc/v3/orders?orderby=modified")
    assert refused.json["data"]["params"] == {"orderby": "orderby is not one of date, id, include, title, and slug."}
    path = "/wp-json/wc/v3/orders?_fields=id&orderby=id&order=asc"
    everything = list(old.orders)
    assert ids(caller.get(f"{path}&modified_after=2030-01-01T00:00:00&dates_are_gmt=true")) == everything
    assert ids(caller.get(f"{path}&after=2026-06-10T12:00:00&dates_are_gmt=true")) == everything[1:]
    assert ids(caller.get(f"{path}&after=2026-06-10T10:00:00Z")) == everything[1:]


def test_an_old_store_says_less(old: Store, serve: Callable[..., Any]) -> None:
    caller = serve(old)
    order = caller.get("/wp-json/wc/v3/orders").json[0]
    assert order["version"] == "3.6.4"
    assert not {"currency_symbol", "is_editable", "needs_payment", "needs_processing", "payment_url"} & set(order)
    assert caller.get("/wp-json/wc/v3/refunds").json["code"] == "rest_no_route"
    assert caller.get("/wp-json/wc/v3/orders?page=9").headers["X-WP-Total"] == "3"
    assert caller.get("/wp-json/wc/v1/orders?_fields=id").headers["X-WP-Total"] == "3"


def test_system_status_parts(seeded: Store, serve: Callable[..., Any]) -> None:
    path = "/wp-json/wc/v3/system_status?_fields=environment.version,settings.currency,theme.name"
    assert serve(seeded).get(path).json == {
        "environment": {"version": "9.9.5"}, "theme": {"name": "Salient"}, "settings": {"currency": "SEK"},
    }  # fmt: skip
