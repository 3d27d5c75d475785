"""Customers: the list and one customer over all stores."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.builders import Line, Refunded, make_connection, make_customer, make_order
from xtnd.companies.models import Company

LIST_QUERIES = 9
PAGE_QUERIES = 12


def names(response: Any) -> list[str]:
    return sorted(row.customer.first_name for row in response.context["rows"])


def test_search_and_kinds(browser: Client, company: Company) -> None:
    make_customer(group=company.group, first_name="Greta", city="Umeå")
    make_customer(group=company.group, first_name="Nils", registered=False, company="Nilssons Bygg AB")
    assert names(browser.get("/customers/")) == ["Greta", "Nils"]
    assert names(browser.get("/customers/", {"show": "guests"})) == ["Nils"]
    assert names(browser.get("/customers/", {"show": "registered"})) == ["Greta"]
    assert names(browser.get("/customers/", {"find": "umeå"})) == ["Greta"]
    assert names(browser.get("/customers/", {"find": "bygg nils"})) == ["Nils"]
    assert names(browser.get("/customers/", {"find": "nobody"})) == []


def test_totals_are_per_currency_without_cancelled_and_minus_refunds(browser: Client, company: Company) -> None:
    customer = make_customer(group=company.group)
    store = make_connection(group=company.group)
    line = [Line(unit_price=80)]  # 100 including VAT
    make_order(connection=store, customer=customer, lines=line)
    make_order(connection=store, customer=customer, lines=line, refunds=[Refunded(amount=30)])
    make_order(connection=store, customer=customer, lines=line, state="cancelled")
    make_order(connection=store, customer=customer, lines=line, payment_state="failed")
    make_order(connection=store, customer=customer, lines=line, currency="NOK")
    sek, nok = browser.get(f"/customers/{customer.pk}/").context["bought"]
    assert (sek.currency, sek.orders, sek.revenue, sek.average) == ("SEK", 4, Decimal(170), Decimal(85))
    assert (nok.currency, nok.orders, nok.revenue) == ("NOK", 1, Decimal(100))


def test_page_shows_stores_addresses_and_orders(browser: Client, company: Company) -> None:
    store = make_connection(group=company.group, name="Demo store")
    customer = make_customer(known_by=[store], company="Bolaget AB")
    make_order(connection=store, customer=customer, number="5001")
    with CaptureQueriesContext(database) as said:
        body = browser.get(f"/customers/{customer.pk}/").content.decode()
    for text in ("Demo store", "Bolaget AB", "Storgatan 1", "5001", "All orders of this customer", "as number"):
        assert text in body, text
    assert len(said) <= PAGE_QUERIES, [query["sql"][:120] for query in said.captured_queries]


def test_list_queries(browser: Client, company: Company) -> None:
    for _ in range(60):
        make_order(group=company.group, customer=make_customer(group=company.group))
    with CaptureQueriesContext(database) as said:
        response = browser.get("/customers/", {"find": "andersson"})
    assert len(response.context["rows"]) == 50
    assert len(said) <= LIST_QUERIES, [query["sql"][:120] for query in said.captured_queries]
    assert not any("OFFSET" in query["sql"] for query in said.captured_queries)


def test_another_groups_customers_are_nowhere(browser: Client, company: Company) -> None:
    foreign = make_customer(first_name="Hemlig")
    assert names(browser.get("/customers/", {"find": "hemlig"})) == []
    assert browser.get(f"/customers/{foreign.pk}/").status_code == 404
