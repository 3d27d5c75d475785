"""Writes: orders as stores send them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import OuterRef, Subquery

from xtnd.canonical.customers import normalised_email
from xtnd.canonical.orders import Address, LineKind, OrderState, Vat, difference
from xtnd.canonical.orders import Order as CanonicalOrder
from xtnd.canonical.orders import Refund as CanonicalRefund
from xtnd.catalog.models import Listing
from xtnd.catalog.services import variants_sold
from xtnd.connections.models import Connection, LinkKind
from xtnd.connections.services import Known, known, link, relink
from xtnd.core.money import ZERO
from xtnd.customers.services import customers_of_orders
from xtnd.database.bulk import allocate_ids, chunks, delete_children, insert_rows, update_rows
from xtnd.database.search import SearchIndex
from xtnd.orders.models import (
    EventKind,
    Order,
    OrderDiscount,
    OrderEvent,
    OrderLine,
    OrderPayload,
    OrderVat,
    Payment,
    Refund,
    RefundLine,
)

SEARCH = SearchIndex("orders_search")
TOLERANCE = Decimal("1.00")
"""In order currency. Header and rows that differ by more put the order in review."""

_HEADER = (
    "number", "status", "state", "payment_state", "shipment_state", "review_reason", "currency", "prices_include_vat",
    "total", "total_vat", "shipping_total", "shipping_vat", "discount_total", "discount_vat", "refunded_total",
    "rounding", "customer", "customer_name", "customer_email", "country", "billing_address", "shipping_address",
    "org_number", "vat_number", "note", "payment_method", "payment_title", "admin_url", "item_count", "placed_at",
    "modified_at", "paid_at", "completed_at", "changed_at",
)  # fmt: skip
_WATCHED = ("status", "state", "payment_state", "shipment_state", "total", "total_vat", "refunded_total", "note",
            "customer_email", "billing_address", "shipping_address")  # fmt: skip
"""Fields whose change is an event on the timeline."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One order of a page, with the hash and the payload it was read from."""

    order: CanonicalOrder
    content_hash: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    created: int = 0
    updated: int = 0


def record_orders(
    connection: Connection, incoming: Sequence[Incoming], links: Mapping[str, Known], at: datetime
) -> Stored:
    """Store new and changed orders. Call inside the transaction that moves the cursor.

    `links` are what we have of these external ids; an order whose hash it knows must not be here.
    """
    new = [one for one in incoming if one.order.external_id not in links]
    changed = [one for one in incoming if one.order.external_id in links]
    orders = [one.order for one in incoming]
    if not orders:
        return Stored()
    context = _Context.of(connection, orders, at)
    ids = list(allocate_ids(Order, len(new)))
    _insert_headers(connection, ids, new, context)
    link(
        connection,
        LinkKind.ORDER,
        [(o.order.external_id, i, o.content_hash) for i, o in zip(ids, new, strict=True)],
        at,
    )
    pairs = list(zip(ids, new, strict=True))
    _insert_children(pairs, context)
    _insert_refunds([(order_id, one.order.refunds) for order_id, one in pairs])
    insert_rows(
        OrderEvent,
        ("order", "kind", "at", "actor", "changes"),
        [(order_id, EventKind.RECEIVED.value, at, "", {"status": one.order.status}) for order_id, one in pairs],
    )
    SEARCH.put([(order_id, _search_text(one.order)) for order_id, one in pairs], fresh=True)
    _update_orders([(links[one.order.external_id], one) for one in changed], context)
    return Stored(created=len(new), updated=len(changed))


# ------------------------------------------------------------------ what orders point at


@dataclass(frozen=True, slots=True)
class _Context:
    """What a page of orders points at, looked up once."""

    customers_by_link: Mapping[str, Known]
    customers_by_email: Mapping[str, int]
    variants: Mapping[tuple[str, str], int]
    at: datetime

    @classmethod
    def of(cls, connection: Connection, orders: Sequence[CanonicalOrder], at: datetime) -> _Context:
        registered = {order.customer_external_id for order in orders if order.customer_external_id}
        by_link = known(connection, LinkKind.CUSTOMER, registered)
        guests = [order for order in orders if order.customer_external_id not in by_link]
        products = {line.external_product_id for order in orders for line in order.lines if line.external_product_id}
        return cls(by_link, customers_of_orders(connection, guests, at), variants_sold(connection, products), at)

    def customer_of(self, order: CanonicalOrder) -> int | None:
        linked = self.customers_by_link.get(order.customer_external_id)
        return linked.object_id if linked else self.customers_by_email.get(normalised_email(order.billing.email))


# ------------------------------------------------------------------ rows


def _insert_headers(connection: Connection, ids: Sequence[int], new: Sequence[Incoming], context: _Context) -> None:
    insert_rows(
        Order,
        ("id", "company_group", "connection", "external_id", "received_at", *_HEADER),
        [
            (order_id, connection.company_group_id, connection.pk, one.order.external_id, context.at,
             *_header(one.order, context))
            for order_id, one in zip(ids, new, strict=True)
        ],
    )  # fmt: skip


