"""A store's orders, products, customers and stock come here whole: invariants 1, 2, 3, 5 and 8."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from tests import builders
from tests.sync.shops import KEY, attempt, connect, differences, schedule_of, shop, synchronise
from xtnd.catalog.models import Listing, Match, Product, Variant
from xtnd.companies.models import Company
from xtnd.connections.models import Connection, ConnectionState, Link
from xtnd.connectors import http as http_module
from xtnd.connectors.woocommerce import mapper
from xtnd.core.errors import Unreadable
from xtnd.core.text import Text
from xtnd.customers.models import Customer
from xtnd.ops.demo import faults
from xtnd.ops.demo.server import StoreServer
from xtnd.ops.demo.store import Line, RefundLine, Store
from xtnd.ops.doctor import examine
from xtnd.orders.models import EventKind, Order, OrderEvent, OrderLine
from xtnd.stock.models import StockLevel, StockMovement
from xtnd.sync import jobs, runner
from xtnd.sync.models import IssueState, RecordIssue, Run, RunState, Schedule
from xtnd.sync.services import retry_issue, synchronise_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company() -> Company:
    company = builders.make_company(name="Butiken AB")
    builders.make_warehouse(company=company, code="1")
    return company


@pytest.fixture
def served() -> Iterator[tuple[Store, StoreServer]]:
    with shop() as both:
        yield both


@pytest.fixture
def store(served: tuple[Store, StoreServer]) -> Store:
    return served[0]


@pytest.fixture
def server(served: tuple[Store, StoreServer]) -> StoreServer:
    return served[1]


@pytest.fixture
def linked(company: Company, server: StoreServer) -> Connection:
    return connect(company, server.url)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "pause", lambda seconds: None)


def sound() -> bool:
    broken = [finding for finding in examine() if finding.broken]
    assert not broken, broken
    return True


# ------------------------------------------------------------------ invariant 1


def test_every_order_is_here_once_to_the_öre(store: Store, linked: Connection) -> None:
    run = synchronise(linked)
    assert run.state == RunState.SUCCEEDED
    assert (run.created, run.updated, run.failed) == (120, 0, 0)
    assert differences(store, linked) == []
    assert sound()


def test_the_whole_main_job(store: Store, linked: Connection) -> None:
    for entity in ("products", "orders", "customers", "stock"):
        assert synchronise(linked, entity).state == RunState.SUCCEEDED
    assert differences(store, linked) == []
    listed = {(one.external_product_id, one.external_variant_id) for one in Listing.objects.all()}
    theirs = {(str(v["parent_id"]), str(v["id"])) for v in store.variations.values()}
    theirs |= {(str(p["id"]), "") for p in store.products.values() if not p["variations"]}
    assert listed == theirs
    known = Link.objects.filter(kind="customer").values_list("external_id", flat=True)
    assert set(known) == {str(one["id"]) for one in store.customers.values() if one["role"] == "customer"}
    _same_stock(store)
    assert sound()


def _same_stock(store: Store) -> None:
    for listing in Listing.objects.all():
        raw = (
            store.variations.get(int(listing.external_variant_id or 0))
            or store.products[int(listing.external_product_id)]
        )
        if raw["manage_stock"]:
            assert listing.stock_quantity == Decimal(raw["stock_quantity"]), listing.title
        if raw["manage_stock"] is True:
            assert StockLevel.objects.get(variant=listing.variant).on_hand == Decimal(raw["stock_quantity"])


def test_order_start_is_the_companys_day(store: Store, company: Company, server: StoreServer) -> None:
    """Midnight in Stockholm, not in Greenwich."""
    placed = sorted(order["date_created"] for order in store.orders.values())
    day = date.fromisoformat(placed[60][:10])
    linked = connect(company, server.url, order_start=day)
    synchronise(linked)
    wanted = {str(o["id"]) for o in store.orders.values() if o["date_created"][:10] >= day.isoformat()}
    assert set(Order.objects.values_list("external_id", flat=True)) == wanted


def test_changes_new_orders_and_refunds_follow(store: Store, linked: Connection) -> None:
    synchronise(linked)
    ids = [order for order, doc in store.orders.items() if doc["status"] == "processing"][:3]
    completed = next(
        order for order, doc in store.orders.items() if doc["status"] == "completed" and not doc["refunds"]
    )
    store.set_status(ids[0], "completed")
    line = store.orders[completed]["line_items"][0]
    store.refund_order(completed, [RefundLine(line["id"], 1)], reason="Skadad")
    store.refund_order(ids[1])
    new = store.place_order(lines=[Line(next(iter(store.products)), 2)])
    run = synchronise(linked)
    assert run.created == 1
    assert differences(store, linked) == []
    assert Order.objects.get(external_id=str(new)).payment_state in ("paid", "unpaid")
    assert Order.objects.get(external_id=str(ids[1])).payment_state == "refunded"
    event = OrderEvent.objects.get(order__external_id=str(ids[0]), kind=EventKind.CHANGED)
    assert event.changes["status"] == ["processing", "completed"]
    assert sound()


def test_orders_that_came_before_their_products_find_them(linked: Connection) -> None:
    synchronise(linked)
    assert not OrderLine.objects.filter(variant__isnull=False).exists()
    synchronise(linked, "products")
    lost = OrderLine.objects.filter(kind="product", variant__isnull=True).exclude(external_product_id="")
    assert not lost.exists()


# ------------------------------------------------------------------ invariant 2


def test_the_cursor_moves_only_with_its_page(linked: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third page cannot be stored: nothing of it is here, and the cursor stands after the second."""
    real = jobs.STORES[jobs.Entity.ORDERS]
    stored: list[tuple[str, int]] = []

    def store_two(connection: Connection, records: Any, at: Any) -> Any:
        if len(stored) == 2:
            from django.db import OperationalError

            raise OperationalError("disk I/O error")
        done = real(connection, records, at)
        stored.append((schedule_of(linked, "orders").cursor, Order.objects.count()))
        return done

    monkeypatch.setitem(jobs.STORES, jobs.Entity.ORDERS, store_two)
    _small_pages(monkeypatch)
    run, outcome = attempt(linked)
    assert outcome.wait is not None
    assert run.state == RunState.WAITING
    assert schedule_of(linked, "orders").cursor == stored[-1][0]
    assert Order.objects.count() == stored[-1][1] < 120
    assert sound()


