"""The first page: what needs attention, and sums that are right to the öre and to the minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.builders import (
    Level,
    Line,
    Refunded,
    Sku,
    make_connection,
    make_group,
    make_order,
    make_product,
    make_record_issue,
    make_run,
    make_schedule,
    make_warehouse,
)
from xtnd.companies.models import Company
from xtnd.core.time import zone
from xtnd.orders import queries

PAGE_QUERIES = 21
HUNDRED = [Line(unit_price=80)]
"""100 including VAT."""


def sentences(browser: Client) -> list[str]:
    return [matter.sentence for matter in browser.get("/").context["matters"]]


def test_without_a_store_it_says_how_to_begin(browser: Client, company: Company) -> None:
    assert "Connect your first store" in browser.get("/").content.decode()


def test_when_nothing_is_wrong_it_says_so(browser: Client, company: Company) -> None:
    store = make_connection(group=company.group)
    make_schedule(connection=store, next_run_at=timezone.now() + timedelta(minutes=5))
    make_order(connection=store, shipment_state="shipped", placed_at=timezone.now())
    response = browser.get("/")
    assert response.context["matters"] == []
    assert "Nothing needs you" in response.content.decode()


def test_everything_that_needs_somebody_is_a_sentence(browser: Client, company: Company) -> None:
    now = timezone.now()
    broken = make_connection(
        group=company.group, name="Trasig", state="attention", attention={"message": "The key was refused."}
    )
    failing = make_schedule(connection=make_connection(group=company.group, name="Svag"), failures=3)
    late = make_schedule(
        connection=make_connection(group=company.group, name="Sen"), next_run_at=now - timedelta(hours=1)
    )
    make_record_issue(connection=broken)
    make_order(connection=broken, state="in_review", shipment_state="shipped", placed_at=now)
    make_order(connection=broken, payment_state="unpaid", placed_at=now - timedelta(days=9))
    make_order(connection=broken, payment_state="unpaid", placed_at=now)
    make_order(connection=broken, placed_at=now)
    warehouse = make_warehouse(company=company)
    make_product(variants=[Sku(sku="OUT", levels=[Level(warehouse=warehouse, on_hand=0)])], listed_in=[broken])
    make_product(variants=[Sku(match="no_sku")], listed_in=[broken])
    make_product(variants=[Sku(sku="D", match="duplicate_sku")], listed_in=[broken])
    begun = timezone.localtime(late.next_run_at, zone("Europe/Stockholm"))
    assert sentences(browser) == [
        "Trasig needs attention: The key was refused.",
        "Svag: the synchronisation of orders failed 3 times in a row.",
        "Sen: the synchronisation of orders should have begun "
        f"{begun:%Y-%m-%d %H:%M} and has not. Is the worker running?",
        "1 record could not be taken.",
        "1 order is held for review.",
        "1 order has been unpaid for more than 7 days.",
        "1 paid order waits to be shipped.",
        "1 variant is out of stock.",
        "1 product uses a SKU that another one in the same store has too.",
        "1 product has no SKU in its store and cannot be matched with other stores.",
    ]
    for matter in browser.get("/").context["matters"]:
        assert matter.url, matter.sentence
        assert browser.get(matter.url).status_code == 200
    assert failing.failures == 3


def test_a_schedule_at_work_or_paused_is_not_late(browser: Client, company: Company) -> None:
    past = timezone.now() - timedelta(hours=1)
    working = make_schedule(connection=make_connection(group=company.group), next_run_at=past)
    make_run(schedule=working, state="running")
    make_schedule(connection=make_connection(group=company.group, state="paused"), next_run_at=past)
    make_schedule(connection=make_connection(group=company.group), next_run_at=past, active=False)
    assert sentences(browser) == []


def test_every_number_is_the_list_it_links_to(browser: Client, company: Company) -> None:
    """Also the ones that are easy to get wrong: cancelled, failed, refunded, another currency, just before midnight."""
    store = make_connection(group=company.group)
    now = timezone.now()
    for days in (0, 1, 6, 7, 29, 30):
        make_order(connection=store, lines=HUNDRED, placed_at=now - timedelta(days=days))
    make_order(connection=store, lines=HUNDRED, placed_at=now, state="cancelled")
    make_order(connection=store, lines=HUNDRED, placed_at=now, payment_state="failed")
    make_order(connection=store, lines=HUNDRED, placed_at=now, refunds=[Refunded(amount=40)])
    make_order(connection=store, lines=HUNDRED, placed_at=now, currency="NOK")
    sales = browser.get("/").context["sales"]
    sums = {(one.currency, one.days): (one.orders, one.revenue) for _c, periods in sales.currencies for one in periods}
    assert sums["SEK", 1] == (2, Decimal(160))
    assert sums["SEK", 7] == (4, Decimal(360))
    assert sums["SEK", 30] == (6, Decimal(560))
    assert sums["NOK", 1] == (1, Decimal(100))
    for _currency, periods in sales.currencies:
        for one in periods:
            rows = browser.get(f"/orders/?{one.query}").context["page"].rows
            assert len(rows) == one.orders
    for row in sales.days:
        rows = browser.get(f"/orders/?{row.query}").context["page"].rows
        assert len(rows) == sum(cell.orders for cell in row.cells)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone_name", "moments"),
    [
        # Spring: 29 March 2026 has 23 hours in Stockholm.
        (
            "Europe/Stockholm",
            [("2026-03-28T22:59:59", 28), ("2026-03-28T23:00:00", 29), ("2026-03-29T21:59:59", 29),
             ("2026-03-29T22:00:00", 30)],
        ),
        # Autumn: 25 October 2026 has 25.
        (
            "Europe/Stockholm",
            [("2026-10-24T21:59:59", 24), ("2026-10-24T22:00:00", 25), ("2026-10-25T22:59:59", 25),
             ("2026-10-25T23:00:00", 26)],
        ),
        # A zone with half hours.
        ("Asia/Kolkata", [("2026-03-28T18:29:59", 28), ("2026-03-28T18:30:00", 29)]),
    ],
)  # fmt: skip
def test_days_are_local_days_of_23_24_and_25_hours(zone_name: str, moments: list[tuple[str, int]]) -> None:
    store = make_connection()
    for text, _day in moments:
        make_order(connection=store, lines=HUNDRED, placed_at=datetime.fromisoformat(text).replace(tzinfo=UTC))
    month = int(moments[0][0][5:7])
    sold = queries.sales(
        [store.company_group_id], first=date(2026, month, 20), last=date(2026, month, 31), zone=zone_name
    )
    expected: dict[int, int] = {}
    for _text, day in moments:
        expected[day] = expected.get(day, 0) + 1
    assert {one.day.day: one.orders for one in sold} == expected


@pytest.mark.django_db
def test_the_interval_is_half_open_and_limited_to_the_groups() -> None:
    mine, foreign = make_connection(), make_connection(group=make_group())
    for store in (mine, foreign):
        for text in ("2026-02-28T22:59:59", "2026-02-28T23:00:00", "2026-03-02T22:59:59", "2026-03-02T23:00:00"):
            make_order(connection=store, lines=HUNDRED, placed_at=datetime.fromisoformat(text).replace(tzinfo=UTC))
    sold = queries.sales(
        [mine.company_group_id], first=date(2026, 3, 1), last=date(2026, 3, 2), zone="Europe/Stockholm"
    )
    assert sum(one.orders for one in sold) == 2
    assert {one.connection_id for one in sold} == {mine.pk}


def test_chart_and_table_have_the_same_numbers(browser: Client, company: Company) -> None:
    store = make_connection(group=company.group, name="Demo </script>")
    make_order(connection=store, lines=HUNDRED, placed_at=timezone.now())
    response = browser.get("/")
    chart: dict[str, Any] = response.context["chart"]
    days = response.context["sales"].days
    assert chart["days"] == [row.day.isoformat() for row in reversed(days)]
    assert chart["series"][0]["orders"] == [row.cells[0].orders for row in reversed(days)]
    assert "Demo </script>" not in response.content.decode()


def test_page_queries(browser: Client, company: Company) -> None:
    for _ in range(4):
        store = make_connection(group=company.group)
        make_schedule(connection=store)
        make_order(connection=store, placed_at=timezone.now())
    browser.get("/stock/")
    with CaptureQueriesContext(database) as said:
        browser.get("/")
    assert len(said) <= PAGE_QUERIES, [query["sql"][:120] for query in said.captured_queries]
