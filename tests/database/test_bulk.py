"""Bulk writes do on real tables what the ORM would have done."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from tests import builders
from xtnd.database.bulk import allocate_ids, chunks, delete_children, insert_rows, update_rows
from xtnd.orders.models import EventKind, Order, OrderEvent, OrderLine
from xtnd.sync.models import Run

pytestmark = pytest.mark.django_db

COLUMNS = ("id", "order", "position", "kind", "name", "quantity", "unit_price", "subtotal", "total", "vat", "vat_rows")
AT = datetime(2026, 10, 25, 1, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def order() -> Order:
    return builders.make_order(lines=(), events=False)


def row(number: int, order: Order, **changed: Any) -> list[Any]:
    values = {
        "id": number,
        "order": order.pk,
        "position": number,
        "kind": "product",
        "name": "Fjällräven '\"; DROP TABLE orders_order; --",
        "quantity": Decimal("2.5"),
        "unit_price": Decimal("0.1"),
        "subtotal": Decimal("-0.00005"),
        "total": Decimal("123456789.1234"),
        "vat": Decimal("0"),
        "vat_rows": [{"rate": Decimal("25.00"), "label": "moms å"}],
        **changed,
    }
    return [values[column] for column in COLUMNS]


def test_ids_are_ours_alone(order: Order) -> None:
    first = allocate_ids(OrderLine, 3)
    second = allocate_ids(OrderLine, 2)
    assert len(first) == 3
    assert second.start == first.stop
    line = builders.make_order(connection=order.connection).lines.get()
    assert line.pk == second.stop, "the ORM goes on after them"
    assert allocate_ids(OrderLine, 1).start == line.pk + 1


def test_ids_of_an_empty_table() -> None:
    assert len(allocate_ids(OrderEvent, 5)) == 5
    assert len(allocate_ids(OrderEvent, 0)) == 0


def test_rows_come_back_as_the_orm_would_have_written_them(order: Order) -> None:
    ids = allocate_ids(OrderLine, 1500)
    assert insert_rows(OrderLine, COLUMNS_WITH_DEFAULTS, [with_defaults(row(n, order)) for n in ids]) == 1500
    line = OrderLine.objects.get(pk=ids[0])
    twin = OrderLine.objects.get(pk=ids[-1])
    assert line.name == "Fjällräven '\"; DROP TABLE orders_order; --"
    assert (line.quantity, line.unit_price, line.total) == (Decimal("2.5"), Decimal("0.1"), Decimal("123456789.1234"))
    assert line.subtotal == Decimal("-0.0001"), "half-up beyond the fourth decimal"
    assert line.vat_rows == [{"rate": "25.00", "label": "moms å"}]
    assert twin.total == line.total
    line.pk = None
    line.position = 99_999
    line.save()  # the ORM's own copy is equal in every column
    assert OrderLine.objects.filter(total=line.total, name=line.name, subtotal=line.subtotal).count() == 1501


EXTRA = {
    field.attname: field.get_default()
    for field in OrderLine._meta.concrete_fields
    if field.name not in COLUMNS and not field.null
}
COLUMNS_WITH_DEFAULTS = (*COLUMNS, *EXTRA)


def with_defaults(values: list[Any]) -> list[Any]:
    return [*values, *EXTRA.values()]


def test_moments_and_missing_values(order: Order) -> None:
    stockholm = timezone(timedelta(hours=2))
    (number,) = allocate_ids(OrderEvent, 1)
    insert_rows(
        OrderEvent,
        ("id", "order", "kind", "at", "changes", "actor"),
        [(number, order.pk, EventKind.RECEIVED.value, AT.astimezone(stockholm), {"status": [None, "ny"]}, "")],
    )
    event = OrderEvent.objects.get(pk=number)
    assert event.at == AT
    assert OrderEvent.objects.filter(at=AT).exists(), "comparable with what the ORM writes"
    assert event.changes == {"status": [None, "ny"]}


def test_nothing_to_write_is_no_statement(order: Order, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert insert_rows(OrderLine, COLUMNS, []) == 0
        assert update_rows(Order, ("id", "note"), []) == 0
        delete_children(OrderLine, "order", [])


def test_update_touches_its_rows_and_columns_alone(order: Order) -> None:
    other = builders.make_order(connection=order.connection, note="before")
    moment = AT + timedelta(days=1)
    columns = ("id", "total", "paid_at", "note", "billing_address", "customer")
    assert update_rows(Order, columns, [(order.pk, Decimal("0.0001"), moment, "åäö", {"city": "Åre"}, None)]) == 1
    order.refresh_from_db()
    assert (order.total, order.paid_at, order.note) == (Decimal("0.0001"), moment, "åäö")
    assert (order.billing_address, order.customer) == ({"city": "Åre"}, None)
    assert Order.objects.get(pk=other.pk).note == "before"
    update_rows(Order, ("id", "paid_at"), [(order.pk, None)])
    order.refresh_from_db()
    assert (order.paid_at, order.note) == (None, "åäö")


def test_a_uuid_is_found_again() -> None:
    run = builders.make_run()
    update_rows(Run, ("id", "seen"), [(run.pk, 7)])
    assert Run.objects.get(pk=run.pk).seen == 7
    number = uuid.uuid4()
    columns = [field.attname for field in Run._meta.concrete_fields]
    values = [getattr(run, column) for column in columns]
    values[columns.index("id")] = number
    insert_rows(Run, [field.name for field in Run._meta.concrete_fields], [values])
    again = Run.objects.get(pk=number)
    assert (again.schedule_id, again.queued_at, again.error) == (run.schedule_id, run.queued_at, run.error)


def test_only_the_children_go(order: Order) -> None:
    connection = order.connection
    gone = [builders.make_order(connection=connection).pk for _ in range(3)]
    kept = builders.make_order(connection=connection)
    delete_children(OrderLine, "order", [*gone, *range(10**6, 10**6 + 1200)])
    assert set(OrderLine.objects.values_list("order_id", flat=True)) == {kept.pk}
    assert Order.objects.filter(pk__in=gone).count() == 3


def test_a_conflict_is_the_callers_bug_and_leaves_nothing(order: Order) -> None:
    (number,) = allocate_ids(OrderLine, 1)
    rows = [with_defaults(row(number, order)), with_defaults(row(number, order))]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_rows(OrderLine, COLUMNS_WITH_DEFAULTS, rows)
    assert not OrderLine.objects.exists()


def test_chunks() -> None:
    assert [list(part) for part in chunks([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]
    assert list(chunks([])) == []
    assert [len(part) for part in chunks(range(1001))] == [500, 500, 1]