def _header(order: CanonicalOrder, context: _Context) -> tuple[Any, ...]:
    rounding = difference(order)
    state, reason = _state(order, rounding)
    who = order.billing if order.billing.name or order.billing.company else order.shipping
    items = sum((line.quantity for line in order.lines if line.kind is LineKind.PRODUCT), ZERO)
    return (
        order.number[:64], order.status[:60], state.value, order.payment_state.value, order.shipment_state.value,
        reason, order.currency, order.prices_include_vat, order.total, order.total_vat, order.shipping_total,
        order.shipping_vat, order.discount_total, order.discount_vat, order.refunded_total, rounding,
        context.customer_of(order), (who.name or who.company)[:420], order.billing.email[:254],
        order.shipping.country or order.billing.country, order.billing, order.shipping,
        order.org_number[:40], order.vat_number[:40], order.note, order.payment_method[:100], order.payment_title[:200],
        order.admin_url, items, order.placed_at, order.modified_at, order.paid_at, order.completed_at, context.at,
    )  # fmt: skip


def _state(order: CanonicalOrder, rounding: Decimal) -> tuple[OrderState, str]:
    if abs(rounding) > TOLERANCE and order.state is not OrderState.CANCELLED:
        return OrderState.IN_REVIEW, "totals_differ"
    return order.state, ""


def _insert_children(pairs: Sequence[tuple[int, Incoming]], context: _Context) -> None:
    insert_rows(
        OrderLine,
        ("order", "position", "kind", "external_id", "name", "sku", "variant", "external_product_id",
         "external_variant_id", "quantity", "unit_price", "subtotal", "total", "vat", "vat_rows", "attributes"),
        (row for order_id, one in pairs for row in _line_rows(order_id, one.order, context)),
    )  # fmt: skip
    insert_rows(
        OrderVat,
        ("order", "rate", "label", "goods", "shipping"),
        [(i, vat.rate, vat.label[:200], vat.goods, vat.shipping) for i, one in pairs for vat in one.order.vat_totals],
    )
    insert_rows(
        OrderDiscount,
        ("order", "code", "amount", "vat"),
        [
            (i, discount.code[:200], discount.amount, discount.vat)
            for i, one in pairs
            for discount in one.order.discounts
        ],
    )
    insert_rows(
        Payment,
        ("order", "method", "title", "amount", "transaction_id", "paid_at"),
        [
            (
                i,
                payment.method[:100],
                payment.title[:200],
                payment.amount,
                payment.transaction_id[:200],
                payment.paid_at,
            )
            for i, one in pairs
            for payment in one.order.payments
        ],
    )
    insert_rows(OrderPayload, ("order", "body"), [(order_id, zlib.compress(one.payload, 1)) for order_id, one in pairs])


def _line_rows(order_id: int, order: CanonicalOrder, context: _Context) -> Iterator[tuple[Any, ...]]:
    position = 0
    for position, line in enumerate(order.lines, start=1):
        yield (
            order_id, position, line.kind.value, line.external_id, line.name[:1000], line.sku[:200],
            context.variants.get((line.external_product_id, line.external_variant_id)), line.external_product_id,
            line.external_variant_id, line.quantity, line.unit_price, line.subtotal, line.total, line.vat,
            _vat_json(line.vat_rows), line.attributes,
        )  # fmt: skip
    rounding = difference(order)
    if rounding:
        yield (
            order_id, position + 1, LineKind.ROUNDING.value, "", "", "", None, "", "", Decimal(1), rounding, rounding,
            rounding, ZERO, [], [],
        )  # fmt: skip


def _vat_json(rows: Iterable[Vat]) -> list[dict[str, str | None]]:
    return [
        {"rate": None if row.rate is None else str(row.rate), "amount": str(row.amount), "label": row.label}
        for row in rows
    ]


def _insert_refunds(orders: Sequence[tuple[int, Sequence[CanonicalRefund]]]) -> None:
    flat = [(order_id, refund) for order_id, refunds in orders for refund in refunds]
    ids = list(allocate_ids(Refund, len(flat))) if flat else []
    insert_rows(
        Refund,
        ("id", "order", "external_id", "amount", "reason", "refunded_at"),
        [
            (refund_id, order_id, refund.external_id, refund.amount, refund.reason, refund.refunded_at)
            for refund_id, (order_id, refund) in zip(ids, flat, strict=True)
        ],
    )
    _insert_refund_lines([(refund_id, refund) for refund_id, (_order, refund) in zip(ids, flat, strict=True)])


def _insert_refund_lines(refunds: Sequence[tuple[int, CanonicalRefund]]) -> None:
    insert_rows(
        RefundLine,
        ("refund", "kind", "external_id", "order_line_external_id", "name", "sku", "quantity", "total", "vat",
         "vat_rows"),
        [
            (refund_id, line.kind.value, line.external_id, line.order_line_external_id, line.name[:1000],
             line.sku[:200], line.quantity, line.total, line.vat, _vat_json(line.vat_rows))
            for refund_id, refund in refunds
            for line in refund.lines
        ],
    )  # fmt: skip


