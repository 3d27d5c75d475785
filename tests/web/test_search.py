"""Search over everything."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.builders import Sku, make_customer, make_group, make_order, make_product
from xtnd.companies.models import Company
from xtnd.database import found
from xtnd.database.found import hits
from xtnd.orders.conditions import ORDERS_SEARCH
from xtnd.orders.models import Order


def test_the_exact_number_comes_first(browser: Client, company: Company) -> None:
    exact = make_order(group=company.group, number="1234")
    longer = make_order(group=company.group, number="12345")
    shown = browser.get("/search", {"q": "#1234"}).context
    assert shown["exact"] == [exact]
    assert exact not in shown["orders"].rows
    assert longer in browser.get("/search", {"q": "1234"}).context["orders"].rows


def test_all_kinds_are_found(browser: Client, company: Company) -> None:
    order = make_order(group=company.group, customer_name="Greta Lund")
    customer = make_customer(group=company.group, first_name="Greta", last_name="Lund")
    product = make_product(group=company.group, title="Gretas lunch", variants=[Sku(sku="G-1")])
    shown = browser.get("/search", {"q": "greta lun"}).context
    assert [list(shown[kind].rows) for kind in ("orders", "products", "customers")] == [[order], [product], [customer]]


def test_nothing_found_is_said(browser: Client, company: Company) -> None:
    assert "Nothing was found" in browser.get("/search", {"q": "nobody"}).content.decode()
    assert "Write an order number" in browser.get("/search").content.decode()
    assert "“ab” is too short" in browser.get("/search", {"q": "ab"}).content.decode()


def test_another_groups_things_are_not_found(browser: Client, company: Company) -> None:
    make_order(number="777", customer_name="Hemlig Person")
    make_customer(first_name="Hemlig")
    make_product(title="Hemlig vara")
    for said in ("hemlig", "777"):
        shown = browser.get("/search", {"q": said}).context
        assert shown["nothing"]


@pytest.mark.django_db
def test_a_big_neighbour_does_not_hide_a_small_groups_hits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "MOST", 5)
    small, big = make_group(), make_group()
    mine = make_order(group=small, customer_name="Anna Lund", events=False)
    for _ in range(12):
        make_order(group=big, customer_name="Anna Lund", events=False)
    got = hits(ORDERS_SEARCH, Order, [small.pk], ["anna"])
    assert got is not None
    assert list(got.ids) == [mine.pk]
    assert not got.capped
