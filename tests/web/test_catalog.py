"""Products: the list, its filters, one product with variants, listings and movements."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.builders import Level, Sku, make_connection, make_product, make_warehouse
from xtnd.catalog.models import Product
from xtnd.companies.models import Company

LIST_QUERIES = 10


def titles(response: Any) -> list[str]:
    return sorted(row.product.title for row in response.context["rows"])


@pytest.fixture
def shelf(company: Company) -> dict[str, Product]:
    demo = make_connection(group=company.group, name="Demo store")
    outlet = make_connection(group=company.group, name="Outlet")
    warehouse = make_warehouse(company=company)
    return {
        "mug": make_product(
            title="Kaffemugg", variants=[Sku(sku="MUG-1", levels=[Level(warehouse=warehouse)])], listed_in=[demo]
        ),
        "shirt": make_product(
            title="Tröja",
            variants=[
                Sku(sku="T-S", title="S", policy="parent", levels=[Level(warehouse=warehouse, on_hand=0)]),
                Sku(sku="T-M", title="M", policy="parent"),
            ],
            listed_in=[demo, outlet],
        ),
        "bare": make_product(
            title="Utan", variants=[Sku(match="no_sku", stock=None, policy="untracked")], listed_in=[outlet]
        ),
        "twice": make_product(
            title="Dubbel", variants=[Sku(sku="DUP", match="duplicate_sku", in_stock=False)], listed_in=[demo]
        ),
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["Dubbel", "Kaffemugg", "Tröja", "Utan"]),
        ({"show": "no_sku"}, ["Utan"]),
        ({"show": "duplicate_sku"}, ["Dubbel"]),
        ({"show": "out"}, ["Dubbel", "Tröja"]),
        ({"find": "mug-1"}, ["Kaffemugg"]),
        ({"find": "TRÖJ"}, ["Tröja"]),
        ({"find": "nothing"}, []),
        ({"show": "nonsense"}, ["Dubbel", "Kaffemugg", "Tröja", "Utan"]),
    ],
)
def test_filters(browser: Client, shelf: dict[str, Product], query: dict[str, str], expected: list[str]) -> None:
    assert titles(browser.get("/products/", query)) == expected


def test_filter_by_store(browser: Client, shelf: dict[str, Product]) -> None:
    outlet = shelf["bare"].listings.get().connection
    assert titles(browser.get("/products/", {"store": outlet.pk})) == ["Tröja", "Utan"]
    assert titles(browser.get("/products/", {"store": outlet.pk, "show": "no_sku"})) == ["Utan"]
    assert len(titles(browser.get("/products/", {"store": "999999"}))) == 4


def test_short_words_are_said(browser: Client, shelf: dict[str, Product]) -> None:
    assert "“ab” is too short" in browser.get("/products/", {"find": "ab"}).content.decode()


def test_paging_holds_every_product_once(browser: Client, company: Company) -> None:
    for number in range(120):
        make_product(group=company.group, title=f"Product {number}")
    seen, query = [], ""
    for _ in range(3):
        response = browser.get(f"/products/?{query}")
        seen += titles(response)
        query = response.context["next_query"]
    assert not query
    assert len(seen) == len(set(seen)) == 120


def test_list_queries(browser: Client, company: Company) -> None:
    stores = [make_connection(group=company.group) for _ in range(2)]
    for _ in range(60):
        make_product(listed_in=stores, variants=[Sku(sku=""), Sku(sku="")])
    with CaptureQueriesContext(database) as said:
        browser.get("/products/", {"find": "coffee"})
    assert len(said) <= LIST_QUERIES, [query["sql"][:120] for query in said.captured_queries]
    assert not any("OFFSET" in query["sql"] for query in said.captured_queries)


def test_product_page_shows_everything(browser: Client, shelf: dict[str, Product]) -> None:
    body = browser.get(f"/products/{shelf['shirt'].pk}/").content.decode()
    for text in ("T-S", "T-M", "shared by the variants", "Outlet", "Main warehouse", "Taken from the store"):
        assert text in body, text


def test_links_into_the_store_are_web_addresses(browser: Client, shelf: dict[str, Product]) -> None:
    shelf["mug"].listings.update(admin_url="javascript:alert(1)", url="https://shop.example.com/mug")
    body = browser.get(f"/products/{shelf['mug'].pk}/").content.decode()
    assert "javascript:" not in body
    assert 'href="https://shop.example.com/mug"' in body


def test_another_groups_products_are_nowhere(browser: Client, company: Company) -> None:
    foreign = make_product(title="Hemlig vara")
    assert titles(browser.get("/products/", {"find": "hemlig"})) == []
    assert browser.get(f"/products/{foreign.pk}/").status_code == 404
