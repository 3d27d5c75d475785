"""What a caller may change through the REST API, with WooCommerce's refusals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from xtnd.ops.demo.calls import Call, Complaints, RestError, invalid_id
from xtnd.ops.demo.listing import ORDER_STATUSES, TRUE
from xtnd.ops.demo.pricing import ZERO
from xtnd.ops.demo.query import text_of
from xtnd.ops.demo.store import Fee, Line, RefundLine, RefundRefused, Shipping, Store

Body = Mapping[str, Any]
Ids = Mapping[str, int]
Change = tuple[str, int]  # kind and id of what was written
BATCH_LIMIT = 100

PRODUCT_TYPES = {
    "name": "string", "sku": "string", "regular_price": "string", "sale_price": "string", "tax_class": "string",
    "status": "string", "description": "string", "stock_quantity": "integer", "manage_stock": "boolean",
}  # fmt: skip
ORDER_TYPES = {
    "customer_id": "integer",
    "customer_note": "string",
    "set_paid": "boolean",
    "transaction_id": "string",
}


def check_types(body: Body, types: Mapping[str, str]) -> Complaints:
    """WordPress' lenient types: "78" is an integer and "true" a boolean, but 29.9 is no string."""
    complaints = Complaints()
    for name, wanted in types.items():
        if body.get(name) is not None and not _fits(body[name], wanted):
            complaints.wrong_type(name, wanted)
    return complaints


def _fits(value: object, wanted: str) -> bool:
    if wanted == "string":
        return isinstance(value, str)
    if wanted == "boolean":
        return isinstance(value, bool) or str(value).lower() in ("true", "false", "0", "1")
    return not isinstance(value, bool) and bool(re.fullmatch(r"-?\d+(\.0+)?", str(value)))


def amount_of(value: object) -> Decimal:
    """A money amount as PHP reads it; nonsense and nothing are 0."""
    try:
        return Decimal(str(value or "0").replace(",", "."))
    except InvalidOperation:
        return ZERO


