"""WooCommerce JSON to canonical things. Pure: no clock, no network.

Shapes: every amount is a string with `dp` decimals, except `line_items[].price`, a float we never read. Lines are net,
also when `prices_include_tax` is true. Dates `*_gmt` are UTC without an offset. Measured over 1,511 orders of 9.9.5
and 251 of 3.6.4.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from xtnd.canonical.catalog import Product, StockCount, StockPolicy, Variant
from xtnd.canonical.customers import Customer
from xtnd.canonical.orders import (
    Address,
    Discount,
    LineKind,
    Order,
    OrderLine,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    RefundLine,
    ShipmentState,
    Vat,
    VatTotal,
)
from xtnd.core.errors import Unreadable
from xtnd.core.money import ZERO, rounded
from xtnd.core.text import Text
from xtnd.core.text import gettext_noop as _
from xtnd.core.time import parse_utc

VERSION = b"1"
"""Part of every content hash: a mapper that reads more makes every record new once. Raise it then."""

VAT_NUMBER_KEYS = (
    "_billing_vat_number", "billing_vat_number", "_vat_number", "vat_number", "_billing_eu_vat_number",
    "_billing_vat", "billing_vat", "_eu_vat_number", "_wc_eu_vat_number", "_billing_vat_id",
)  # fmt: skip
ORG_NUMBER_KEYS = (
    "_billing_org_nr", "billing_org_nr", "_billing_orgnr", "billing_orgnr", "_billing_org_number",
    "_billing_organization_number", "_organization_number", "_billing_company_number", "_billing_orgnummer",
    "billing_orgnummer", "org_number", "_org_nr",
)  # fmt: skip

DRAFTS = frozenset({"auto-draft", "checkout-draft"})
"""A checkout somebody is filling in. It becomes an order by leaving this status, which moves its date."""

_STATES = {
    "completed": OrderState.CLOSED,
    "refunded": OrderState.CLOSED,
    "cancelled": OrderState.CANCELLED,
    "trash": OrderState.CANCELLED,
}
_PERCENT = re.compile(r"(\d{1,2}(?:[.,]\d{1,3})?)\s*%")


# ------------------------------------------------------------------ what comes


class Meta(msgspec.Struct):
    key: Any = ""
    value: Any = None


class Party(msgspec.Struct):
    first_name: str | None = ""
    last_name: str | None = ""
    company: str | None = ""
    address_1: str | None = ""
    address_2: str | None = ""
    city: str | None = ""
    state: str | None = ""
    postcode: str | int | None = ""
    country: str | None = ""
    email: str | None = ""
    phone: str | int | None = ""


class LineTax(msgspec.Struct):
    id: int | str
    total: msgspec.Raw = msgspec.Raw(b'""')
    """Unrounded, up to 6 decimals; "" on a line without this tax."""


class Line(msgspec.Struct):
    id: int
    total: Decimal
    total_tax: Decimal
    name: str | None = ""
    quantity: Decimal = Decimal(1)
    product_id: int | None = 0
    variation_id: int | None = 0
    subtotal: Decimal | None = None
    sku: str | int | None = ""
    taxes: list[LineTax] = []
    meta_data: list[Meta] = []


class Charge(msgspec.Struct):
    """A shipping or fee line."""

    id: int
    total: Decimal
    total_tax: Decimal
    name: str | None = ""
    method_title: str | None = ""
    taxes: list[LineTax] = []


class TaxLine(msgspec.Struct):
    tax_total: Decimal
    shipping_tax_total: Decimal
    rate_id: int | str = 0
    rate_code: str = ""
    label: str | None = ""
    rate_percent: Decimal | None = None
    """Absent on 3.6.4, where the label says it."""


class Coupon(msgspec.Struct):
    code: str
    discount: Decimal
    discount_tax: Decimal


class RefundPeek(msgspec.Struct):
    id: int
    total: Decimal
    reason: str | None = ""


class RefundRaw(msgspec.Struct):
    id: int
    amount: Decimal
    reason: str | None = ""
    date_created_gmt: str | None = None
    line_items: list[Line] = []
    shipping_lines: list[Charge] = []
    fee_lines: list[Charge] = []
    tax_lines: list[TaxLine] = []


class OrderRaw(msgspec.Struct):
    id: int
    status: str
    currency: str
    total: Decimal
    total_tax: Decimal
    shipping_total: Decimal
    shipping_tax: Decimal
    discount_total: Decimal
    discount_tax: Decimal
    date_created_gmt: str
    billing: Party | list[Any]
    shipping: Party | list[Any]
    line_items: list[Line]
    number: str | int | None = None
    date_modified_gmt: str | None = None
    prices_include_tax: bool = False
    customer_id: int | None = 0
    customer_note: str | None = ""
    payment_method: str | None = ""
    payment_method_title: str | None = ""
    transaction_id: str | None = ""
    date_paid_gmt: str | None = None
    date_completed_gmt: str | None = None
    tax_lines: list[TaxLine] = []
    shipping_lines: list[Charge] = []
    fee_lines: list[Charge] = []
    coupon_lines: list[Coupon] = []
    refunds: list[RefundPeek] = []
    meta_data: list[Meta] = []


class Envelope(msgspec.Struct):
    """How we keep an order: as the store sent it, with the refunds it was asked for beside it."""

    order: OrderRaw
    refunds: list[RefundRaw] = []


class Attribute(msgspec.Struct):
    name: str = ""
    option: str | int | None = ""


class Image(msgspec.Struct):
    src: str | None = ""


class Category(msgspec.Struct):
    name: str = ""


class StockRaw(msgspec.Struct):
    id: int
    manage_stock: bool | str = False
    """True, False, or "parent" on a variation that shares its product's count."""
    stock_quantity: Decimal | None = None
    stock_status: str | None = "instock"


