"""The order list and the order page: what they show, to whom, and at what price."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.builders import (
    PLACED_AT,
    Line,
    Refunded,
    Sku,
    make_connection,
    make_customer,
    make_group,
    make_order,
    make_product,
)
from xtnd.companies.models import Company
from xtnd.core.terms import Term, Typed, typed
from xtnd.database import keyset
from xtnd.orders import conditions, queries
from xtnd.orders.models import Order
from xtnd.orders.queries import Sort, Tab
from xtnd.web.orders.totals import totals_of

LIST_QUERIES = 8
ORDER_QUERIES = 14


def numbers(response: Any) -> list[str]:
    return [order.number for order in response.context["page"].rows]


def found(browser: Client, text: str, **more: str) -> list[str]:
    response = browser.get("/orders/", {"find": text, **more})
    assert response.status_code == 200
    return sorted(numbers(response))


def explained(groups: list[int], tab: str, sort: str, text: str) -> str:
    """What SQLite does for the page's own statements, the second page included."""
    asked = conditions.understand(typed(text), groups)
    assert not asked.problems
    listed = queries.listed(groups, tab=tab, conditions=asked.conditions, order=sort)
    with CaptureQueriesContext(
        database,
    ) as said:
        first = listed.page("", 2)
        if first.next:
            listed.page(first.next, 2)
        listed.count()
    plans = []
    for query in said.captured_queries:
        assert "OFFSET" not in query["sql"].upper()
    for part in listed.parts:
        order = [listed.order, "-id" if listed.order.startswith("-") else "id"]
        plans.append(part.order_by(*order)[:3].explain())
    return "\n".join(plans)


# ------------------------------------------------------------------ the search syntax


def test_terms_words_quotes_and_signs_are_told_apart() -> None:
    asked = typed('status:processing store:"Demo store" total:>=500 -country:NO anna "ek" sku:A:B')
    assert asked.terms == (
        Term("status", "processing"),
        Term("store", "Demo store"),
        Term("total", "500", ">="),
        Term("country", "NO", negated=True),
        Term("sku", "A:B"),
    )
    assert asked.words == ("anna", "ek")


@pytest.mark.parametrize("text", ['store:"Demo store" total:>5 -country:NO anna', "a:b,c", 'x:">"', ""])
def test_what_was_typed_can_be_written_back(text: str) -> None:
    assert typed(str(typed(text))) == typed(text)


@pytest.mark.parametrize("text", [":::", "-", '"', 'a:"', "a:", "-a:>", "\\", "' OR 1=1 --", "å:ö", "a" * 500])
def test_nothing_typed_breaks_the_list(browser: Client, company: Company, text: str) -> None:
    assert browser.get("/orders/", {"find": text}).status_code == 200
    assert browser.get("/products/", {"find": text}).status_code == 200
    assert browser.get("/stock/", {"find": text}).status_code == 200
    assert browser.get("/customers/", {"find": text}).status_code == 200
    assert browser.get("/search", {"q": text}).status_code == 200


# ------------------------------------------------------------------ filters