def _search_text(order: CanonicalOrder) -> str:
    billing, shipping = order.billing, order.shipping
    parts = [
        order.number, billing.name, shipping.name, billing.company, shipping.company, billing.email, billing.phone,
        billing.city, shipping.city, order.org_number, *(line.sku for line in order.lines),
        *(line.name for line in order.lines if line.kind is LineKind.PRODUCT),
    ]  # fmt: skip
    return " ".join(dict.fromkeys(part for part in parts if part))


# ------------------------------------------------------------------ changed orders


def _update_orders(changed: Sequence[tuple[Known, Incoming]], context: _Context) -> None:
    if not changed:
        return
    ids = [have.object_id for have, _one in changed]
    before = {order.pk: order for chunk in chunks(ids) for order in Order.objects.filter(id__in=chunk)}
    lines_before = _lines_of(ids)
    headers, events = [], []
    for have, one in changed:
        header = _header(one.order, context)
        headers.append((have.object_id, None, *header))
        changes = _changes(before[have.object_id], dict(zip(_HEADER, header, strict=True)))
        if lines_before.get(have.object_id, []) != _line_signature(one.order):
            changes["lines"] = ["", ""]
        if changes:
            events.append((have.object_id, EventKind.CHANGED.value, context.at, "", changes))
    update_rows(Order, ("id", "removed_at", *_HEADER), headers)
    for child in (OrderLine, OrderVat, OrderDiscount, Payment, OrderPayload):
        delete_children(child, "order", ids)
    pairs = [(have.object_id, one) for have, one in changed]
    _insert_children(pairs, context)
    _replace_refunds(pairs)
    insert_rows(OrderEvent, ("order", "kind", "at", "actor", "changes"), events)
    relink([(have.link_id, have.object_id, one.content_hash) for have, one in changed], context.at)
    SEARCH.put([(order_id, _search_text(one.order)) for order_id, one in pairs])


def _changes(before: Order, after: Mapping[str, Any]) -> dict[str, list[str]]:
    changes: dict[str, list[str]] = {}
    for name in _WATCHED:
        old, new = getattr(before, name), after[name]
        if isinstance(new, Address):
            if old != asdict(new):
                changes[name] = ["", ""]
        elif old != new:
            changes[name] = [_plain(old), _plain(new)]
    return changes


def _plain(value: Any) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _lines_of(order_ids: Sequence[int]) -> dict[int, list[tuple[Any, ...]]]:
    lines: dict[int, list[tuple[Any, ...]]] = {}
    for chunk in chunks(order_ids):
        rows = OrderLine.objects.filter(order_id__in=chunk).exclude(kind=LineKind.ROUNDING.value)
        for order_id, *line in rows.order_by("order_id", "position").values_list(
            "order_id", "kind", "external_id", "sku", "quantity", "total", "vat"
        ):
            lines.setdefault(order_id, []).append(tuple(line))
    return lines


def _line_signature(order: CanonicalOrder) -> list[tuple[Any, ...]]:
    return [
        (line.kind.value, line.external_id, line.sku[:200], line.quantity, line.total, line.vat) for line in order.lines
    ]


def _replace_refunds(pairs: Sequence[tuple[int, Incoming]]) -> None:
    """Refunds keep their row over re-reads; one deleted in the store goes."""
    kept: dict[tuple[int, str], int] = {}
    for chunk in chunks([order_id for order_id, _one in pairs]):
        rows = Refund.objects.filter(order_id__in=chunk).values_list("order_id", "external_id", "id")
        kept.update({(order_id, external_id): refund_id for order_id, external_id, refund_id in rows})
    wanted = {(order_id, refund.external_id): refund for order_id, one in pairs for refund in one.order.refunds}
    gone = [refund_id for key, refund_id in kept.items() if key not in wanted]
    stay = [(kept[key], refund) for key, refund in wanted.items() if key in kept]
    delete_children(RefundLine, "refund", [*gone, *(refund_id for refund_id, _refund in stay)])
    delete_children(Refund, "id", gone)
    update_rows(
        Refund,
        ("id", "amount", "reason", "refunded_at"),
        [(refund_id, refund.amount, refund.reason, refund.refunded_at) for refund_id, refund in stay],
    )
    _insert_refund_lines(stay)
    _insert_refunds(
        [
            (order_id, [refund for refund in one.order.refunds if (order_id, refund.external_id) not in kept])
            for order_id, one in pairs
        ]
    )


def adopt_variants(connection: Connection, external_product_ids: Sequence[str]) -> int:
    """Order lines that came before their product find its variant now. Returns how many."""
    mine = Listing.objects.filter(
        connection=connection,
        external_product_id=OuterRef("external_product_id"),
        external_variant_id=OuterRef("external_variant_id"),
    )
    adopted = 0
    for chunk in chunks(external_product_ids):
        orphans = OrderLine.objects.filter(
            variant__isnull=True, external_product_id__in=chunk, order__connection=connection
        )
        adopted += orphans.update(variant=Subquery(mine.values("variant")[:1]))
    return adopted