class VariationRaw(StockRaw):
    sku: str | int | None = ""
    price: msgspec.Raw = msgspec.Raw(b'""')
    regular_price: msgspec.Raw = msgspec.Raw(b'""')
    sale_price: msgspec.Raw = msgspec.Raw(b'""')
    status: str = "publish"
    weight: str | int | float | None = ""
    tax_class: str | None = ""
    global_unique_id: str | int | None = ""
    attributes: list[Attribute] = []
    image: Image | list[Any] | None = None
    date_modified_gmt: str | None = None


class ProductRaw(StockRaw):
    name: str | None = ""
    type: str = "simple"
    status: str = "publish"
    sku: str | int | None = ""
    permalink: str | None = ""
    price: msgspec.Raw = msgspec.Raw(b'""')
    regular_price: msgspec.Raw = msgspec.Raw(b'""')
    sale_price: msgspec.Raw = msgspec.Raw(b'""')
    weight: str | int | float | None = ""
    tax_class: str | None = ""
    global_unique_id: str | int | None = ""
    images: list[Image] = []
    categories: list[Category] = []
    date_created_gmt: str | None = None
    date_modified_gmt: str | None = None


class ProductEnvelope(msgspec.Struct):
    product: ProductRaw
    variations: list[VariationRaw] = []


class StockEnvelope(msgspec.Struct):
    product: StockRaw
    variations: list[StockRaw] = []


class CustomerRaw(msgspec.Struct):
    id: int
    email: str | None = ""
    first_name: str | None = ""
    last_name: str | None = ""
    billing: Party | list[Any] = msgspec.field(default_factory=Party)
    shipping: Party | list[Any] = msgspec.field(default_factory=Party)
    date_created_gmt: str | None = None
    date_modified_gmt: str | None = None
    meta_data: list[Meta] = []


_ORDER = msgspec.json.Decoder(Envelope)
_PRODUCT = msgspec.json.Decoder(ProductEnvelope)
_STOCK = msgspec.json.Decoder(StockEnvelope)
_CUSTOMER = msgspec.json.Decoder(CustomerRaw)


# ------------------------------------------------------------------ orders