class Orders:
    """Orders, their notes and their refunds."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, body: Body, ids: Ids) -> Change:
        self._check(body)
        status = body.get("status") or "pending"
        if body.get("set_paid") and status == "pending":
            status = "processing"
        return "order", self._store.place_order(
            lines=list(_lines(body)),
            status=status,
            customer_id=int(body.get("customer_id") or 0),
            billing=body.get("billing"),
            shipping_address=body.get("shipping"),
            currency=body.get("currency"),
            shipping=[_shipping(one) for one in body.get("shipping_lines") or ()],
            fees=[Fee(one.get("name", ""), amount_of(one.get("total"))) for one in body.get("fee_lines") or ()],
            payment=(body.get("payment_method", ""), body.get("payment_method_title", "")),
            transaction_id=body.get("transaction_id", ""),
            customer_note=body.get("customer_note", ""),
            meta={one["key"]: one["value"] for one in body.get("meta_data") or ()},
            created_via=body.get("created_via", "rest-api"),
        )

    def update(self, body: Body, ids: Ids) -> Change:
        self._check(body)
        number = ids["id"]
        if number not in self._store.orders:
            raise invalid_id("order", 400)
        self._store.update_order(number, body)
        if lines := list(_lines(body)):
            self._store.add_lines(number, lines)
        status = body.get("status")
        if status is None and body.get("set_paid") and self._store.orders[number]["date_paid"] is None:
            status = "processing"
        if status is not None:
            self._store.set_status(number, status)
        return "order", number

    def _check(self, body: Body) -> None:
        complaints = check_types(body, ORDER_TYPES)
        if body.get("status") is not None and body["status"] not in ORDER_STATUSES:
            complaints.not_in_enum("status", ORDER_STATUSES)
        complaints.settle()

    def delete(self, number: int, force: bool) -> None:
        if number not in self._store.orders:
            raise invalid_id("order", 404)
        if not force and self._store.orders[number]["status"] == "trash":
            message = "The shop_order has already been deleted."
            raise RestError(410, "woocommerce_rest_already_trashed", message)
        self._store.delete_order(number, force=force)

    def add_note(self, body: Body, ids: Ids) -> Change:
        if ids["order_id"] not in self._store.orders:
            raise RestError(404, "woocommerce_rest_order_invalid_id", "Invalid order ID.")
        if "note" not in body:
            details = {"params": ["note"]}
            raise RestError(400, "rest_missing_callback_param", "Missing parameter(s): note", details)
        customer = str(body.get("customer_note", "")).lower() in TRUE
        return "note", self._store.add_note(ids["order_id"], str(body["note"]), customer_note=customer)

    def refund(self, body: Body, ids: Ids) -> Change:
        order = self._store.orders.get(ids["order_id"])
        if order is None:
            raise RestError(404, "woocommerce_rest_invalid_order_id", "Invalid order ID.")
        lines = [_refund_line(one) for one in body.get("line_items") or ()]
        amount = None if lines and self._store.modern else ZERO
        if body.get("amount") is not None:
            amount = amount_of(body["amount"])
        if str(body.get("api_refund", True)).lower() in TRUE:
            # No gateway of this store can pay back; a real one that can would move money here.
            raise _refund_refused("The payment gateway for this order does not exist.")
        try:
            restock = str(body.get("api_restock", True)).lower() in TRUE
            reason = str(body.get("reason", ""))
            return "refund", self._store.refund_order(order["id"], lines, amount, reason=reason, restock=restock)
        except RefundRefused as refused:
            raise _refund_refused(str(refused)) from refused

    def delete_refund(self, number: int, force: bool) -> None:
        if not force:
            message = "The shop_order_refund does not support trashing."
            raise RestError(501, "woocommerce_rest_trash_not_supported", message)
        self._store.delete_refund(number)


def _refund_refused(message: str) -> RestError:
    return RestError(500, "woocommerce_rest_cannot_create_order_refund", message, bare=True)


def _refund_line(one: Body) -> RefundLine:
    taxes = one.get("refund_tax")
    tax = sum((amount_of(part.get("refund_total")) for part in taxes), ZERO) if taxes else None
    total = amount_of(one["refund_total"]) if "refund_total" in one else None
    return RefundLine(int(one["id"]), int(one.get("quantity") or 0), total, tax)


def _lines(body: Body) -> Iterator[Line]:
    for one in body.get("line_items") or ():
        if "id" not in one:
            variation, quantity = int(one.get("variation_id") or 0), int(one.get("quantity", 1))
            yield Line(int(one.get("product_id") or 0), quantity, variation, name=one.get("name"))


def _shipping(one: Body) -> Shipping:
    title, method = one.get("method_title", ""), one.get("method_id", "")
    return Shipping(title, amount_of(one.get("total")), method, one.get("instance_id", ""))


class Products:
    """Products and variations."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, body: Body, ids: Ids) -> Change:
        fields = self._fields(body)
        self._free_sku(fields.get("sku", ""), 0)
        known = {name: fields.pop(name) for name in ("sku", "tax_class") if fields.get(name) is not None}
        name = fields.pop("name", None) or "Product"
        price = fields.pop("regular_price", "")
        managed, stock = fields.pop("manage_stock", False), fields.pop("stock_quantity", None)
        stock = (stock or 0) if managed else None
        number = self._store.add_product(name=name, price=price, stock=stock, **known)
        self._store.update_product(number, {**fields, "meta_data": body.get("meta_data") or ()})
        return "product", number

    def update(self, body: Body, ids: Ids) -> Change:
        fields = self._fields(body)
        number = ids["id"]
        if number in self._store.variations:
            message = (
                "To manipulate product variations you should use the "
                "/products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint."
            )
            raise RestError(404, "woocommerce_rest_invalid_product_id", message)
        if number not in self._store.products:
            raise invalid_id("product", 400)
        self._free_sku(fields.get("sku", ""), number)
        self._store.update_product(number, {**fields, "meta_data": body.get("meta_data") or ()})
        return "product", number

    def delete(self, number: int, force: bool) -> None:
        if number not in self._store.products:
            raise invalid_id("product", 404)
        if not force and self._store.products[number]["status"] == "trash":
            raise RestError(410, "woocommerce_rest_already_trashed", "The product has already been deleted.")
        self._store.delete_product(number, force=force)

    def create_variation(self, body: Body, ids: Ids) -> Change:
        parent = ids["product_id"]
        if parent not in self._store.products:
            raise invalid_id("product", 404)
        fields = self._fields(body)
        self._free_sku(fields.get("sku", ""), 0)
        options = {one.get("name", ""): one.get("option", "") for one in body.get("attributes") or ()}
        stock = (fields.get("stock_quantity") or 0) if fields.get("manage_stock") else None
        price, sku = fields.get("regular_price", ""), fields.get("sku", "")
        return "variation", self._store.add_variation(parent, options=options, price=price, sku=sku, stock=stock)

    def update_variation(self, body: Body, ids: Ids) -> Change:
        fields = self._fields(body)
        number = ids["id"]
        variation = self._store.variations.get(number)
        if variation is None or variation["parent_id"] != ids["product_id"]:
            raise invalid_id("variation", 400)
        self._free_sku(fields.get("sku", ""), number)
        self._store.update_product(number, {**fields, "meta_data": body.get("meta_data") or ()})
        return "variation", number

    def delete_variation(self, number: int, force: bool) -> None:
        if number not in self._store.variations:
            raise invalid_id("variation", 404)
        self._store.delete_product(number, force=True)

    def _fields(self, body: Body) -> dict[str, Any]:
        """The writable part of the body: types checked, prices with a point, numbers as numbers."""
        check_types(body, PRODUCT_TYPES).settle()
        fields = {name: body[name] for name in PRODUCT_TYPES if body.get(name) is not None}
        fields |= {name: body[name] for name in ("global_unique_id", "weight", "backorders") if name in body}
        for name in ("regular_price", "sale_price"):
            if name in fields:
                fields[name] = fields[name].replace(",", ".").strip()
        if "stock_quantity" in fields:
            fields["stock_quantity"] = int(float(fields["stock_quantity"]))
        if "manage_stock" in fields:
            fields["manage_stock"] = str(fields["manage_stock"]).lower() in TRUE
        return fields

    def _free_sku(self, sku: str, own: int) -> None:
        if not sku:
            return
        docs = [*self._store.products.values(), *self._store.variations.values()]
        owner = next((doc for doc in docs if doc["sku"] == sku and doc["id"] != own), None)
        if owner is None:
            return
        if owner["status"] == "trash":
            message = f"The product with SKU ({sku}) you are trying to insert is already present in the lookup table"
            raise RestError(400, "woocommerce_rest_product_not_created", message)
        details = {"resource_id": owner["id"], "unique_sku": f"{sku}-1"}
        raise RestError(400, "product_invalid_sku", "Invalid or duplicated SKU.", details)


Write = Callable[[Body, Ids], Change]
Delete = Callable[[int, bool], None]


def rows_of(value: object) -> Sequence[Any]:
    """A batch group: a list, or a JSON object with numeric keys as PHP accepts it."""
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else ()


def forced(call: Call) -> bool:
    """`force=true`, in the query or in the body."""
    return str((call.body or {}).get("force", text_of(call.params, "force"))).lower() in TRUE
