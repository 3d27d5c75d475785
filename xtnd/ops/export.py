"""What is here, as ndjson or CSV, streamed. Amounts are decimal strings in the currency's minor unit, times UTC."""

from __future__ import annotations

import csv
import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TextIO

from django.db.models import QuerySet

from xtnd.canonical.orders import LineKind
from xtnd.catalog.models import Listing
from xtnd.connections.models import Connection, Link, LinkKind
from xtnd.core.errors import ConfigurationError
from xtnd.core.money import total
from xtnd.customers.models import Customer
from xtnd.database.bulk import chunks
from xtnd.ops.upkeep import bring_up_to_date
from xtnd.orders.models import Order, OrderDiscount, OrderLine, OrderVat, Payment, Refund, RefundLine
from xtnd.stock.models import StockLevel

Document = dict[str, Any]
_BATCH = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(arguments: Namespace) -> int:
    bring_up_to_date()
    connections = _connections(arguments.connection)
    documents = _WRITERS[arguments.entity](connections)
    if arguments.output:
        try:
            with open(arguments.output, "w", encoding="utf-8", newline="") as file:
                write(documents, arguments.format, file)
        except OSError as error:
            raise ConfigurationError(f"--output: cannot write {arguments.output} ({error.strerror})") from error
    else:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        write(documents, arguments.format, sys.stdout)
        sys.stdout.flush()
    return 0


def write(documents: Iterator[Document], form: str, file: TextIO) -> None:
    """One JSON document a line, or CSV with lists as JSON and formulas made harmless."""
    if form == "ndjson":
        for document in documents:
            file.write(json.dumps(document, ensure_ascii=False) + "\n")
        return
    writer: csv.DictWriter[str] | None = None
    for document in documents:
        if writer is None:
            writer = csv.DictWriter(file, list(document))
            writer.writeheader()
        writer.writerow({key: _cell(value) for key, value in document.items()})


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value):
        return f"'{value}"  # a spreadsheet must not run what a buyer wrote
    return value


def _is_number(text: str) -> bool:
    return text[0] in "+-" and text[1:].replace(".", "", 1).isdecimal()


# ------------------------------------------------------------------ orders


def orders(connections: Sequence[Connection]) -> Iterator[Document]:
    names = {connection.pk: connection.name for connection in connections}
    wanted = Order.objects.filter(connection__in=connections)
    for batch in _batches(wanted):
        ids = [order.pk for order in batch]
        rows = _Children(ids)
        for order in batch:
            yield _order(order, names[order.connection_id], rows)


