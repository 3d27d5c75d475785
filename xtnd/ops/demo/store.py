"""A WooCommerce store in memory: what it holds and what can happen to it.

Every verb changes what a real store changes, `date_modified` included (measured on 9.9.5 and, with `modern=False`,
on 3.6.4). The dictionaries are in the API's shape except that `permalink` and `payment_url` are relative and `_links`
is missing: only a server knows where the store lives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import RLock
from typing import Any, Literal
from zoneinfo import ZoneInfo

from xtnd.ops.demo import pricing, shapes
from xtnd.ops.demo.pricing import ZERO, Amount, Doc
from xtnd.ops.demo.shelf import Shelf

REDUCING = ("processing", "completed", "on-hold")  # statuses that take the goods out of stock
RESTORING = ("cancelled", "pending")
PAID = ("processing", "completed", "refunded")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Key:
    """A REST API key and the WordPress role of the user who owns it."""

    consumer_key: str
    consumer_secret: str
    permissions: Literal["read", "write", "read_write"] = "read_write"
    role: Literal["administrator", "shop_manager", "customer"] = "administrator"


@dataclass(frozen=True)
class Line:
    """One thing sold. `price` overrides the catalogue's unit price, with tax.

    `product_id=0` is a product that no longer exists: only `name` and `price` remain of it.
    """

    product_id: int
    quantity: int = 1
    variation_id: int = 0
    price: Decimal | None = None
    name: str | None = None
    tax_class: str | None = None


@dataclass(frozen=True)
class Shipping:
    """`net`: without tax, as WooCommerce's shipping costs are entered."""

    title: str = "Fri frakt"
    net: Decimal = ZERO
    method_id: str = "free_shipping"
    instance_id: str = ""


@dataclass(frozen=True)
class Fee:
    """`net`: without tax."""

    name: str
    net: Decimal


@dataclass(frozen=True)
class Coupon:
    """A discount of `percent` on every line."""

    code: str
    percent: int
    id: int = 321


@dataclass(frozen=True)
class RefundLine:
    """Give back `quantity` of an order line; `total` (net) and `tax` default to that share of the line."""

    item_id: int
    quantity: int
    total: Decimal | None = None
    tax: Decimal | None = None


class RefundRefused(Exception):
    """WooCommerce's own words for why it will not refund."""