def read_order(payload: bytes, *, admin_url: str = "") -> Order:
    """From our envelope {"order": …, "refunds": […]}. `admin_url` has {id} in it. Raises `Unreadable`."""
    with _paths():
        envelope = _ORDER.decode(payload)
    raw = envelope.order
    refunds = _refunds(raw, envelope.refunds)
    refunded = sum((refund.amount for refund in refunds), ZERO)
    paid_at = _moment(raw.date_paid_gmt, "order.date_paid_gmt")
    payment_state = _payment_state(raw, paid_at, refunded)
    placed_at = _required_moment(raw.date_created_gmt, "order.date_created_gmt")
    return Order(
        external_id=str(raw.id),
        number=str(raw.number or raw.id),
        status=raw.status,
        state=_STATES.get(raw.status, OrderState.RECEIVED),
        payment_state=payment_state,
        shipment_state=ShipmentState.SHIPPED if raw.status == "completed" else ShipmentState.UNSHIPPED,
        currency=raw.currency.upper(),
        prices_include_vat=raw.prices_include_tax,
        placed_at=placed_at,
        modified_at=_moment(raw.date_modified_gmt, "order.date_modified_gmt") or placed_at,
        total=raw.total,
        total_vat=raw.total_tax,
        shipping_total=raw.shipping_total,
        shipping_vat=raw.shipping_tax,
        discount_total=raw.discount_total,
        discount_vat=raw.discount_tax,
        billing=_address(_party(raw.billing)),
        shipping=_address(_party(raw.shipping)),
        lines=_lines(raw),
        vat_totals=_vat_totals(raw.tax_lines),
        discounts=tuple(Discount(coupon.code, coupon.discount, coupon.discount_tax) for coupon in raw.coupon_lines),
        payments=_payments(raw, paid_at),
        refunds=refunds,
        customer_external_id=str(raw.customer_id or ""),
        note=raw.customer_note or "",
        org_number=_meta(raw.meta_data, ORG_NUMBER_KEYS),
        vat_number=_meta(raw.meta_data, VAT_NUMBER_KEYS),
        paid_at=paid_at,
        completed_at=_moment(raw.date_completed_gmt, "order.date_completed_gmt"),
        payment_method=raw.payment_method or "",
        payment_title=raw.payment_method_title or "",
        admin_url=admin_url.format(id=raw.id) if admin_url else "",
    )


def _payment_state(raw: OrderRaw, paid_at: datetime | None, refunded: Decimal) -> PaymentState:
    if raw.status == "refunded" or (refunded > 0 and refunded >= raw.total):
        return PaymentState.REFUNDED
    if refunded > 0:
        return PaymentState.PARTLY_REFUNDED
    if paid_at or raw.status == "completed":
        return PaymentState.PAID
    return PaymentState.FAILED if raw.status == "failed" else PaymentState.UNPAID


def _payments(raw: OrderRaw, paid_at: datetime | None) -> tuple[Payment, ...]:
    """WooCommerce knows one payment, made when the order got its paid date."""
    if paid_at is None:
        return ()
    title = raw.payment_method_title or raw.payment_method or ""
    return (Payment(raw.payment_method or "", title, raw.total, raw.transaction_id or "", paid_at),)


def _lines(raw: OrderRaw) -> tuple[OrderLine, ...]:
    rates = {str(tax.rate_id): (_rate(tax), tax.label or "") for tax in raw.tax_lines}
    products = [_product_line(line, rates) for line in raw.line_items]
    shipping = [_charge_line(line, LineKind.SHIPPING, rates) for line in raw.shipping_lines]
    fees = [_charge_line(line, LineKind.FEE, rates) for line in raw.fee_lines]
    return (*products, *shipping, *fees)


_Rates = Mapping[str, tuple[Decimal | None, str]]


def _product_line(line: Line, rates: _Rates) -> OrderLine:
    subtotal = line.total if line.subtotal is None else line.subtotal
    return OrderLine(
        kind=LineKind.PRODUCT,
        external_id=str(line.id),
        name=line.name or "",
        quantity=line.quantity,
        unit_price=rounded(subtotal / line.quantity, 4) if line.quantity else subtotal,
        subtotal=subtotal,
        total=line.total,
        vat=line.total_tax,
        vat_rows=_vat_rows(line.taxes, rates),
        sku="" if line.sku is None else str(line.sku),
        external_product_id=str(line.product_id or ""),
        external_variant_id=str(line.variation_id or ""),
        attributes=_attributes(line.meta_data),
    )


def _charge_line(line: Charge, kind: LineKind, rates: _Rates) -> OrderLine:
    return OrderLine(
        kind=kind,
        external_id=str(line.id),
        name=line.method_title or line.name or "",
        quantity=Decimal(1),
        unit_price=line.total,
        subtotal=line.total,
        total=line.total,
        vat=line.total_tax,
        vat_rows=_vat_rows(line.taxes, rates),
    )


def _attributes(metas: Sequence[Meta]) -> tuple[tuple[str, str], ...]:
    """What the buyer chose. Keys with an underscore are the plugins' own."""
    return tuple(
        (str(meta.key), str(meta.value))
        for meta in metas
        if isinstance(meta.value, str | int) and meta.key and not str(meta.key).startswith("_")
    )


def _vat_rows(taxes: Iterable[LineTax], rates: _Rates) -> tuple[Vat, ...]:
    rows = []
    for tax in taxes:
        amount = _loose(tax.total)
        if amount is not None:
            rate, label = rates.get(str(tax.id), (None, ""))
            rows.append(Vat(rate, amount, label))
    return tuple(rows)


