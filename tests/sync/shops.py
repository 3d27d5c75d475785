"""A simulated shop, a connection to it, and the comparison of the two to the öre."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from xtnd.companies.models import Company
from xtnd.connections.models import Connection
from xtnd.connections.services import Wish, create_connection, open_verification
from xtnd.connectors.woocommerce.mapper import DRAFTS
from xtnd.ops.demo.seed import seed_store
from xtnd.ops.demo.server import StoreServer
from xtnd.ops.demo.store import Key, Store
from xtnd.orders.models import Order, OrderLine, Refund, RefundLine
from xtnd.sync import verifying
from xtnd.sync.models import Run, Schedule
from xtnd.sync.runner import Outcome, execute
from xtnd.sync.services import ensure_schedules, synchronise_now

KEY = Key("ck_" + "d4" * 20, "cs_" + "e5" * 20)


@contextmanager
def shop(
    *, orders: int = 120, products: int = 30, customers: int = 12, **server: Any
) -> Iterator[tuple[Store, StoreServer]]:
    store = Store(keys=[KEY])
    seed_store(store, orders=orders, products=products, customers=customers)
    with StoreServer(store, **server) as served:
        yield store, served


def connect(
    company: Company,
    url: str,
    *,
    name: str = "Shop",
    order_start: date | None = None,
    warehouse: bool = True,
    key: Key = KEY,
) -> Connection:
    """As a user does: verified, then saved."""
    wish = Wish(
        system="woocommerce",
        api_url=url,
        credentials={"access_token": key.consumer_key, "secret": key.consumer_secret},
        order_start=order_start,
    )
    verification = open_verification(wish=wish, company_group_id=company.group_id, user=None)
    report = verifying.verify(verification)
    assert report.green, [(check.name, check.cause) for check in report.checks if check.cause]
    connection = create_connection(
        verification=verification,
        wish=wish,
        name=name,
        company_group_id=company.group_id,
        warehouse=company.warehouses.first() if warehouse else None,
        user=None,
    )
    ensure_schedules(connection)
    return connection


def schedule_of(connection: Connection, entity: str) -> Schedule:
    return Schedule.objects.get(connection=connection, entity=entity)


def synchronise(connection: Connection, entity: str = "orders") -> Run:
    """Queue and execute, here."""
    run, _outcome = attempt(connection, entity)
    return run


def attempt(connection: Connection, entity: str = "orders") -> tuple[Run, Outcome]:
    run = synchronise_now(schedule_of(connection, entity))
    outcome = execute(run.pk, worker="test")
    run.refresh_from_db()
    return run, outcome


# ------------------------------------------------------------------ the comparison


def differences(store: Store, connection: Connection) -> list[str]:
    """What differs between the store's orders and ours, field by field. Empty when nothing does."""
    with store.lock:
        theirs = {
            str(order["id"]): order for order in store.orders.values() if order["status"] not in ("trash", *DRAFTS)
        }
        refunds = {str(refund["id"]): refund for refund in store.refunds.values()}
        ours = {order.external_id: order for order in Order.objects.filter(connection=connection)}
        found = [f"missing {external_id}" for external_id in theirs.keys() - ours.keys()]
        found += [f"too many {external_id}" for external_id in ours.keys() - theirs.keys()]
        for external_id in theirs.keys() & ours.keys():
            found += [f"{external_id}: {what}" for what in _compare(theirs[external_id], ours[external_id], refunds)]
    return found


def _compare(raw: dict[str, Any], order: Order, refunds: dict[str, Any]) -> Iterator[str]:
    pairs = {
        "number": (raw["number"], order.number),
        "status": (raw["status"], order.status),
        "currency": (raw["currency"], order.currency),
        "total": (Decimal(raw["total"]), order.total),
        "total_tax": (Decimal(raw["total_tax"]), order.total_vat),
        "shipping_total": (Decimal(raw["shipping_total"]), order.shipping_total),
        "shipping_tax": (Decimal(raw["shipping_tax"]), order.shipping_vat),
        "discount_total": (Decimal(raw["discount_total"]), order.discount_total),
        "email": (raw["billing"]["email"], order.customer_email),
        "street": (raw["billing"]["address_1"], order.billing_address["street"]),
        "placed_at": (_utc(raw["date_created_gmt"]), order.placed_at),
        "modified_at": (_utc(raw["date_modified_gmt"]), order.modified_at),
        "paid_at": (_utc(raw["date_paid_gmt"]), order.paid_at),
        "refunded": (-sum((Decimal(r["total"]) for r in raw["refunds"]), Decimal(0)), order.refunded_total),
        "lines": (_their_lines(raw), _our_lines(order)),
        "vat": (_their_vat(raw), sorted((v.rate, v.goods, v.shipping) for v in order.vat_totals.all())),
        "refund ids": (
            sorted(str(r["id"]) for r in raw["refunds"]),
            sorted(r.external_id for r in order.refunds.all()),
        ),
    }
    for name, (theirs, ours) in pairs.items():
        if theirs != ours:
            yield f"{name}: theirs {theirs!r}, ours {ours!r}"
    for refund in order.refunds.all():
        yield from _compare_refund(refunds[refund.external_id], refund)


def _their_lines(raw: dict[str, Any]) -> list[tuple[Any, ...]]:
    goods = [
        (
            "product",
            line["sku"] or "",
            line["name"],
            Decimal(line["quantity"]),
            Decimal(line["total"]),
            Decimal(line["total_tax"]),
        )
        for line in raw["line_items"]
    ]
    freight = [
        ("shipping", "", line["method_title"], Decimal(1), Decimal(line["total"]), Decimal(line["total_tax"]))
        for line in raw["shipping_lines"]
    ]
    fees = [
        ("fee", "", line["name"], Decimal(1), Decimal(line["total"]), Decimal(line["total_tax"]))
        for line in raw["fee_lines"]
    ]
    return [*goods, *freight, *fees]


def _our_lines(order: Order) -> list[tuple[Any, ...]]:
    rows = OrderLine.objects.filter(order=order).exclude(kind="rounding").order_by("position")
    return [(line.kind, line.sku, line.name, line.quantity, line.total, line.vat) for line in rows]


def _their_vat(raw: dict[str, Any]) -> list[tuple[Decimal, Decimal, Decimal]]:
    return sorted(
        (Decimal(str(tax["rate_percent"])), Decimal(tax["tax_total"]), Decimal(tax["shipping_tax_total"]))
        for tax in raw["tax_lines"]
    )


def _compare_refund(raw: dict[str, Any], refund: Refund) -> Iterator[str]:
    theirs = [
        (line["sku"] or "", abs(Decimal(line["quantity"])), -Decimal(line["total"]), -Decimal(line["total_tax"]))
        for line in raw["line_items"]
    ]
    rows = RefundLine.objects.filter(refund=refund, kind="product").order_by("id")
    ours = [(line.sku, line.quantity, line.total, line.vat) for line in rows]
    if theirs != ours:
        yield f"refund {refund.external_id} lines: theirs {theirs}, ours {ours}"
    if Decimal(raw["amount"]) != refund.amount:
        yield f"refund {refund.external_id}: theirs {raw['amount']}, ours {refund.amount}"


def _utc(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
