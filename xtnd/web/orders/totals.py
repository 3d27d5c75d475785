"""The totals block of an order: rows that add up, to the öre, to what the store charged."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from xtnd.canonical.orders import LineKind
from xtnd.core.money import ZERO, total
from xtnd.orders.models import Order, OrderDiscount, OrderVat


@dataclass(frozen=True, slots=True)
class VatRow:
    rate: Decimal | None
    label: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one order, in its currency. Excluding VAT until `vat`; `charged`, `refunded` and `net` including it."""

    goods: Decimal
    """Before discount."""
    discount: Decimal
    """What came off the lines, positive."""
    discounts: tuple[OrderDiscount, ...]
    fees: Decimal
    gift_cards: Decimal
    shipping: Decimal
    vat: tuple[VatRow, ...]
    rounding: Decimal
    """What is between these rows and `charged` (öresavrundning)."""
    lines_differ: bool
    """The lines with their own VAT are another sum: the store rounded VAT over the whole order."""
    charged: Decimal
    refunded: Decimal

    @property
    def excluding_vat(self) -> Decimal:
        return self.goods - self.discount + self.fees + self.gift_cards + self.shipping

    @property
    def net(self) -> Decimal:
        return self.charged - self.refunded


def totals_of(order: Order) -> Totals:
    """Each row as it is shown, in the currency's minor unit, so that the eye can add them up."""
    of_kind: dict[str, Decimal] = {}
    discount = ZERO
    for line in order.lines.all():
        before = line.subtotal if line.kind == LineKind.PRODUCT else line.total
        of_kind[line.kind] = of_kind.get(line.kind, ZERO) + before
        if line.kind == LineKind.PRODUCT:
            discount += line.subtotal - line.total
    goods, fees, gift_cards, shipping, discount = (
        total(amount, order.currency)
        for amount in (
            of_kind.get(LineKind.PRODUCT, ZERO),
            of_kind.get(LineKind.FEE, ZERO),
            of_kind.get(LineKind.GIFT_CARD, ZERO),
            of_kind.get(LineKind.SHIPPING, ZERO),
            discount,
        )
    )
    vat = _vat_rows(order)
    rows = goods - discount + fees + gift_cards + shipping + sum((row.amount for row in vat), ZERO)
    return Totals(
        goods=goods,
        discount=discount,
        discounts=tuple(order.discounts.all()),
        fees=fees,
        gift_cards=gift_cards,
        shipping=shipping,
        vat=vat,
        rounding=order.total - rows,
        lines_differ=total(order.rounding, order.currency) != order.total - rows,
        charged=order.total,
        refunded=order.refunded_total,
    )


def _vat_rows(order: Order) -> tuple[VatRow, ...]:
    """The store's own tax lines; the header's VAT when it sent none."""
    kept: list[OrderVat] = list(order.vat_totals.all())
    if not kept:
        vat = total(order.total_vat, order.currency)
        return (VatRow(None, "", vat),) if vat else ()
    return tuple(VatRow(row.rate, row.label, total(row.goods + row.shipping, order.currency)) for row in kept)