@pytest.fixture
def shop(company: Company) -> dict[str, Order]:
    demo = make_connection(group=company.group, name="Demo store")
    other = make_connection(group=company.group, name="Outlet")
    return {
        "paid": make_order(connection=demo, number="1001", lines=[Line(sku="MUG", unit_price=800)]),
        "unpaid": make_order(
            connection=other,
            number="1002",
            status="on-hold",
            payment_state="unpaid",
            country="NO",
            currency="NOK",
            placed_at=PLACED_AT + timedelta(days=1),
            customer_name="Erik Öberg",
            customer_email="erik@butik.example",
        ),
        "sent": make_order(
            connection=demo, number="1003", status="completed", state="closed", shipment_state="shipped",
            placed_at=PLACED_AT + timedelta(days=2),
        ),
        "refunded": make_order(
            connection=demo, number="1004", payment_state="refunded", shipment_state="shipped",
            refunds=[Refunded(amount=125)], placed_at=PLACED_AT + timedelta(days=3),
        ),
        "part": make_order(
            connection=demo, number="1005", payment_state="partly_refunded", shipment_state="shipped",
            placed_at=PLACED_AT + timedelta(days=4),
        ),
        "cancelled": make_order(
            connection=demo, number="1006", status="cancelled", state="cancelled", payment_state="unpaid",
            placed_at=PLACED_AT + timedelta(days=5),
        ),
        "review": make_order(
            connection=demo, number="1007", state="in_review", review_reason="totals_differ",
            shipment_state="shipped", placed_at=PLACED_AT + timedelta(days=6),
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tab", "expected"),
    [
        ("all", ["1001", "1002", "1003", "1004", "1005", "1006", "1007"]),
        ("unpaid", ["1002"]),
        ("to-ship", ["1001"]),
        ("in-review", ["1007"]),
        ("refunded", ["1004", "1005"]),
        ("cancelled", ["1006"]),
    ],
)
def test_tabs(browser: Client, shop: dict[str, Order], tab: str, expected: list[str]) -> None:
    assert found(browser, "", tab=tab) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status:processing,on-hold", ["1001", "1002", "1004", "1005", "1007"]),
        ("status:on-hold", ["1002"]),
        ('store:"demo store" status:completed', ["1003"]),
        ("store:outlet", ["1002"]),
        ("-store:demo", ["1002"]),
        ("total:>500", ["1001"]),
        ("total:1000", ["1001"]),
        ("total:1000,00", ["1001"]),
        ("total:900..1000", ["1001"]),
        ("sku:mug", ["1001"]),
        ("country:no", ["1002"]),
        ("-country:SE", ["1002"]),
        ("currency:NOK", ["1002"]),
        ("payment:unpaid -state:cancelled", ["1002"]),
        ('payment:"partly refunded"', ["1005"]),
        ("shipment:unshipped payment:paid", ["1001"]),
        ("email:ERIK@", ["1002"]),
        ("number:1003", ["1003"]),
        ("number:#1003", ["1003"]),
        ("placed:>2026-03-07", ["1007"]),
        ("placed:2026-03-02", ["1001"]),
        ("placed:2026-03-02..2026-03-03", ["1001", "1002"]),
        ("placed:<2026-03 ", []),
        ("placed:2026", ["1001", "1002", "1003", "1004", "1005", "1006", "1007"]),
        ("method:klarna country:NO", ["1002"]),
        ("review:totals_differ", ["1007"]),
        ("öberg", ["1002"]),
        ("erik butik.example", ["1002"]),
        ("anna total:>500", ["1001"]),
        ("1003", ["1003"]),
        ("nobody", []),
    ],
)
def test_filters(browser: Client, shop: dict[str, Order], text: str, expected: list[str]) -> None:
    assert found(browser, text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour:red", "There is no filter “colour:”"),
        ("payment:payd", "“payment:payd” is not known"),
        ("total:much", "“much” is not an amount"),
        ("total:1e999999", "is not an amount"),
        ("placed:yesteryear", "is not a date"),
        ("placed:9999-12-31", "is not a date"),
        ("country:Sweden", "is not a country code"),
        ("store:Nowhere", "No store is called “Nowhere”"),
        ("status:", "Write something after “status:”"),
        ("status:>x", "cannot be compared"),
        ("email:an", "Write at least three characters"),
        ("ab anna", "“ab” is too short"),
    ],
)
def test_what_is_not_understood_is_said(browser: Client, shop: dict[str, Order], text: str, says: str) -> None:
    response = browser.get("/orders/", {"find": text})
    assert says in response.content.decode()


def test_a_short_word_that_is_an_order_number_is_found(browser: Client, company: Company) -> None:
    make_order(group=company.group, number="42")
    assert found(browser, "42") == ["42"]
    assert found(browser, "#42") == ["42"]