def _rate(tax: TaxLine) -> Decimal | None:
    """The percentage the store says; on old stores it is only in the tax's own label or code."""
    if tax.rate_percent is not None:
        return tax.rate_percent
    found = _PERCENT.search(tax.label or "") or _PERCENT.search(tax.rate_code)
    return Decimal(found[1].replace(",", ".")) if found else None


def _vat_totals(tax_lines: Iterable[TaxLine]) -> tuple[VatTotal, ...]:
    return tuple(
        VatTotal(_rate(tax), tax.label or tax.rate_code, tax.tax_total, tax.shipping_tax_total) for tax in tax_lines
    )


def _refunds(raw: OrderRaw, details: Sequence[RefundRaw]) -> tuple[Refund, ...]:
    """Details where they were to be had; the order's own short form (negative) for the rest."""
    by_id = {refund.id: refund for refund in details}
    return tuple(
        _refund(by_id[short.id])
        if short.id in by_id
        else Refund(str(short.id), abs(short.total), short.reason or "", None)
        for short in raw.refunds
    )


def _refund(raw: RefundRaw) -> Refund:
    """`amount` is positive, the lines negative. No lines at all: the whole order was set to "refunded" by hand."""
    rates = {str(tax.rate_id): (_rate(tax), tax.label or "") for tax in raw.tax_lines}
    lines = [
        *(_refund_line(line, LineKind.PRODUCT, rates) for line in raw.line_items),
        *(_refund_line(line, LineKind.SHIPPING, rates) for line in raw.shipping_lines),
        *(_refund_line(line, LineKind.FEE, rates) for line in raw.fee_lines),
    ]
    return Refund(
        external_id=str(raw.id),
        amount=abs(raw.amount),
        reason=raw.reason or "",
        refunded_at=_moment(raw.date_created_gmt, "refunds.date_created_gmt"),
        lines=tuple(lines),
    )


def _refund_line(line: Line | Charge, kind: LineKind, rates: _Rates) -> RefundLine:
    goods = isinstance(line, Line)
    return RefundLine(
        kind=kind,
        external_id=str(line.id),
        order_line_external_id=_meta(line.meta_data, ("_refunded_item_id",)) if isinstance(line, Line) else "",
        name=(line.name if isinstance(line, Line) else line.method_title or line.name) or "",
        sku=str(line.sku or "") if isinstance(line, Line) else "",
        quantity=abs(line.quantity) if isinstance(line, Line) and goods else Decimal(1),
        total=-line.total,
        vat=-line.total_tax,
        vat_rows=tuple(Vat(row.rate, -row.amount, row.label) for row in _vat_rows(line.taxes, rates)),
    )


# ------------------------------------------------------------------ products and stock


def read_product(payload: bytes, *, admin_url: str = "") -> Product:
    """From {"product": …, "variations": […]}. Raises `Unreadable`."""
    with _paths():
        envelope = _PRODUCT.decode(payload)
    raw = envelope.product
    own = _count(raw.id, "", raw)
    variants = tuple(_variation(raw, variation) for variation in envelope.variations)
    return Product(
        external_id=str(raw.id),
        title=html.unescape(raw.name or "") or f"#{raw.id}",
        kind=raw.type,
        status=raw.status,
        sku=str(raw.sku or ""),
        url=raw.permalink or "",
        admin_url=admin_url.format(id=raw.id) if admin_url else "",
        variants=variants or (_single(raw, own),),
        shared_stock=own if variants and own.policy is StockPolicy.OWN else None,
        created_at=_moment(raw.date_created_gmt, "product.date_created_gmt"),
        modified_at=_moment(raw.date_modified_gmt, "product.date_modified_gmt"),
        image_url=(raw.images[0].src or "") if raw.images else "",
        categories=tuple(category.name for category in raw.categories),
    )


def _single(raw: ProductRaw, stock: StockCount) -> Variant:
    return Variant(
        external_id="",
        sku=str(raw.sku or ""),
        title="",
        barcode=str(raw.global_unique_id or ""),
        price=_loose(raw.price),
        regular_price=_loose(raw.regular_price),
        sale_price=_loose(raw.sale_price),
        status=raw.status,
        stock=stock,
        weight=_decimal(raw.weight),
        tax_class=raw.tax_class or "",
        modified_at=_moment(raw.date_modified_gmt, "product.date_modified_gmt"),
    )