class _Children:
    """The rows below a batch of orders, read once per table."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.lines = _grouped(OrderLine.objects.filter(order_id__in=ids).order_by("order_id", "position"), "order_id")
        self.vat = _grouped(OrderVat.objects.filter(order_id__in=ids).order_by("id"), "order_id")
        self.discounts = _grouped(OrderDiscount.objects.filter(order_id__in=ids).order_by("id"), "order_id")
        self.payments = _grouped(Payment.objects.filter(order_id__in=ids).order_by("id"), "order_id")
        self.refunds = _grouped(Refund.objects.filter(order_id__in=ids).order_by("id"), "order_id")
        self.refund_lines = _grouped(RefundLine.objects.filter(refund__order_id__in=ids).order_by("id"), "refund_id")


def _order(order: Order, connection: str, rows: _Children) -> Document:
    """`lines` are what was sold; `charges` the freight, fees and rounding beside them, each with its kind."""

    def amount(value: Decimal) -> str:
        return str(total(value, order.currency))

    lines: list[OrderLine] = rows.lines.get(order.pk, [])
    return {
        "connection": connection,
        "external_id": order.external_id,
        "number": order.number,
        "status": order.status,
        "state": order.state,
        "payment_state": order.payment_state,
        "shipment_state": order.shipment_state,
        "currency": order.currency,
        "prices_include_vat": order.prices_include_vat,
        "total": amount(order.total),
        "total_tax": amount(order.total_vat),
        "shipping_total": amount(order.shipping_total),
        "shipping_tax": amount(order.shipping_vat),
        "discount_total": amount(order.discount_total),
        "discount_tax": amount(order.discount_vat),
        "refunded_total": amount(order.refunded_total),
        "rounding": amount(order.rounding),
        "placed_at": _moment(order.placed_at),
        "modified_at": _moment(order.modified_at),
        "paid_at": _moment(order.paid_at),
        "customer_email": order.customer_email,
        "customer_name": order.customer_name,
        "org_number": order.org_number,
        "vat_number": order.vat_number,
        "billing_address": order.billing_address,
        "shipping_address": order.shipping_address,
        "payment_method": order.payment_method,
        "note": order.note,
        "removed": order.removed_at is not None,
        "lines": [_line(line, amount) for line in lines if line.kind == LineKind.PRODUCT],
        "charges": [_line(line, amount) for line in lines if line.kind != LineKind.PRODUCT],
        "vat": [
            {
                "rate": _number(vat.rate),
                "label": vat.label,
                "goods": amount(vat.goods),
                "shipping": amount(vat.shipping),
            }
            for vat in rows.vat.get(order.pk, [])
        ],
        "discounts": [
            {"code": discount.code, "amount": amount(discount.amount), "tax": amount(discount.vat)}
            for discount in rows.discounts.get(order.pk, [])
        ],
        "payments": [
            {
                "method": payment.method,
                "title": payment.title,
                "amount": amount(payment.amount),
                "transaction_id": payment.transaction_id,
                "paid_at": _moment(payment.paid_at),
            }
            for payment in rows.payments.get(order.pk, [])
        ],
        "refunds": [
            {
                "external_id": refund.external_id,
                "amount": amount(refund.amount),
                "reason": refund.reason,
                "refunded_at": _moment(refund.refunded_at),
                "lines": [_refund_line(line, amount) for line in rows.refund_lines.get(refund.pk, [])],
            }
            for refund in rows.refunds.get(order.pk, [])
        ],
    }


def _line(line: OrderLine, amount: Callable[[Decimal], str]) -> Document:
    return {
        "kind": line.kind,
        "external_id": line.external_id,
        "sku": line.sku,
        "name": line.name,
        "quantity": _number(line.quantity),
        "subtotal": amount(line.subtotal),
        "total": amount(line.total),
        "tax": amount(line.vat),
        "tax_rows": line.vat_rows,
        "product_id": line.external_product_id,
        "variant_id": line.external_variant_id,
        "attributes": line.attributes,
    }


def _refund_line(line: RefundLine, amount: Callable[[Decimal], str]) -> Document:
    return {
        "kind": line.kind,
        "line_external_id": line.order_line_external_id,
        "sku": line.sku,
        "name": line.name,
        "quantity": _number(line.quantity),
        "total": amount(line.total),
        "tax": amount(line.vat),
    }


# ------------------------------------------------------------------ products, customers, stock


def products(connections: Sequence[Connection]) -> Iterator[Document]:
    """One document per listing: a variant in one store."""
    for listing, connection in _listings(connections):
        yield {
            "connection": connection,
            "external_product_id": listing.external_product_id,
            "external_variant_id": listing.external_variant_id,
            "sku": listing.sku,
            "title": listing.title,
            "variant": listing.variant.title,
            "barcode": listing.variant.barcode,
            "status": listing.status,
            "match": listing.match,
            "price": _number(listing.price),
            "regular_price": _number(listing.regular_price),
            "sale_price": _number(listing.sale_price),
            "stock_policy": listing.stock_policy,
            "stock_quantity": _number(listing.stock_quantity),
            "removed": listing.removed_at is not None,
        }


def stock(connections: Sequence[Connection]) -> Iterator[Document]:
    """One document per listing: what the store says, and the level of the connection's warehouse when it has one."""
    warehouses = {connection.name: connection.warehouse for connection in connections}
    for batch in chunks(list(_listings(connections))):
        rows = StockLevel.objects.filter(variant_id__in=[listing.variant_id for listing, _name in batch])
        levels = {(level.variant_id, level.warehouse_id): level for level in rows}
        for listing, connection in batch:
            warehouse = warehouses[connection]
            level = levels.get((listing.variant_id, warehouse.pk)) if warehouse else None
            yield {
                "connection": connection,
                "external_product_id": listing.external_product_id,
                "external_variant_id": listing.external_variant_id,
                "sku": listing.sku,
                "title": listing.title,
                "stock_policy": listing.stock_policy,
                "stock_quantity": _number(listing.stock_quantity),
                "in_stock": listing.in_stock,
                "warehouse": warehouse.code if warehouse else None,
                "on_hand": _number(level.on_hand) if level else None,
                "reserved": _number(level.reserved) if level else None,
            }


def customers(connections: Sequence[Connection]) -> Iterator[Document]:
    """One document per customer and store that has an account or an order of theirs."""
    for connection in connections:
        links = dict(
            Link.objects.filter(connection=connection, kind=LinkKind.CUSTOMER).values_list("object_id", "external_id")
        )
        buyers = Order.objects.filter(connection=connection, customer__isnull=False).values_list(
            "customer_id", flat=True
        )
        for ids in chunks(sorted(set(links) | set(buyers.distinct()))):
            for customer in Customer.objects.filter(id__in=ids).order_by("id"):
                yield {
                    "connection": connection.name,
                    "external_id": links.get(customer.pk, ""),
                    "registered": customer.pk in links,
                    "email": customer.email,
                    "first_name": customer.first_name,
                    "last_name": customer.last_name,
                    "company": customer.company,
                    "phone": customer.phone,
                    "org_number": customer.org_number,
                    "vat_number": customer.vat_number,
                    "billing_address": customer.billing_address,
                    "shipping_address": customer.shipping_address,
                    "created_at": _moment(customer.created_at),
                }


_WRITERS: dict[str, Callable[[Sequence[Connection]], Iterator[Document]]] = {
    "orders": orders,
    "products": products,
    "customers": customers,
    "stock": stock,
}


# ------------------------------------------------------------------ shared


def _listings(connections: Sequence[Connection]) -> Iterator[tuple[Listing, str]]:
    names = {connection.pk: connection.name for connection in connections}
    wanted = Listing.objects.filter(connection__in=connections).select_related("variant")
    for batch in _batches(wanted):
        for listing in batch:
            yield listing, names[listing.connection_id]


def _batches(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """By id: flat in memory however many there are."""
    last = 0
    while batch := list(rows.filter(id__gt=last).order_by("id")[:_BATCH]):
        yield batch
        last = batch[-1].pk


def _grouped(rows: QuerySet[Any], key: str) -> dict[int, list[Any]]:
    grouped: dict[int, list[Any]] = {}
    for row in rows:
        grouped.setdefault(getattr(row, key), []).append(row)
    return grouped


def _connections(name: str | None) -> list[Connection]:
    found = Connection.objects.select_related("warehouse").order_by("id")
    if name:
        found = found.filter(name__iexact=name.strip())
        if not found.exists():
            raise ConfigurationError(f"there is no connection named {name}")
    return list(found)


def _moment(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _number(value: Decimal | None) -> str | None:
    """Without needless zeros: 3, 2.5, 12.34."""
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