def test_customer_filter_takes_an_id_or_a_name(browser: Client, company: Company) -> None:
    customer = make_customer(group=company.group, first_name="Greta", last_name="Lund")
    make_order(group=company.group, number="7001", customer=customer)
    make_order(group=company.group, number="7002")
    assert found(browser, f"customer:{customer.pk}") == ["7001"]
    assert found(browser, "customer:greta") == ["7001"]


def test_chips_take_one_filter_away(browser: Client, shop: dict[str, Order]) -> None:
    response = browser.get("/orders/", {"find": "status:processing anna", "tab": "to-ship"})
    assert [chip.label for chip in response.context["chips"]] == ["status:processing", "anna"]
    assert [chip.query for chip in response.context["chips"]] == [
        "tab=to-ship&find=anna",
        "tab=to-ship&find=status%3Aprocessing",
    ]


def test_days_are_the_companys(browser: Client, company: Company) -> None:
    before_midnight = PLACED_AT.replace(hour=22, minute=59)  # 23:59 in Stockholm
    make_order(group=company.group, number="8001", placed_at=before_midnight)
    make_order(group=company.group, number="8002", placed_at=before_midnight + timedelta(minutes=1))
    assert found(browser, "placed:2026-03-02") == ["8001"]
    assert found(browser, "placed:2026-03-03") == ["8002"]


# ------------------------------------------------------------------ sorting and paging


