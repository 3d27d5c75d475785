"""The store itself: what bumps `date_modified`, stock, money over a whole seeded year, and the file it is kept in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtnd.ops.demo import pricing
from xtnd.ops.demo.seed import seed_store
from xtnd.ops.demo.serve import Seller, open_demo_store, serve_demo
from xtnd.ops.demo.store import Coupon, Fee, Line, RefundLine, RefundRefused, Shipping, Store

NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
CENT = Decimal("0.01")

Act = Callable[[Store, int, int], object]


def back_one(store: Store, order: int) -> list[RefundLine]:
    return [RefundLine(store.orders[order]["line_items"][0]["id"], 1)]


META = [{"key": "a", "value": 1}]

# (what is done, bumps on 9.9.5, bumps on 3.6.4), as measured
BUMPS: list[tuple[str, Act, bool, bool]] = [
    ("status", lambda store, product, order: store.set_status(order, "completed"), True, True),
    ("same status", lambda store, product, order: store.set_status(order, "processing"), True, False),
    ("nothing", lambda store, product, order: store.update_order(order, {}), True, False),
    ("meta", lambda store, product, order: store.update_order(order, {"meta_data": META}), True, False),
    ("note", lambda store, product, order: store.add_note(order, "hej"), False, False),
    ("refund", lambda store, product, order: store.refund_order(order, amount=Decimal(1)), True, False),
    ("full refund", lambda store, product, order: store.refund_order(order), True, True),
    ("trash", lambda store, product, order: store.trash_order(order), True, True),
    ("stock", lambda store, product, order: store.set_stock(product, 5), False, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "act", "modern", "old"), BUMPS, ids=[row[0] for row in BUMPS])
@pytest.mark.parametrize("is_modern", [True, False], ids=["9.9.5", "3.6.4"])
def test_what_bumps_an_order(name: str, act: Act, modern: bool, old: bool, is_modern: bool, clock: Any) -> None:
    store = Store(clock=clock, modern=is_modern)
    product = store.add_product(name="Vara", price="100", stock=10)
    order = store.place_order(lines=[Line(product, 2)])
    before = store.orders[order]["date_modified_gmt"]
    clock.forward(60)
    act(store, product, order)
    assert (store.orders[order]["date_modified_gmt"] != before) == (modern if is_modern else old)


def test_deleting_a_refund_bumps_nothing(shop: tuple[Store, int, int], clock: Any) -> None:
    store, _, order = shop
    refund = store.refund_order(order, amount=Decimal(10))
    before = store.orders[order]["date_modified_gmt"]
    clock.forward(60)
    store.delete_refund(refund)
    assert (store.orders[order]["date_modified_gmt"], store.orders[order]["refunds"]) == (before, [])


def test_stock_follows_the_orders_status(shop: tuple[Store, int, int]) -> None:
    store, product, order = shop
    levels = []
    for status in ("completed", "cancelled", "completed"):
        store.set_status(order, status)
        levels.append(store.products[product]["stock_quantity"])
    assert levels == [61, 63, 61]


def test_only_what_is_left_goes_back(shop: tuple[Store, int, int]) -> None:
    store, product, order = shop
    store.refund_order(order, back_one(store, order))
    assert store.products[product]["stock_quantity"] == 62
    store.set_status(order, "cancelled")
    assert store.products[product]["stock_quantity"] == 63


def test_a_variation_takes_its_parent_along(store: Store, clock: Any) -> None:
    parent = store.add_product(name="Tröja", stock=10)
    own = store.add_variation(parent, options={"Storlek": "S"}, price="100", stock=5)
    shared = store.add_variation(parent, options={"Storlek": "M"}, price="100", stock="parent")
    clock.forward(60)
    store.place_order(lines=[Line(parent, 2, own), Line(parent, 12, shared)])
    assert store.variations[own]["stock_quantity"] == 3
    assert store.products[parent]["stock_quantity"] == store.variations[shared]["stock_quantity"] == -2
    assert store.products[parent]["date_modified_gmt"] == store.variations[own]["date_modified_gmt"]
    assert store.products[parent]["date_modified_gmt"] > store.products[parent]["date_created_gmt"]


def test_refunds_as_measured(shop: tuple[Store, int, int]) -> None:
    store, _, order = shop
    with pytest.raises(RefundRefused, match=r"^Invalid refund amount\.$"):
        store.refund_order(order, amount=Decimal("158.01"))
    with_lines = store.refunds[store.refund_order(order, back_one(store, order))]
    assert (with_lines["amount"], with_lines["line_items"][0]["total"]) == ("79.00", "-63.20")
    assert with_lines["line_items"][0]["meta_data"][0]["key"] == "_refunded_item_id"
    assert with_lines["tax_lines"][0]["tax_total"] == "-15.80"
    rest = store.refunds[store.refund_order(order)]
    assert (rest["amount"], rest["line_items"], rest["tax_lines"]) == ("79.00", [], [])
    assert store.orders[order]["status"] == "refunded"
    assert store.orders[order]["total"] == "158.00"


# -- money ---------------------------------------------------------------------------------------------------------


def every_line(order: dict[str, Any]) -> list[dict[str, Any]]:
    return [*order["line_items"], *order["shipping_lines"], *order["fee_lines"]]


def check_money(order: dict[str, Any]) -> Decimal:
    """The invariants of every real order; returns how far the rounded lines are from the total."""
    tax = sum(
        (Decimal(one["tax_total"]) + Decimal(one["shipping_tax_total"]) for one in order["tax_lines"]), Decimal(0)
    )
    assert Decimal(order["total_tax"]) == Decimal(order["cart_tax"]) + Decimal(order["shipping_tax"]) == tax
    net = sum((Decimal(line["total"]) for line in every_line(order)), Decimal(0))
    assert Decimal(order["total"]) == net + tax
    gross = sum((Decimal(line["total"]) + Decimal(line["total_tax"]) for line in every_line(order)), Decimal(0))
    return abs(Decimal(order["total"]) - gross)


@pytest.fixture(scope="module")
def year() -> Store:
    store = Store(clock=lambda: NOW)
    seed_store(store)
    return store


def test_money_adds_up_in_every_order_of_the_year(year: Store) -> None:
    off = [check_money(order) for order in year.orders.values()]
    assert len(off) == 1500
    assert max(off) <= Decimal("0.03")
    assert 0 < sum(1 for one in off if one) < 15  # the odd öre is real, and rare


def test_the_year_holds_what_real_stores_hold(year: Store) -> None:
    orders = list(year.orders.values())
    assert len(year.products) == 200
    assert {order["status"] for order in orders} == {
        "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed",
    }  # fmt: skip
    assert {order["currency"] for order in orders} == {"SEK", "EUR"}
    assert {order["billing"]["country"] for order in orders} == {"SE", "NO", "FI"}
    assert all(not order["tax_lines"] for order in orders if order["billing"]["country"] != "SE")
    assert {line["rate_percent"] for order in orders for line in order["tax_lines"]} == {25, 12}
    lines = [line for order in orders for line in order["line_items"]]
    assert any(line["sku"] is None and line["product_id"] == 0 for line in lines)
    assert any(order["total"] == "0.00" for order in orders)
    assert any(refund["line_items"] for refund in year.refunds.values())
    assert any(not refund["line_items"] for refund in year.refunds.values())
    assert any(one["manage_stock"] == "parent" for one in year.variations.values())
    assert any((one["stock_quantity"] or 0) < 0 for one in year.products.values())
    assert any(one["type"] == "grouped" for one in year.products.values())
    assert any(one["sku"] == "" for one in year.products.values())
    assert sum(1 for one in year.products.values() if one["sku"] == "ART-0002") == 2
    assert any(meta["key"] == "_billing_vat_number" for order in orders for meta in order["meta_data"])


def test_nothing_happened_in_the_future(year: Store) -> None:
    for order in year.orders.values():
        assert NOW - timedelta(days=365) <= datetime.fromisoformat(order["date_created_gmt"] + "+00:00") <= NOW
        assert order["date_created_gmt"] <= order["date_modified_gmt"] <= "2026-11-24T08:30:00"


@given(
    prices=st.lists(st.decimals("0.01", "9999.99", places=2), min_size=1, max_size=5),
    percent=st.sampled_from([0, 10, 33, 100]),
    net=st.decimals("0", "200", places=2),
    tax_class=st.sampled_from(["", "moms-12", "moms-6"]),
)
def test_money_adds_up_for_any_price(prices: list[Decimal], percent: int, net: Decimal, tax_class: str) -> None:
    store = Store(clock=lambda: NOW)
    order = store.place_order(
        lines=[Line(0, 3, price=price, name="x", tax_class=tax_class) for price in prices],
        billing={"country": "SE"},
        shipping=[Shipping("Paket", net)],
        fees=[Fee("Fakturaavgift", net)],
        coupon=Coupon("x", percent) if percent else None,
    )
    # a half öre on shipping and one on the fee, each rounded two ways; a line of goods never has one
    assert check_money(store.orders[order]) <= Decimal("0.02")


def test_a_half_ore_is_rounded_down_on_the_line_and_up_on_the_tax_line(store: Store) -> None:
    order = store.orders[store.place_order(shipping=[Shipping("Brev", Decimal("18.90"))])]
    assert order["shipping_lines"][0]["taxes"][0]["total"] == "4.725"
    assert (order["shipping_lines"][0]["total_tax"], order["tax_lines"][0]["shipping_tax_total"]) == ("4.72", "4.73")


def test_prices_are_unrounded_numbers() -> None:
    assert pricing.unit_price(Decimal("141.6"), 3) == 47.199999999999996
    assert pricing.unit_price(Decimal("72"), 3) == 24
    assert isinstance(pricing.unit_price(Decimal("72"), 3), int)


# -- keeping -------------------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_store() -> None:
    one, two = Store(clock=lambda: NOW), Store(clock=lambda: NOW)
    for store in (one, two):
        seed_store(store, orders=60, products=60, customers=10)
    assert one.kinds == two.kinds


def test_a_reloaded_store_is_the_same_store(tmp_path: Path, shop: tuple[Store, int, int]) -> None:
    path = tmp_path / "store.sqlite3"
    first = Store(path=path, keys=shop[0].keys, clock=lambda: NOW, name="Nät & Ändå", modern=False)
    seed_store(first, orders=60, products=60, customers=10)
    numbers = list(first.orders)
    first.trash_order(numbers[0])
    first.delete_order(numbers[1], force=True)
    Seller(first, seed=1).sell_once()
    first.close()
    again = Store(path=path, clock=lambda: NOW)
    assert again.kinds == first.kinds
    assert [list(docs) for docs in again.kinds.values()] == [list(docs) for docs in first.kinds.values()]
    assert (again.keys, again.name, again.modern) == (first.keys, "Nät & Ändå", False)
    assert again.place_order() == max(*first.orders, *first.refunds) + 1


def test_the_seller_sells_what_adds_up(year: Store) -> None:
    store = Store(clock=lambda: NOW)
    seed_store(store, orders=60, products=60, customers=10)
    seller = Seller(store, seed=7)
    sold = [seller.sell_once() for _ in range(40)]
    assert all(check_money(store.orders[number]) <= CENT for number in sold)
    assert sum(1 for order in store.orders.values() if order["status"] == "completed") > 20


def test_the_demo_store_survives_a_restart(tmp_path: Path) -> None:
    path, stop, told = tmp_path / "demo.sqlite3", threading.Event(), []
    small = open_demo_store_small(path)

    def ready(url: str, key: object) -> None:
        told.append(url)
        stop.set()

    serve_demo(port=0, path=path, ready=ready, stop=stop)
    assert told[0].startswith("http://127.0.0.1:")
    again = open_demo_store(path)
    assert (again.keys, again.kinds) == (small.keys, small.kinds)
    assert again.keys[0].consumer_key.startswith("ck_")
    again.close()


def open_demo_store_small(path: Path) -> Store:
    """As open_demo_store, with fewer orders to wait for."""
    store = Store(path=path)
    seed_store(store, orders=20, products=40, customers=5)
    store.close()
    keyed = open_demo_store(path)
    keyed.close()
    return keyed