def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    real = runner.connector_of

    def small(*args: Any, **kwargs: Any) -> Any:
        connector = real(*args, **kwargs)
        object.__setattr__(connector.settings, "page_size", 25)
        return connector

    monkeypatch.setattr(runner, "connector_of", small)


def test_a_frozen_attempt_writes_nothing_more(linked: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """While page three is on its way, another attempt takes over. The first one stores nothing of it."""
    _small_pages(monkeypatch)
    real, pages = jobs.STORES[jobs.Entity.ORDERS], []

    def take_over(connection: Connection, records: Any, at: Any) -> Any:
        pages.append(len(records))
        done = real(connection, records, at)
        if len(pages) == 2:
            transaction.on_commit(
                lambda: Schedule.objects.filter(entity="orders").update(fence=None, cursor="elsewhere")
            )
        return done

    monkeypatch.setitem(jobs.STORES, jobs.Entity.ORDERS, take_over)
    _run, outcome = attempt(linked)
    assert outcome.state == "fenced"
    assert len(pages) == 2
    assert Order.objects.count() == sum(pages)
    assert schedule_of(linked, "orders").cursor == "elsewhere"


# ------------------------------------------------------------------ invariant 3


def test_the_same_again_changes_nothing(linked: Connection) -> None:
    synchronise(linked)
    synchronise(linked, "products")
    before = _everything()
    Schedule.objects.update(cursor="")
    with CaptureQueriesContext(database) as queries:
        run = synchronise(linked)
    assert (run.seen, run.created, run.updated, run.unchanged) == (120, 0, 0, 120)
    touched = {
        found[1]
        for query in queries
        if (found := re.match(r'(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', query["sql"]))
    }
    assert touched <= {"sync_run", "sync_schedule"}
    products = synchronise(linked, "products")
    assert (products.created, products.updated) == (0, 0)
    assert _everything() == before


def _everything() -> list[Any]:
    models = (Order, OrderLine, OrderEvent, Customer, Product, Variant, Listing, Link, StockLevel, StockMovement)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_our_own_touch_is_no_event(store: Store, linked: Connection) -> None:
    """A no-op write moves the date in the store: the date follows, the timeline stays."""
    synchronise(linked)
    events = OrderEvent.objects.count()
    store.touch_order(next(iter(store.orders)))
    run = synchronise(linked)
    assert run.updated >= 1
    assert OrderEvent.objects.count() == events
    assert differences(store, linked) == []


# ------------------------------------------------------------------ one bad record


def test_one_bad_record_is_kept_and_the_rest_goes_on(store: Store, linked: Connection) -> None:
    ids = sorted(store.orders)
    with store.changing():
        store.orders[ids[5]]["line_items"][0]["total"] = "12,50"
        store.touch_order(ids[5])
    run = synchronise(linked)
    assert (run.state, run.created, run.failed) == (RunState.PARTIAL, 119, 1)
    issue = RecordIssue.objects.get()
    assert (issue.external_id, issue.field_path) == (str(ids[5]), "order.line_items[0].total")
    assert issue.state == IssueState.OPEN
    assert Text.from_json(issue.reason).render()
    with store.changing():
        store.orders[ids[5]]["line_items"][0]["total"] = "12.50"
        store.touch_order(ids[5])
    synchronise(linked)
    issue.refresh_from_db()
    assert issue.state == IssueState.FIXED
    assert Order.objects.count() == 120


def test_a_record_can_be_asked_for_again(store: Store, linked: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry fetches the record itself: the cursor is long past it."""
    first, real = str(min(store.orders)), mapper.read_order

    def refuse(payload: bytes, **options: Any) -> Any:
        order = real(payload, **options)
        if order.external_id == first:
            raise Unreadable("not today", path="order.total")
        return order

    with monkeypatch.context() as patched:
        patched.setattr(mapper, "read_order", refuse)
        synchronise(linked)
    assert Order.objects.count() == 119
    run = retry_issue(RecordIssue.objects.get())
    runner.execute(run.pk, worker="test")
    assert RecordIssue.objects.get().state == IssueState.FIXED
    assert differences(store, linked) == []


def test_the_same_trouble_again_is_the_same_issue(store: Store, linked: Connection) -> None:
    with store.changing():
        first = min(store.orders)
        store.orders[first]["currency"] = None
        store.touch_order(first)
    synchronise(linked)
    Schedule.objects.update(cursor="")
    synchronise(linked)
    assert RecordIssue.objects.get().attempts == 2


def test_a_record_the_database_refuses_does_not_stop_the_page(
    linked: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xtnd.orders import services

    real = services._header
    victim: list[str] = []

    def refuse(order: Any, context: Any) -> Any:
        victim[:] = victim or [order.external_id]
        row = real(order, context)
        return (*row[:8], None, *row[9:]) if order.external_id == victim[0] else row

    monkeypatch.setattr(services, "_header", refuse)
    run = synchronise(linked)
    assert (run.state, run.created, run.failed) == (RunState.PARTIAL, 119, 1)
    assert RecordIssue.objects.get().external_id == victim[0]
    assert sound()


# ------------------------------------------------------------------ rounding and review


def test_totals_that_differ_are_reviewed_with_a_rounding_line(store: Store, linked: Connection) -> None:
    ids = [order for order, doc in store.orders.items() if doc["status"] == "processing"][:2]
    with store.changing():
        for order_id, change in zip(ids, (Decimal("0.01"), Decimal("7.00")), strict=True):
            order = store.orders[order_id]
            order["total"] = str(Decimal(order["total"]) + change)
            store.touch_order(order_id)
    synchronise(linked)
    small, large = (Order.objects.get(external_id=str(order_id)) for order_id in ids)
    assert small.state == "received"
    assert (large.state, large.review_reason) == ("in_review", "totals_differ")
    line = OrderLine.objects.get(order=large, kind="rounding")
    assert line.total == large.rounding
    assert sound()


# ------------------------------------------------------------------ matching


def test_skus_match_between_stores_and_never_by_guessing(company: Company, store: Store, linked: Connection) -> None:
    synchronise(linked, "products")
    with shop(orders=0) as (_twin, twin_server):
        second = connect(company, twin_server.url, name="Second")
        run = synchronise(second, "products")
        assert run.state == RunState.SUCCEEDED
    shared = Variant.objects.filter(listings__connection=linked).filter(listings__connection=second).distinct()
    skus = list(Listing.objects.filter(connection=linked, match=Match.SKU).values_list("sku", flat=True))
    assert sorted(shared.values_list("sku", flat=True)) == sorted(skus)
    for match in (Match.NO_SKU, Match.DUPLICATE_SKU):
        for listing in Listing.objects.filter(match=match):
            assert listing.variant.sku is None
            assert listing.variant.listings.count() == 1


def test_customers_are_one_per_email_in_a_company_group(company: Company, store: Store, linked: Connection) -> None:
    synchronise(linked)
    synchronise(linked, "customers")
    emails = {order["billing"]["email"].lower() for order in store.orders.values()}
    emails |= {one["email"].lower() for one in store.customers.values() if one["role"] == "customer"}
    ours = list(Customer.objects.values_list("email_key", flat=True))
    assert sorted(ours) == sorted(emails)
    other = builders.make_company(name="Annan AB")
    builders.make_warehouse(company=other, code="1")
    with StoreServer(store) as again:
        elsewhere = connect(other, again.url, name="Elsewhere")
        synchronise(elsewhere)
    assert not Order.objects.exclude(company_group=other.group).filter(customer__company_group=other.group).exists()
    assert sound()


# ------------------------------------------------------------------ faults


def test_a_revoked_key_stops_the_connection_and_says_so(store: Store, server: StoreServer, linked: Connection) -> None:
    synchronise(linked)
    server.faults = faults.Faults(
        before=lambda number, method, path: faults.answer(
            401,
            b'{"code":"woocommerce_rest_authentication_error","message":"Consumer key is invalid."}',
            {"Content-Type": "application/json"},
        )
    )
    run = synchronise(linked)
    linked.refresh_from_db()
    assert run.state == RunState.FAILED
    assert linked.state == ConnectionState.ATTENTION
    assert Text.from_json(linked.attention).render()
    assert schedule_of(linked, "orders").failures == 1


def test_maintenance_is_waited_for(server: StoreServer, linked: Connection) -> None:
    server.faults = faults.always(faults.maintenance())
    run, outcome = attempt(linked)
    assert run.state == RunState.WAITING
    assert outcome.wait is not None
    assert 600 <= outcome.wait <= 800
    server.faults = faults.Faults()
    assert runner.execute(run.pk, worker="test").state == RunState.SUCCEEDED
    run.refresh_from_db()
    assert run.created == 120


def test_cancel_stops_after_a_page(linked: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    _small_pages(monkeypatch)
    real = jobs.STORES[jobs.Entity.ORDERS]

    def cancel_after(connection: Connection, records: Any, at: Any) -> Any:
        transaction.on_commit(lambda: Run.objects.update(cancel_requested=True))
        return real(connection, records, at)

    monkeypatch.setitem(jobs.STORES, jobs.Entity.ORDERS, cancel_after)
    _run, outcome = attempt(linked)
    assert outcome.state == RunState.CANCELLED
    assert 0 < Order.objects.count() < 120
    monkeypatch.setitem(jobs.STORES, jobs.Entity.ORDERS, real)
    synchronise(linked)
    assert Order.objects.count() == 120


def test_two_attempts_at_once_are_one(linked: Connection) -> None:
    run = synchronise_now(schedule_of(linked, "orders"))
    assert synchronise_now(schedule_of(linked, "orders")).pk == run.pk
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING, beat_at=builders.PLACED_AT)
    second = synchronise_now(schedule_of(linked, "orders"))
    assert second.pk != run.pk
    assert runner.execute(second.pk, worker="other").state == "gone"


# ------------------------------------------------------------------ invariant 8


def test_no_secret_anywhere(server: StoreServer, linked: Connection, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    synchronise(linked)
    server.faults = faults.always(faults.fatal_500())
    attempt(linked, "products")
    said = [caplog.text, *(str(row) for row in Run.objects.values()), str(linked.__dict__)]
    said += [str(row) for row in Connection.objects.values()]
    for text in said:
        assert KEY.consumer_secret not in text
        assert KEY.consumer_key not in text