class Store:
    """Thread-safe. Posts (products, variations, orders, refunds) share one id sequence, as in WordPress.

    `modern=False` behaves as WooCommerce 3.6.4. `clock` returns aware UTC. With `path`, every change is written
    through to that file, and an existing file is loaded (its name, currency, time zone and keys win, unless keys are
    given). `unstable_ties`: equal dates are not returned in a fixed order across pages, as measured.
    """

    def __init__(
        self,
        *,
        name: str = "Nordisk Friluft",
        currency: str = "SEK",
        timezone: str = "Europe/Stockholm",
        keys: Sequence[Key] = (),
        clock: Callable[[], datetime] = utc_now,
        path: Path | None = None,
        modern: bool = True,
    ) -> None:
        self.name, self.currency, self.timezone, self.modern = name, currency, timezone, modern
        self.clock = clock
        self.unstable_ties = True
        # Mirrors the legacy API's option and says nothing about the REST API: false on a fresh 9.9.5, where all works.
        self.api_option = True
        self.lock = RLock()
        self.orders: dict[int, Doc] = {}
        self.refunds: dict[int, Doc] = {}
        self.products: dict[int, Doc] = {}
        self.variations: dict[int, Doc] = {}
        self.customers: dict[int, Doc] = {}
        self.notes: dict[int, Doc] = {}
        self.kinds = {
            "order": self.orders, "refund": self.refunds, "product": self.products,
            "variation": self.variations, "customer": self.customers, "note": self.notes,
        }  # fmt: skip
        self.keys: tuple[Key, ...] = tuple(keys)
        self.revision = 0
        self._versions: dict[tuple[str, int], int] = {}
        self._next = {"post": 11, "user": 1, "item": 1, "meta": 1, "comment": 1}
        self._before_trash: dict[int, str] = {}
        self._dirty: dict[tuple[str, int], None] = {}
        self._depth = 0
        self._shelf = Shelf(path) if path else None
        if not self._load():
            self._open_new()

    # -- keeping ---------------------------------------------------------------------------------------------------

    def _open_new(self) -> None:
        with self.changing():
            for number, key in enumerate(self.keys, 1):
                self._keep_key(number, key)
            self.add_customer(email="admin@butik.test", username="admin", role="administrator")

    def _load(self) -> bool:
        found = list(self._shelf.rows()) if self._shelf else []
        keys = []
        for kind, number, doc in found:
            if kind == "key":
                keys.append(Key(**doc))
            elif kind == "store":
                self._restore(doc)
            else:
                self.kinds[kind][number] = doc
        self.keys = self.keys or tuple(keys)
        self.zone = ZoneInfo(self.timezone)
        return bool(found)

    def _restore(self, doc: Doc) -> None:
        self.name, self.currency, self.timezone = doc["name"], doc["currency"], doc["timezone"]
        self.modern, self._next = doc["modern"], doc["next"]
        self._before_trash = {int(number): status for number, status in doc["before_trash"].items()}

    def _about(self) -> Doc:
        return {
            "name": self.name, "currency": self.currency, "timezone": self.timezone, "modern": self.modern,
            "next": self._next, "before_trash": self._before_trash,
        }  # fmt: skip

    def _keep_key(self, number: int, key: Key) -> None:
        if self._shelf:
            self._shelf.write([("key", number, asdict(key))])

    def add_key(self, key: Key) -> None:
        with self.lock:
            self.keys = (*self.keys, key)
            self._keep_key(len(self.keys), key)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the store's lock and write what changed in one transaction at the end; nests."""
        with self.lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._write_through()

    def _write_through(self) -> None:
        if self._shelf and self._dirty:
            changes = [(kind, number, self.kinds[kind].get(number)) for kind, number in self._dirty]
            self._shelf.write([*changes, ("store", 0, self._about())])
        self._dirty.clear()

    def close(self) -> None:
        if self._shelf:
            self._shelf.close()

    @property
    def is_empty(self) -> bool:
        return not self.products and not self.orders

    def version(self, kind: str, number: int) -> int:
        """Grows with every change of that resource, visible in `date_modified` or not."""
        return self._versions.get((kind, number), 0)

    def _changed(self, kind: str, number: int) -> None:
        self.revision += 1
        self._versions[kind, number] = self.revision
        self._dirty[kind, number] = None

    def _take(self, sequence: str) -> int:
        number = self._next[sequence]
        self._next[sequence] = number + 1
        return number

    # -- time ------------------------------------------------------------------------------------------------------

    def local(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M:%S")

    def stamp(self, doc: Doc, field: str, moment: datetime | None = None) -> None:
        moment = moment or self.clock()
        doc[field] = self.local(moment)
        doc[f"{field}_gmt"] = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")

    def _bump(self, kind: str, doc: Doc, moment: datetime | None = None) -> None:
        self.stamp(doc, "date_modified", moment)
        self._changed(kind, doc["id"])

    # -- catalogue and customers -----------------------------------------------------------------------------------

    def add_product(
        self,
        *,
        name: str,
        price: str = "",
        sku: str = "",
        stock: int | None = None,
        tax_class: str = "",
        **fields: Any,
    ) -> int:
        """`price` with tax; `stock=None` leaves stock unmanaged; `fields` are further keys of the product's JSON."""
        with self.changing():
            product = shapes.new_product(self._take("post"), name, self._free_slug(name))
            product.update(sku=sku, tax_class=tax_class, **fields)
            self.stamp(product, "date_created")
            self.products[product["id"]] = product
            self._set_price(product, price)
            self._manage(product, stock)
            self._bump("product", product)
            return int(product["id"])

    def add_variation(
        self, product_id: int, *, options: Mapping[str, str], price: str = "", sku: str = "",
        stock: int | Literal["parent"] | None = None, **fields: Any,
    ) -> int:  # fmt: skip
        """`options`: attribute -> option. `stock="parent"`: the parent's stock counts for it."""
        with self.changing():
            parent = self.products[product_id]
            variation = shapes.new_variation(self._take("post"), parent, options)
            variation.update(fields, sku=sku or parent["sku"])
            self.stamp(variation, "date_created")
            self.variations[variation["id"]] = variation
            self._set_price(variation, price)
            if stock == "parent":
                variation["manage_stock"] = "parent"
                self._show_stock(variation, parent["stock_quantity"])
            else:
                self._manage(variation, stock)
            self._offer(parent, variation, options)
            self._bump("variation", variation)
            self._bump("product", parent)
            return int(variation["id"])

    def _offer(self, parent: Doc, variation: Doc, options: Mapping[str, str]) -> None:
        parent.update(type="variable", has_options=True, purchasable=True, regular_price="")
        parent["variations"] = [*parent["variations"], variation["id"]]
        prices = [self.variations[number]["price"] for number in parent["variations"]]
        known = sorted((price for price in prices if price), key=Decimal)
        parent["price"] = known[0] if known else ""
        parent["price_html"] = shapes.price_html(*(known[:1] + known[-1:])) if known else ""
        offered = {attribute["name"]: list(attribute["options"]) for attribute in parent["attributes"]}
        for attribute, option in options.items():
            values = offered.setdefault(attribute, [])
            if option not in values:
                values.append(option)
        parent["attributes"] = [
            {
                "id": 0,
                "name": name,
                "slug": name,
                "position": 0,
                "visible": True,
                "variation": True,
                "options": values,
            }
            for name, values in offered.items()
        ]

    def _free_slug(self, name: str) -> str:
        wanted = shapes.slug(name) or "product"
        taken = {product["slug"] for product in self.products.values()}
        return next(
            found for n in range(len(taken) + 1) if (found := f"{wanted}-{n + 1}" if n else wanted) not in taken
        )

    def _set_price(self, doc: Doc, price: str) -> None:
        doc.update(regular_price=price, price=price, purchasable=price != "")
        if "price_html" in doc:
            doc["price_html"] = shapes.price_html(price)

    def _manage(self, doc: Doc, stock: int | None) -> None:
        doc["manage_stock"] = stock is not None
        self._show_stock(doc, stock)

    def _show_stock(self, doc: Doc, quantity: int | None) -> None:
        doc["stock_quantity"] = quantity
        if quantity is not None:
            doc["stock_status"] = "instock" if quantity > 0 else "outofstock"

    def set_price(self, number: int, price: str) -> None:
        """A product's or variation's price, with tax."""
        with self.changing():
            kind, doc = self.sellable(number)
            self._set_price(doc, price)
            self._bump_sellable(kind, doc)

    def set_stock(self, number: int, quantity: int) -> None:
        """A product's or variation's stock level; nothing happens where stock is not managed, as in WooCommerce."""
        with self.changing():
            kind, doc = self.sellable(number)
            if doc["manage_stock"] == "parent":
                self.set_stock(doc["parent_id"], quantity)
            elif doc["manage_stock"]:
                self._show_stock(doc, quantity)
                self._show_to_variations(doc)
            self._bump_sellable(kind, doc)

    def _show_to_variations(self, parent: Doc) -> None:
        for number in parent.get("variations", ()):
            variation = self.variations[number]
            if variation["manage_stock"] == "parent":
                self._show_stock(variation, parent["stock_quantity"])
                self._changed("variation", number)

    def _bump_sellable(self, kind: str, doc: Doc) -> None:
        self._bump(kind, doc)
        if kind == "variation":
            self._bump("product", self.products[doc["parent_id"]])

    def sellable(self, number: int) -> tuple[str, Doc]:
        """("product" or "variation", its JSON); KeyError if there is none."""
        if number in self.variations:
            return "variation", self.variations[number]
        return "product", self.products[number]

    def update_product(self, number: int, changes: Mapping[str, Any]) -> None:
        """Set keys of a product's or variation's JSON; stock and price keep what depends on them true."""
        with self.changing():
            kind, doc = self.sellable(number)
            plain = {key: value for key, value in changes.items() if key in doc and key not in ("id", "meta_data")}
            quantity = plain.pop("stock_quantity", None)
            price = plain.pop("regular_price", None)
            doc.update(plain)
            self.merge_meta(doc, changes.get("meta_data", ()))
            if price is not None:
                self._set_price(doc, price)
            if quantity is not None and doc["manage_stock"] is True:
                self._show_stock(doc, quantity)
                self._show_to_variations(doc)
            self._bump_sellable(kind, doc)

    def add_customer(
        self, *, email: str, first_name: str = "", last_name: str = "", username: str = "", role: str = "customer",
        billing: Mapping[str, str] | None = None, meta: Mapping[str, Any] | None = None,
    ) -> int:  # fmt: skip
        with self.changing():
            customer = shapes.new_customer(self._take("user"), email, username or email.split("@")[0], role)
            customer.update(first_name=first_name, last_name=last_name)
            customer["billing"] = shapes.address(shapes.BILLING, billing)
            customer["shipping"] = shapes.address(shapes.SHIPPING, billing)
            customer["meta_data"] = self._meta(meta)
            self.customers[customer["id"]] = customer
            self.stamp(customer, "date_created")
            if role == "customer":  # the administrator of a real store has never had a date_modified
                self.stamp(customer, "date_modified")
            self._changed("customer", customer["id"])
            return int(customer["id"])

    # -- orders ----------------------------------------------------------------------------------------------------

    def place_order(
        self,
        *,
        lines: Sequence[Line] = (),
        status: str = "processing",
        customer_id: int = 0,
        billing: Mapping[str, str] | None = None,
        shipping_address: Mapping[str, str] | None = None,
        currency: str | None = None,
        shipping: Sequence[Shipping] = (),
        fees: Sequence[Fee] = (),
        coupon: Coupon | None = None,
        payment: tuple[str, str] = ("bacs", "Banköverföring"),
        transaction_id: str = "",
        customer_note: str = "",
        meta: Mapping[str, Any] | None = None,
        created_via: str = "checkout",
        created: datetime | None = None,
    ) -> int:
        """Sell; `created` is only for orders that should look old. Returns the order's id."""
        with self.changing():
            moment = created or self.clock()
            order = shapes.new_order(self._take("post"), currency or self.currency, self.modern)
            self.orders[order["id"]] = order
            order.update(
                customer_id=customer_id,
                order_key=f"wc_order_{self._key_text(order['id'])}",
                billing=shapes.address(shapes.BILLING, billing),
                shipping=shapes.address(shapes.SHIPPING, shipping_address or billing),
                payment_method=payment[0],
                payment_method_title=payment[1],
                transaction_id=transaction_id,
                customer_note=customer_note,
                created_via=created_via,
                meta_data=self._meta(meta),
            )
            order["payment_url"] = f"/checkout/order-pay/{order['id']}/?pay_for_order=true&key={order['order_key']}"
            self._fill(order, lines, shipping, fees, coupon)
            self.stamp(order, "date_created", moment)
            self._enter(order, status, moment)
            self._bump("order", order, moment)
            self._count_sales(order)
            return int(order["id"])

    def _key_text(self, number: int) -> str:
        return hashlib.sha256(f"{self.name}/{number}".encode()).hexdigest()[:13]

    def _fill(
        self,
        order: Doc,
        lines: Sequence[Line],
        shipping: Sequence[Shipping],
        fees: Sequence[Fee],
        coupon: Coupon | None,
    ) -> None:
        country = order["shipping"]["country"] or order["billing"]["country"]
        order["line_items"] += [self._line_item(line, country, coupon) for line in lines]
        rate = pricing.shipping_rate([line["tax_class"] for line in order["line_items"]])
        order["shipping_lines"] += [
            self._shipping_line(item, pricing.from_net(item.net, rate, country)) for item in shipping
        ]
        order["fee_lines"] += [
            self._fee_line(fee, pricing.from_net(fee.net, pricing.STANDARD, country)) for fee in fees
        ]
        self._recount(order)
        if coupon:
            order["coupon_lines"] = [self._coupon_line(coupon, order)]

    def _recount(self, order: Doc) -> None:
        have = {line["rate_id"]: line["id"] for line in order["tax_lines"]}
        ids = {rate: have.get(rate) or self._take("item") for rate in pricing.rates_used(order)}
        order["tax_lines"] = pricing.tax_lines(order, ids)
        pricing.total_up(order)

    def add_lines(self, number: int, lines: Sequence[Line]) -> None:
        """Put more lines on an existing order; the caller bumps it."""
        with self.changing():
            self._fill(self.orders[number], lines, (), (), None)
            self._changed("order", number)

    def _line_item(self, line: Line, country: str, coupon: Coupon | None) -> Doc:
        product = self.products.get(line.product_id)
        variation = self.variations.get(line.variation_id)
        sold = variation or product
        catalogue = Decimal(sold["price"] or "0") if sold else ZERO
        unit = line.price if line.price is not None else catalogue
        tax_class = line.tax_class if line.tax_class is not None else sold["tax_class"] if sold else ""
        gross = unit * line.quantity
        discount = (gross * coupon.percent / 100).quantize(pricing.CENT) if coupon else ZERO
        before = pricing.from_gross(gross, tax_class, country)
        after = pricing.from_gross(gross - discount, tax_class, country)
        name = line.name or (product["name"] if product else "")
        if variation and product:
            name = f"{product['name']} - {variation['name']}"
        return {
            "id": self._take("item"),
            "name": name,
            "product_id": line.product_id if product else 0,
            "variation_id": line.variation_id if variation else 0,
            "quantity": line.quantity,
            "tax_class": tax_class,
            **_amounts(after, before),
            "meta_data": self._option_meta(variation),
            "sku": sold["sku"] if sold else None,
            "price": pricing.unit_price(after.net, line.quantity),
            "image": {"id": "" if product and not variation else 0, "src": ""},
            "parent_name": product["name"] if product and variation else None,
        }

    def _option_meta(self, variation: Doc | None) -> list[Doc]:
        chosen = variation["attributes"] if variation else []
        return [self._item_meta(one["slug"], one["option"], one["name"]) for one in chosen]

    def _item_meta(self, key: str, value: str, shown_as: str | None = None) -> Doc:
        return {
            "id": self._take("meta"), "key": key, "value": value,
            "display_key": shown_as or key, "display_value": value,
        }  # fmt: skip

    def _shipping_line(self, item: Shipping, amount: Amount) -> Doc:
        return {
            "id": self._take("item"),
            "method_title": item.title,
            "method_id": item.method_id,
            "instance_id": item.instance_id,
            "total": pricing.money(amount.net),
            "total_tax": str(pricing.rounded_tax(amount.tax)),
            "taxes": pricing.tax_entries(amount, None),
            "tax_status": "taxable",
            "meta_data": [],
        }

    def _fee_line(self, fee: Fee, amount: Amount) -> Doc:
        return {
            "id": self._take("item"),
            "name": fee.name,
            "tax_class": "",
            "tax_status": "taxable",
            "amount": pricing.money(amount.net),
            "total": pricing.money(amount.net),
            "total_tax": str(pricing.rounded_tax(amount.tax)),
            "taxes": pricing.tax_entries(amount, None),
            "meta_data": [],
        }

    def _coupon_line(self, coupon: Coupon, order: Doc) -> Doc:
        lines = order["line_items"]
        tax = pricing.sum_of(lines, "subtotal_tax") - pricing.sum_of(lines, "total_tax")
        told = shapes.encode([coupon.id, coupon.code, "percent", coupon.percent]).decode()
        return {
            "id": self._take("item"),
            "code": coupon.code,
            "discount": order["discount_total"],
            "discount_tax": pricing.money(tax),
            "meta_data": [self._item_meta("coupon_info", told)],
            "discount_type": "percent",
            "nominal_amount": coupon.percent,
            "free_shipping": False,
        }

    def _count_sales(self, order: Doc) -> None:
        for line in order["line_items"]:
            if product := self.products.get(line["product_id"]):
                product["total_sales"] += line["quantity"]
                self._changed("product", product["id"])
        customer = self.customers.get(order["customer_id"])
        if customer and order["status"] in PAID:
            customer["is_paying_customer"] = True
            self._changed("customer", customer["id"])

    def touch_order(self, number: int) -> None:
        """Save the order unchanged: `date_modified` moves."""
        with self.changing():
            self._bump("order", self.orders[number])

    def update_order(self, number: int, changes: Mapping[str, Any]) -> None:
        """What a PUT does to everything but status and lines. An old store bumps nothing for this."""
        with self.changing():
            order = self.orders[number]
            for field in ("billing", "shipping"):
                order[field] = {**order[field], **changes.get(field, {})}
            for field in (
                "customer_note",
                "transaction_id",
                "payment_method",
                "payment_method_title",
                "customer_id",
            ):
                order[field] = changes.get(field, order[field])
            self.merge_meta(order, changes.get("meta_data", ()))
            self._changed("order", number)
            if self.modern:
                self._bump("order", order)

    def set_status(self, number: int, status: str) -> None:
        """Move the order; goods, dates and notes follow. "refunded" refunds what is left, without lines."""
        with self.changing():
            order = self.orders[number]
            before, moment = order["status"], self.clock()
            if before == status:
                if self.modern:
                    self._bump("order", order)
                return
            self._before_trash.pop(number, None)
            self._enter(order, status, moment)
            self._note_change(number, before, status)
            self._bump("order", order, moment)
            if status == "refunded" and self.left_to_refund(number) > 0:
                self._record_refund(order, self.left_to_refund(number), [], "Order fully refunded.")

    def _note_change(self, number: int, before: str, after: str) -> None:
        old, new = (shapes.STATUS_NAMES.get(status, status) for status in (before, after))
        self.add_note(number, f"Order status changed from {old} to {new}.")

    def _enter(self, order: Doc, status: str, moment: datetime) -> None:
        order["status"] = status
        if status == "completed":
            self.stamp(order, "date_completed", moment)
        if status in PAID and order["date_paid"] is None:
            self.stamp(order, "date_paid", moment)
        owes = status in ("pending", "failed") and Decimal(order["total"]) > 0
        order.update(is_editable=status in ("pending", "on-hold", "auto-draft"), needs_payment=owes)
        order["needs_processing"] = bool(order["line_items"])
        if status in REDUCING:
            self._take_goods(order)
        elif status in RESTORING:
            self._return_goods(order)

    def _take_goods(self, order: Doc) -> None:
        for line in order["line_items"]:
            if _meta_of(line, "_reduced_stock") is None and self._move(line, -line["quantity"]):
                line["meta_data"] = [
                    *line["meta_data"],
                    self._item_meta("_reduced_stock", str(line["quantity"])),
                ]

    def _return_goods(self, order: Doc) -> None:
        for line in order["line_items"]:
            taken = _meta_of(line, "_reduced_stock")
            if taken is not None:
                self._move(line, int(taken["value"]))
                line["meta_data"] = [meta for meta in line["meta_data"] if meta is not taken]

    def _move(self, line: Doc, quantity: int) -> bool:
        number = line["variation_id"] or line["product_id"]
        if number not in self.variations and number not in self.products:
            return False
        doc = self.sellable(number)[1]
        if doc["manage_stock"] is False:
            return False
        self.set_stock(number, doc["stock_quantity"] + quantity)
        return True

    def add_note(self, order_id: int, text: str, *, customer_note: bool = False) -> int:
        """Notes never move the order's `date_modified`."""
        with self.changing():
            note: Doc = {"id": self._take("comment"), "order_id": order_id, "author": "WooCommerce"}
            self.stamp(note, "date_created")
            note.update(note=text, customer_note=customer_note)
            self.notes[note["id"]] = note
            self._changed("note", note["id"])
            return int(note["id"])

    def delete_note(self, number: int) -> None:
        with self.changing():
            del self.notes[number]
            self._changed("note", number)

    def trash_order(self, number: int) -> None:
        with self.changing():
            order = self.orders[number]
            self._before_trash[number] = order["status"]
            order["status"] = "trash"
            self._bump("order", order)

    def delete_order(self, number: int, *, force: bool = False) -> None:
        """`force` removes the order with its refunds and notes; otherwise it goes to the trash."""
        if not force:
            return self.trash_order(number)
        with self.changing():
            del self.orders[number]
            self._changed("order", number)
            for refund in [one["id"] for one in self.refunds.values() if one["parent_id"] == number]:
                del self.refunds[refund]
                self._changed("refund", refund)
            for note in [one["id"] for one in self.notes.values() if one["order_id"] == number]:
                self.delete_note(note)

    def delete_product(self, number: int, *, force: bool = False) -> None:
        """`force` removes the product or variation; otherwise a product goes to the trash."""
        with self.changing():
            kind, doc = self.sellable(number)
            if kind == "product" and not force:
                doc.update(
                    status="trash",
                    slug=f"{doc['slug']}__trashed",
                    permalink=f"/?post_type=product&p={number}",
                )
                return self._bump(kind, doc)
            if kind == "variation":
                parent = self.products[doc["parent_id"]]
                parent["variations"] = [one for one in parent["variations"] if one != number]
                self._bump("product", parent)
            for child in doc.get("variations", ()):
                del self.variations[child]
                self._changed("variation", child)
            del self.kinds[kind][number]
            self._changed(kind, number)

    # -- refunds ---------------------------------------------------------------------------------------------------

    def left_to_refund(self, number: int) -> Decimal:
        given = sum((Decimal(one["total"]) for one in self.orders[number]["refunds"]), ZERO)
        return Decimal(self.orders[number]["total"]) + given

    def refund_order(
        self, number: int, lines: Sequence[RefundLine] | None = None, amount: Decimal | None = None,
        *, reason: str = "", restock: bool = True,
    ) -> int:  # fmt: skip
        """Refund lines, an amount, or (neither given) all of it without lines, as the admin's "refunded" does.

        Returns the refund's id. An old store ignores the lines and books only the amount.
        """
        with self.changing():
            order = self.orders[number]
            if lines is None and amount is None:
                self.set_status(number, "refunded")
                return int(order["refunds"][-1]["id"])
            back = [self._refund_line(order, line) for line in lines or ()]
            value = amount if amount is not None else -_with_tax(back)
            if value > self.left_to_refund(number) or value < 0:
                raise RefundRefused("Invalid refund amount.")
            refund = self._record_refund(order, value, back if self.modern else [], reason)
            if restock and self.modern:
                self._restock(order, lines or ())
            if value and self.left_to_refund(number) == 0 and order["status"] != "refunded":
                self.set_status(number, "refunded")
            elif self.modern:
                self._bump("order", order)
            return refund

    def _record_refund(self, order: Doc, amount: Decimal, lines: list[Doc], reason: str) -> int:
        refund = shapes.new_refund(self._take("post"), order["id"])
        self.stamp(refund, "date_created")
        refund.update(amount=pricing.money(amount), reason=reason, line_items=lines)
        ids = {rate: self._take("item") for rate in pricing.rates_used(refund)}
        refund["tax_lines"] = pricing.tax_lines(refund, ids)
        self.refunds[refund["id"]] = refund
        told = {"id": refund["id"], "reason": reason, "total": pricing.money(-amount)}
        order["refunds"] = [*order["refunds"], told]
        self._changed("refund", refund["id"])
        self._changed("order", order["id"])
        return int(refund["id"])

    def _refund_line(self, order: Doc, given: RefundLine) -> Doc:
        line = next((one for one in order["line_items"] if one["id"] == given.item_id), None)
        if line is None:
            raise RefundRefused("Invalid refund amount.")
        share = Decimal(given.quantity) / line["quantity"]
        net = given.total if given.total is not None else (Decimal(line["total"]) * share).quantize(pricing.CENT)
        tax = given.tax if given.tax is not None else (Decimal(line["total_tax"]) * share).quantize(pricing.CENT)
        rate = pricing.rate_of(line["tax_class"]) if line["taxes"] else None
        back = Amount(-net, -tax, rate)
        return {
            **line,
            "id": self._take("item"),
            "quantity": -given.quantity,
            **_amounts(back, back),
            "meta_data": [self._item_meta("_refunded_item_id", str(line["id"]))],
            "price": pricing.unit_price(net, given.quantity),
        }

    def _restock(self, order: Doc, given: Sequence[RefundLine]) -> None:
        for refunded in given:
            line = next(one for one in order["line_items"] if one["id"] == refunded.item_id)
            taken = _meta_of(line, "_reduced_stock")
            if taken is None or not self._move(line, refunded.quantity):
                continue
            kept = [
                meta for meta in line["meta_data"] if meta["key"] not in ("_reduced_stock", "_restock_refunded_items")
            ]
            left = int(taken["value"]) - refunded.quantity
            if left > 0:
                kept.append(self._item_meta("_reduced_stock", str(left)))
            before = _meta_of(line, "_restock_refunded_items")
            back = refunded.quantity + (int(before["value"]) if before else 0)
            line["meta_data"] = [*kept, self._item_meta("_restock_refunded_items", str(back))]

    def delete_refund(self, number: int) -> None:
        """The order's `date_modified` does not move, on old stores and new."""
        with self.changing():
            order = self.orders[self.refunds.pop(number)["parent_id"]]
            order["refunds"] = [one for one in order["refunds"] if one["id"] != number]
            self._changed("refund", number)
            self._changed("order", order["id"])

    # -- meta data -------------------------------------------------------------------------------------------------

    def _meta(self, given: Mapping[str, Any] | None) -> list[Doc]:
        return [{"id": self._take("meta"), "key": key, "value": value} for key, value in (given or {}).items()]

    def merge_meta(self, doc: Doc, given: Sequence[Mapping[str, Any]]) -> None:
        """Replace the entry with the same id or key, else add one; None removes."""
        entries = list(doc["meta_data"])
        for new in given:
            same = next((one for one in entries if new.get("id") == one["id"] or new.get("key") == one["key"]), None)
            if same is not None:
                entries.remove(same)
            if new.get("value") is not None:
                number = same["id"] if same else self._take("meta")
                key = new.get("key") or (same["key"] if same else "")
                entries.append({"id": number, "key": key, "value": new["value"]})
        doc["meta_data"] = entries


def _amounts(after: Amount, before: Amount) -> Doc:
    return {
        "subtotal": pricing.money(before.net),
        "subtotal_tax": str(pricing.rounded_tax(before.tax)),
        "total": pricing.money(after.net),
        "total_tax": str(pricing.rounded_tax(after.tax)),
        "taxes": pricing.tax_entries(after, before),
    }


def _with_tax(lines: list[Doc]) -> Decimal:
    return pricing.sum_of(lines, "total") + pricing.sum_of(lines, "total_tax")


def _meta_of(line: Doc, key: str) -> Doc | None:
    return next((meta for meta in line["meta_data"] if meta["key"] == key), None)