def _variation(product: ProductRaw, raw: VariationRaw) -> Variant:
    options = tuple((choice.name, str(choice.option or "")) for choice in raw.attributes)
    sku = str(raw.sku or "")
    return Variant(
        external_id=str(raw.id),
        # A variation without its own SKU reports its parent's: that is no article number of the variation.
        sku="" if sku == str(product.sku or "") else sku,
        title=", ".join(value for _name, value in options if value),
        barcode=str(raw.global_unique_id or ""),
        price=_loose(raw.price),
        regular_price=_loose(raw.regular_price),
        sale_price=_loose(raw.sale_price),
        status=raw.status,
        stock=_count(product.id, str(raw.id), raw),
        options=options,
        weight=_decimal(raw.weight),
        tax_class=raw.tax_class or "",
        image_url=(raw.image.src or "") if isinstance(raw.image, Image) else "",
        modified_at=_moment(raw.date_modified_gmt, "variations.date_modified_gmt"),
    )


def read_stock(payload: bytes) -> tuple[StockCount, ...]:
    """From {"product": …, "variations": […]} with the stock fields only."""
    with _paths():
        envelope = _STOCK.decode(payload)
    product = envelope.product
    counts = tuple(_count(product.id, str(variation.id), variation) for variation in envelope.variations)
    return counts or (_count(product.id, "", product),)


def _count(product_id: int, variant_id: str, raw: StockRaw) -> StockCount:
    if raw.manage_stock == "parent":
        policy = StockPolicy.PARENT
    else:
        policy = StockPolicy.OWN if raw.manage_stock else StockPolicy.UNTRACKED
    quantity = None if policy is StockPolicy.UNTRACKED else raw.stock_quantity
    return StockCount(str(product_id), variant_id, policy, quantity, raw.stock_status != "outofstock")


# ------------------------------------------------------------------ customers


def read_customer(payload: bytes, *, admin_url: str = "") -> Customer:
    """A registered customer, as the store sent it. Raises `Unreadable`."""
    with _paths():
        raw = _CUSTOMER.decode(payload)
    billing, shipping = _party(raw.billing), _party(raw.shipping)
    return Customer(
        external_id=str(raw.id),
        email=(raw.email or billing.email or "").strip(),
        first_name=raw.first_name or billing.first_name or "",
        last_name=raw.last_name or billing.last_name or "",
        billing=_address(billing),
        shipping=_address(shipping),
        org_number=_meta(raw.meta_data, ORG_NUMBER_KEYS),
        vat_number=_meta(raw.meta_data, VAT_NUMBER_KEYS),
        created_at=_moment(raw.date_created_gmt, "date_created_gmt"),
        modified_at=_moment(raw.date_modified_gmt, "date_modified_gmt"),
        admin_url=admin_url.format(id=raw.id) if admin_url else "",
    )


# ------------------------------------------------------------------ small things


def _party(raw: Party | list[Any]) -> Party:
    """PHP writes an empty object as []."""
    return raw if isinstance(raw, Party) else Party()


def _address(party: Party) -> Address:
    return Address(
        first_name=party.first_name or "",
        last_name=party.last_name or "",
        company=party.company or "",
        street=party.address_1 or "",
        street2=party.address_2 or "",
        postcode=str(party.postcode or ""),
        city=party.city or "",
        region=party.state or "",
        country=(party.country or "").upper()[:2],
        email=(party.email or "").strip(),
        phone=str(party.phone or ""),
    )


def _meta(metas: Iterable[Meta], keys: Sequence[str]) -> str:
    wanted = {meta.key: meta.value for meta in metas if meta.key in keys and isinstance(meta.value, str | int)}
    return next((str(wanted[key]).strip() for key in keys if wanted.get(key)), "")


def _loose(raw: msgspec.Raw) -> Decimal | None:
    """An amount that may be "", null, a string or a number. None when there is none."""
    return _decimal(bytes(raw).decode("utf-8", "replace").strip('"'))


def _decimal(value: object) -> Decimal | None:
    text = str(value if value is not None else "").strip()
    if text in ("", "null"):
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _moment(text: str | None, path: str) -> datetime | None:
    if not text:
        return None
    try:
        return parse_utc(text)
    except ValueError as error:
        raise Unreadable(Text(_("{value} is not a date."), {"value": text[:40]}), path=path) from error


def _required_moment(text: str, path: str) -> datetime:
    moment = _moment(text, path)
    if moment is None:
        raise Unreadable(Text(_("The date is missing.")), path=path)
    return moment


class _paths:
    """Turns a decoding error into `Unreadable` with the field's path."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, msgspec.MsgspecError | UnicodeDecodeError):
            message, _at, path = str(error).partition(" - at `$")
            raise Unreadable(
                Text(_("The record is not as WooCommerce describes it: {problem}"), {"problem": message}),
                path=path.rstrip("`").removeprefix("."),
            ) from error
