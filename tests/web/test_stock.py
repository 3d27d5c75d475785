"""The stock list: levels, what stores say, and the states that need somebody."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.builders import Level, Sku, make_connection, make_product, make_warehouse
from xtnd.companies.models import Company
from xtnd.stock import queries

LIST_QUERIES = 11


def skus(response: Any) -> list[str]:
    return sorted(str(row.variant.sku) for row in response.context["rows"])


@pytest.fixture
def shelf(company: Company) -> None:
    store = make_connection(group=company.group, name="Demo store")
    one, two = make_warehouse(company=company, name="Norr"), make_warehouse(company=company, name="Söder")
    make_product(
        title="Mugg",
        listed_in=[store],
        variants=[
            Sku(sku="PLENTY", levels=[Level(warehouse=one, on_hand=50), Level(warehouse=two, on_hand=0)], stock=50),
            Sku(sku="EMPTY", levels=[Level(warehouse=one, on_hand=2, reserved=2)], stock=40),
            Sku(sku="OVERSOLD", levels=[Level(warehouse=one, on_hand=1, reserved=3)], stock=40),
            Sku(sku="FEW", levels=[Level(warehouse=one, on_hand=6, reserved=1)], stock=40),
            Sku(sku="STORE-OUT", stock=0, in_stock=False),
            Sku(sku="STORE-MINUS", stock=-2),
            Sku(sku="UNCOUNTED", stock=None, policy="untracked"),
        ],
    )


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("all", ["EMPTY", "FEW", "OVERSOLD", "PLENTY", "STORE-MINUS", "STORE-OUT", "UNCOUNTED"]),
        ("out", ["EMPTY", "OVERSOLD", "STORE-OUT"]),
        ("negative", ["OVERSOLD", "STORE-MINUS"]),
        ("low", ["FEW"]),
    ],
)
def test_states(browser: Client, shelf: None, company: Company, show: str, expected: list[str]) -> None:
    response = browser.get("/stock/", {"show": show})
    assert skus(response) == expected
    if show != "all":
        assert queries.count([company.group_id], show, cap=1000) == len(expected)


def test_search_finds_the_variant_and_not_its_sisters(browser: Client, shelf: None) -> None:
    assert skus(browser.get("/stock/", {"find": "oversold"})) == ["OVERSOLD"]
    assert len(skus(browser.get("/stock/", {"find": "mugg"}))) == 7
    assert skus(browser.get("/stock/", {"find": "mugg few"})) == ["FEW"]
    assert skus(browser.get("/stock/", {"find": "nothing"})) == []


def test_levels_add_up_over_warehouses(browser: Client, shelf: None) -> None:
    response = browser.get("/stock/", {"find": "plenty"})
    (row,) = response.context["rows"]
    assert row.sum.available == Decimal(50)
    assert "Norr" in response.content.decode()
    assert "Söder" in response.content.decode()


def test_list_queries(browser: Client, company: Company) -> None:
    store, warehouse = make_connection(group=company.group), make_warehouse(company=company)
    for number in range(60):
        make_product(listed_in=[store], variants=[Sku(sku=f"S{number}", levels=[Level(warehouse=warehouse)])])
    with CaptureQueriesContext(database) as said:
        response = browser.get("/stock/", {"find": "coffee"})
    assert len(response.context["rows"]) == 50
    assert len(said) <= LIST_QUERIES, [query["sql"][:120] for query in said.captured_queries]
    assert not any("OFFSET" in query["sql"] for query in said.captured_queries)


def test_another_groups_stock_is_nowhere(browser: Client, company: Company) -> None:
    make_product(title="Hemlig vara", variants=[Sku(sku="SECRET")])
    assert skus(browser.get("/stock/")) == []
    assert skus(browser.get("/stock/", {"find": "secret"})) == []