@pytest.mark.parametrize("sort", Sort.values)
@pytest.mark.parametrize("tab", [Tab.ALL, Tab.REFUNDED])
@pytest.mark.django_db
def test_pages_hold_every_order_once_both_ways(sort: str, tab: str) -> None:
    """Equal keys, two company groups and two states: what a careless merge loses or repeats."""
    groups = [make_group(), make_group()]
    stores = [make_connection(group=group) for group in groups]
    for place in range(23):
        make_order(
            connection=stores[place % 2],
            payment_state="refunded" if place % 3 else "partly_refunded",
            placed_at=PLACED_AT + timedelta(hours=place // 4),
            lines=[Line(unit_price=100 + place // 5)],
            events=False,
        )
    ids = [group.pk for group in groups]
    listed = queries.listed(ids, tab=tab, order=sort)
    column = sort.lstrip("-")
    reverse = sort.startswith("-")
    expected = sorted(Order.objects.all(), key=lambda one: (getattr(one, column), one.pk), reverse=reverse)
    forward, token = [], ""
    while True:
        page = listed.page(token, 5)
        forward.append([one.pk for one in page.rows])
        token = page.next
        if not token:
            break
    assert [pk for rows in forward for pk in rows] == [one.pk for one in expected]
    backward, token = [forward[-1]], page.previous
    while token:
        page = listed.page(token, 5)
        backward.insert(0, [one.pk for one in page.rows])
        token = page.previous
    assert backward == forward
    middle = expected[11]
    before, after = listed.beside(Order.objects.get(pk=middle.pk))
    assert before is not None
    assert after is not None
    assert (before.pk, after.pk) == (expected[10].pk, expected[12].pk)


@pytest.mark.parametrize(
    "token",
    ["x", "%00", "WyI-IiwiYSIsImIiXQ", "WyIiLCJhIiwiYiJd", "WyI-IiwiOTk5OTk5OTk5OTk5OTk5OTk5OSIsIjEiXQ"],
)  # fmt: skip
@pytest.mark.parametrize("sort", Sort.values)
def test_a_tampered_page_token_gives_the_first_page(
    browser: Client, shop: dict[str, Order], token: str, sort: str
) -> None:
    response = browser.get("/orders/", {"page": token, "sort": sort})
    assert response.status_code == 200


def test_sort_and_tab_stand_in_the_address(browser: Client, shop: dict[str, Order]) -> None:
    response = browser.get("/orders/", {"sort": "-total", "find": "status:processing"})
    assert numbers(response)[0] == "1001"
    assert 'aria-sort="descending"' in response.content.decode()
    assert response.context["by_total"].query == "sort=total&find=status%3Aprocessing"


# ------------------------------------------------------------------ the price


TEXTS = [
    "", "status:on-hold", "store:demo", "total:>0", "sku:MUG", "country:SE", "payment:paid", "state:received",
    "shipment:shipped", "email:anna@", "number:1001", "placed:>2020-01-01", "anna", "currency:SEK", "-store:demo",
    "customer:anna",
]  # fmt: skip


@pytest.mark.parametrize("sort", Sort.values)
@pytest.mark.parametrize("tab", Tab.values)
@pytest.mark.parametrize("text", TEXTS)
def test_no_list_reads_the_whole_table(shop: dict[str, Order], tab: str, sort: str, text: str) -> None:
    if database.vendor != "sqlite":
        pytest.skip("reads SQLite's plans")
    group = shop["paid"].company_group_id
    assert "SCAN orders_order" not in explained([group], tab, sort, text)


@pytest.mark.parametrize("tab", Tab.values)
def test_plain_tabs_walk_an_index_without_sorting(shop: dict[str, Order], tab: str) -> None:
    if database.vendor != "sqlite":
        pytest.skip("reads SQLite's plans")
    group = shop["paid"].company_group_id
    for sort in (Sort.NEWEST, Sort.OLDEST):
        assert "TEMP B-TREE" not in explained([group], tab, sort, "")
    if tab == Tab.TO_SHIP:
        assert "order_to_ship" in explained([group], tab, Sort.NEWEST, "")


@pytest.mark.parametrize("query", [{}, {"tab": "to-ship"}, {"find": "status:processing anna", "sort": "-total"}])
def test_list_queries(browser: Client, company: Company, query: dict[str, str]) -> None:
    store = make_connection(group=company.group)
    for _ in range(60):
        make_order(connection=store, events=False)
    with CaptureQueriesContext(database) as said:
        response = browser.get("/orders/", query)
    assert len(response.context["page"].rows) == 50
    assert len(said) <= LIST_QUERIES, [query["sql"][:120] for query in said.captured_queries]


def test_order_page_queries(browser: Client, company: Company) -> None:
    order = _rich_order(company)
    make_order(connection=order.connection, placed_at=PLACED_AT + timedelta(1))
    browser.get("/stock/")  # once in a process it is asked whether there is an owner
    with CaptureQueriesContext(database) as said:
        assert browser.get(f"/orders/{order.pk}/").status_code == 200
    assert len(said) <= ORDER_QUERIES, [query["sql"][:120] for query in said.captured_queries]


# ------------------------------------------------------------------ pages


def test_htmx_gets_only_the_list(browser: Client, shop: dict[str, Order]) -> None:
    response = browser.get("/orders/", headers={"HX-Request": "true", "HX-Target": "list"})
    body = response.content.decode()
    assert body.lstrip().startswith('<div id="list"')
    assert "<html" not in body
    assert "HX-Request" in response["Vary"]


def test_no_orders_says_what_to_do(browser: Client, company: Company) -> None:
    assert "Connect a store first" in browser.get("/orders/").content.decode()
    make_connection(group=company.group)
    assert "press Synchronize now" in browser.get("/orders/").content.decode()
    assert "Clear the filters" in browser.get("/orders/", {"find": "nobody"}).content.decode()


def test_another_groups_orders_are_nowhere(browser: Client, company: Company) -> None:
    foreign = make_order(number="FOREIGN-1", customer_name="Hemlig Person")
    for text in ("", "number:FOREIGN-1", "hemlig", "sku:MUG-1", "email:anna@", "status:processing", "total:>0"):
        assert found(browser, text) == []
    assert browser.get(f"/orders/{foreign.pk}/").status_code == 404
    assert browser.get(f"/orders/{foreign.pk}/source/").status_code == 404
    assert (
        "No store is called" in browser.get("/orders/", {"find": f"store:{foreign.connection.name}"}).content.decode()
    )


def _rich_order(company: Company, **fields: Any) -> Order:
    store = make_connection(group=company.group, name="Demo store")
    product = make_product(group=company.group, title="Mugg", variants=[Sku(sku="MUG-1")])
    return make_order(
        connection=store,
        customer=make_customer(group=company.group),
        lines=[
            Line(
                variant=product.variants.get(), quantity=2, unit_price="187.054", discount=10,
                attributes=[("Storlek", "M")],
            ),
            Line(name="Bok", sku="BOK", vat_rate=6, unit_price="94.34"),
        ],
        shipping=49,
        discounts=[("SOMMAR", 10)],
        refunds=[Refunded(amount="125", lines=[Line()])],
        payment_state="partly_refunded",
        note="Vid dörren",
        org_number="556677-8899",
        payload={"id": 1, "name": "Åsa <b>", "total": 1.10},
        **fields,
    )  # fmt: skip


def test_order_page_shows_everything(browser: Client, company: Company) -> None:
    order = _rich_order(company, charged="700.00")
    body = browser.get(f"/orders/{order.pk}/").content.decode().replace("\xa0", " ")
    for text in (
        "MUG-1", "Storlek: M", "SOMMAR", "VAT 25 %", "VAT 6 %", "Rounding", "SEK 700.00", "−SEK 125.00", "SEK 575.00",
        "Vid dörren", "556677-8899", "Order received", "Open in the store", "Refund of SEK 125.00", "Klarna",
    ):  # fmt: skip
        assert text in body, text


def test_totals_add_up_to_what_was_charged(company: Company) -> None:
    totals = totals_of(_rich_order(company))
    assert totals.goods - totals.discount + totals.shipping == totals.excluding_vat
    assert totals.excluding_vat + sum(row.amount for row in totals.vat) + totals.rounding == totals.charged
    assert totals.net == totals.charged - Decimal(125)


def test_a_link_that_is_no_web_address_is_not_a_link(browser: Client, company: Company) -> None:
    order = make_order(group=company.group, admin_url="javascript:alert(1)")
    assert "javascript:" not in browser.get(f"/orders/{order.pk}/").content.decode()


def test_previous_and_next_follow_the_list(browser: Client, shop: dict[str, Order]) -> None:
    response = browser.get(f"/orders/{shop['refunded'].pk}/", {"tab": "refunded"})
    assert response.context["before"] == shop["part"]
    assert response.context["after"] is None
    response = browser.get(f"/orders/{shop['sent'].pk}/")
    assert (response.context["before"], response.context["after"]) == (shop["refunded"], shop["unpaid"])


def test_removed_orders_say_so(browser: Client, company: Company) -> None:
    order = make_order(group=company.group, removed_at=timezone.now())
    assert "no longer in" in browser.get(f"/orders/{order.pk}/").content.decode()
    assert found(browser, "", tab="to-ship") == []


def test_source_is_shown_as_it_came(browser: Client, company: Company) -> None:
    order = _rich_order(company)
    body = browser.get(f"/orders/{order.pk}/source/").content.decode()
    assert "Åsa &lt;b&gt;" in body
    assert "&quot;total&quot;: 1.1" in body
    fragment = browser.get(f"/orders/{order.pk}/source/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment


def test_a_chip_removes_only_its_own_term() -> None:
    asked = typed("status:a status:b word")
    assert str(asked.without(asked.terms[0])) == "status:b word"
    assert asked.without_words() == Typed(asked.terms)


@pytest.mark.django_db
def test_an_empty_page_has_no_tokens() -> None:
    assert keyset.page(Order.objects.all(), order="-placed_at") == keyset.KeysetPage((), "", "")
