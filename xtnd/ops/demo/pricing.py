"""Prices, VAT and rounding as WooCommerce does them when prices are entered with tax (the Swedish default).

Pure functions over Decimal and the JSON of an order. Measured on WooCommerce 9.9.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

Doc = dict[str, Any]

CENT = Decimal("0.01")
MICRO = Decimal("0.000001")
ZERO = Decimal(0)


@dataclass(frozen=True)
class Rate:
    """One row of the store's tax table. `tax_class` "" is WooCommerce's standard class."""

    id: int
    percent: int
    tax_class: str

    @property
    def label(self) -> str:
        return f"Moms {self.percent}%"

    @property
    def code(self) -> str:
        return f"SE-MOMS {self.percent}%-1"


RATES = (Rate(1, 25, ""), Rate(2, 12, "moms-12"), Rate(3, 6, "moms-6"), Rate(4, 0, "moms-0"))
STANDARD = RATES[0]


@dataclass(frozen=True)
class Amount:
    """A net amount and its VAT, both unrounded; `rate` is None where the store charges none (NO, FI)."""

    net: Decimal
    tax: Decimal
    rate: Rate | None


def money(value: Decimal, places: int = 2) -> str:
    """A money string as the API writes it by default; never "-0.00"."""
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return str(abs(rounded) if rounded == 0 else rounded)


def rounded_tax(value: Decimal) -> Decimal:
    """A line's tax. WooCommerce rounds it half *down* when prices include tax, but tax lines half up:
    that is why a line may say 4.72 where the tax line says 4.73."""
    return value.quantize(CENT, ROUND_HALF_DOWN)


def exact(value: Decimal) -> str:
    """Up to six decimals and no trailing zeros ("18", "187.054"), as `taxes[].total`."""
    text = format(value.quantize(MICRO, ROUND_HALF_UP), "f").rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def unit_price(net: Decimal, quantity: int) -> int | float:
    """`line_items[].price`: a JSON number, unrounded, with PHP's float noise; whole numbers as int."""
    price = float(exact(net)) / quantity if quantity else 0.0
    return int(price) if price.is_integer() else price


def rate_of(tax_class: str) -> Rate:
    return next((rate for rate in RATES if rate.tax_class == tax_class), STANDARD)


def is_taxed(country: str) -> bool:
    """No country means the shop's base address, which is Swedish."""
    return country in ("", "SE")


def from_gross(gross: Decimal, tax_class: str, country: str) -> Amount:
    """Split a price with tax; a customer outside the tax zone pays the net."""
    rate = rate_of(tax_class)
    tax = (gross * rate.percent / (100 + rate.percent)).quantize(MICRO, ROUND_HALF_UP)
    if is_taxed(country):
        return Amount(gross - tax, tax, rate)
    return Amount(gross - tax, ZERO, None)


def from_net(net: Decimal, rate: Rate, country: str) -> Amount:
    """Shipping and fees are entered without tax."""
    if not is_taxed(country):
        return Amount(net, ZERO, None)
    return Amount(net, (net * rate.percent / 100).quantize(MICRO, ROUND_HALF_UP), rate)


def shipping_rate(tax_classes: list[str]) -> Rate:
    """ "Shipping tax class based on cart items": the standard rate as soon as one line has it."""
    if not tax_classes or "" in tax_classes:
        return STANDARD
    return max((rate_of(name) for name in tax_classes), key=lambda rate: rate.percent)


def tax_entries(total: Amount, subtotal: Amount | None) -> list[Doc]:
    if total.rate is None:
        return []
    before = exact(subtotal.tax) if subtotal is not None else ""
    return [{"id": total.rate.id, "total": exact(total.tax), "subtotal": before}]


def sum_of(lines: list[Doc], field: str) -> Decimal:
    return sum((Decimal(line[field]) for line in lines), ZERO)


def taxes_of(lines: list[Doc], field: str) -> Decimal:
    return sum((Decimal(tax[field]) for line in lines for tax in line["taxes"] if tax[field]), ZERO)


def tax_by_rate(lines: list[Doc]) -> dict[int, Decimal]:
    """Each line rounded half up, then summed, per rate."""
    totals: dict[int, Decimal] = {}
    for line in lines:
        for tax in line["taxes"]:
            part = Decimal(tax["total"]).quantize(CENT, ROUND_HALF_UP)
            totals[tax["id"]] = totals.get(tax["id"], ZERO) + part
    return totals


def tax_lines(order: Doc, line_ids: dict[int, int]) -> list[Doc]:
    """The order's tax lines; `line_ids` gives the item id to use for each rate id."""
    goods = tax_by_rate(order["line_items"] + order["fee_lines"])
    shipping = tax_by_rate(order["shipping_lines"])
    return [
        {
            "id": line_ids[rate.id],
            "rate_code": rate.code,
            "rate_id": rate.id,
            "label": rate.label,
            "compound": False,
            "tax_total": money(goods.get(rate.id, ZERO)),
            "shipping_tax_total": money(shipping.get(rate.id, ZERO)),
            "rate_percent": rate.percent,
            "meta_data": [],
        }
        for rate in RATES
        if rate.id in goods or rate.id in shipping
    ]


def rates_used(order: Doc) -> list[int]:
    lines = order["line_items"] + order["fee_lines"] + order["shipping_lines"]
    return sorted(tax_by_rate(lines))


def total_up(order: Doc) -> None:
    """Fill in the order's sums from its lines and tax lines.

    `total` follows the tax lines, so it can differ by an öre from the sum of the rounded lines: as measured.
    """
    lines, shipping, fees = order["line_items"], order["shipping_lines"], order["fee_lines"]
    cart_tax = sum_of(order["tax_lines"], "tax_total")
    shipping_tax = sum_of(order["tax_lines"], "shipping_tax_total")
    net = sum_of(lines, "total") + sum_of(shipping, "total") + sum_of(fees, "total")
    order["discount_total"] = money(sum_of(lines, "subtotal") - sum_of(lines, "total"))
    order["discount_tax"] = money(taxes_of(lines, "subtotal") - taxes_of(lines, "total"))
    order["shipping_total"] = money(sum_of(shipping, "total"))
    order["shipping_tax"] = money(shipping_tax)
    order["cart_tax"] = money(cart_tax)
    order["total_tax"] = money(cart_tax + shipping_tax)
    order["total"] = money(net + cart_tax + shipping_tax)
