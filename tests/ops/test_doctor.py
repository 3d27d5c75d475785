"""Every rule of the doctor finds what breaks it, and nothing in what is sound."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings

from tests import builders
from tests.builders import Level, Line, Refunded, Sku
from tests.installation import installation
from tests.sync.shops import shop
from xtnd.connections.models import Connection, Link, LinkKind
from xtnd.connections.services import seal
from xtnd.core.time import now
from xtnd.ops.doctor import examine
from xtnd.orders.models import Order, OrderLine, Refund
from xtnd.stock.models import StockLevel, StockMovement
from xtnd.sync.models import Run, RunState


def broken() -> dict[str, tuple[int, tuple[str, ...]]]:
    return {finding.rule: (finding.broken, finding.examples) for finding in examine() if finding.broken}


def make_everything() -> None:
    """Two groups with orders, refunds, rounding, stock and runs: sound."""
    for group in (builders.make_group(), builders.make_group()):
        warehouse = builders.make_warehouse(group=group)
        connection = builders.make_connection(group=group, warehouse=warehouse, credentials=seal({"secret": "x"}))
        customer = builders.make_customer(group=group)
        lines = (Line(quantity=3, unit_price="33.33"), Line(name="Tea", sku="TEA", vat_rate=12, unit_price="45.10"))
        orders = [
            builders.make_order(connection=connection, customer=customer, lines=lines, shipping=39),
            builders.make_order(connection=connection, refunds=[Refunded(amount="25.00"), Refunded(amount="0.50")]),
            builders.make_order(connection=connection, lines=(), payment_state="unpaid"),
        ]
        for order in orders:
            builders.make_link(
                connection=connection, kind=LinkKind.ORDER, object_id=order.pk, external_id=order.external_id
            )
        builders.make_product(
            listed_in=[connection], variants=[Sku(sku="A-1", levels=[Level(warehouse=warehouse, on_hand="7.5")])]
        )
        schedule = builders.make_schedule(connection=connection)
        builders.make_run(schedule=schedule)
        builders.make_run(schedule=schedule, state=RunState.RUNNING, beat_at=now(), queued_at=now())


def change_line() -> None:
    line = OrderLine.objects.filter(kind="product").order_by("id")[0]
    OrderLine.objects.filter(pk=line.pk).update(total=line.total + Decimal("0.01"))


def lose_lines() -> None:
    OrderLine.objects.filter(order=_first_order()).delete()


def lose_rounding() -> None:
    order = Order.objects.exclude(rounding=0).order_by("id")[0]
    OrderLine.objects.filter(order=order, kind="rounding").update(kind="fee")


def lose_refunds() -> None:
    Refund.objects.filter(order__refunded_total__gt=0).delete()


def move_stock_silently() -> None:
    StockLevel.objects.update(on_hand=Decimal(8))


def lose_movements() -> None:
    StockMovement.objects.all().delete()


def lose_link() -> None:
    Link.objects.filter(kind=LinkKind.ORDER, object_id=_first_order().pk).delete()


def leave_dangling_link() -> None:
    builders.make_link(connection=_first_order().connection, kind=LinkKind.ORDER, object_id=999_999, external_id="gone")


def move_order_to_another_group() -> None:
    first, last = Order.objects.order_by("id").first(), Order.objects.order_by("id").last()
    assert first is not None
    assert last is not None
    Order.objects.filter(pk=first.pk).update(company_group=last.company_group_id)


def change_key() -> None:
    Connection.objects.filter(pk=_first_order().connection_id).update(credentials=b"gAAAAA not ours")


def freeze_run() -> None:
    long_ago = now() - timedelta(hours=3)
    Run.objects.filter(state=RunState.RUNNING).update(beat_at=long_ago, queued_at=long_ago)


def freeze_queue() -> None:
    """Nobody ever took it: no heartbeat at all."""
    Run.objects.filter(state=RunState.RUNNING).update(
        beat_at=None, state=RunState.QUEUED, queued_at=now() - timedelta(hours=3)
    )


def run_twice() -> None:
    run = Run.objects.filter(state=RunState.RUNNING).order_by("queued_at")[0]
    run.pk = uuid.uuid4()
    run.save(force_insert=True)


def _first_order() -> Order:
    return Order.objects.order_by("id")[0]


ROWS, LINKS = "The rows of every order make its total", "Every order has exactly one link to its store"
STOCK, STUCK = "Every stock level is the sum of its movements", "No run is stuck"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        (change_line, ROWS),
        (lose_lines, ROWS),
        (lose_rounding, "Every rounding has its own line"),
        (lose_refunds, "The refunds of every order make its refunded total"),
        (move_stock_silently, STOCK),
        (lose_movements, STOCK),
        (lose_link, LINKS),
        (leave_dangling_link, LINKS),
        (move_order_to_another_group, "Nothing points across company groups"),
        (change_key, "The stored keys can be decrypted"),
        (freeze_run, STUCK),
        (freeze_queue, STUCK),
        (run_twice, "One run at a time per schedule"),
    ],
)
def test_what_is_harmed_is_named(harm: Callable[[], None], rule: str) -> None:
    make_everything()
    assert broken() == {}
    harm()
    found = broken()
    assert rule in found, found
    count, examples = found[rule]
    assert count >= 1
    assert len(examples) >= 1


@pytest.mark.django_db
def test_a_key_that_others_can_read() -> None:
    key = Path(settings.DATA_DIR) / "credentials.key"
    key.chmod(0o644)
    try:
        assert broken() == {"The key files can be read by their owner alone": (1, ("credentials.key",))}
    finally:
        key.chmod(0o600)


def test_the_command_says_so_and_exits_with_1(tmp_path: Path) -> None:
    with shop(orders=10, products=6) as (_store, server), installation(tmp_path) as home:
        home.connect(server.url)
        home.must("sync", "Shop", "all", "--wait")
        assert "Everything holds." in home.must("doctor")
        number = home.one("SELECT number FROM orders_order ORDER BY id LIMIT 1")
        home.change("UPDATE orders_order SET total = total + 1 WHERE number = ?", number)
        done = home.run("doctor")
        assert done.returncode == 1
        assert f"✗ {ROWS}: 1\n    {number}\n" in done.stdout
        said = home.json("doctor")
        assert said["sound"] is False
        assert [rule for rule in said["rules"] if rule["broken"]] == [{"rule": ROWS, "broken": 1, "examples": [number]}]
