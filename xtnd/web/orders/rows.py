"""Lines and timeline of one order, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from xtnd.canonical.orders import LineKind
from xtnd.orders.models import EventKind, Order, OrderLine, Paid, Shipped, State
from xtnd.web.templatetags.xtnd import quantity

_KINDS: dict[str, Any] = {
    LineKind.SHIPPING: gettext_lazy("Shipping"),
    LineKind.FEE: gettext_lazy("Fee"),
    LineKind.GIFT_CARD: gettext_lazy("Gift card"),
    LineKind.ROUNDING: gettext_lazy("Rounding"),
}
_FIELDS = {
    "status": gettext_lazy("Status in the store"),
    "state": gettext_lazy("Order state"),
    "payment_state": gettext_lazy("Payment"),
    "shipment_state": gettext_lazy("Shipment"),
    "total": pgettext_lazy("amount", "Total"),
    "total_vat": gettext_lazy("VAT"),
    "refunded_total": gettext_lazy("Refunded"),
    "note": gettext_lazy("Note from the buyer"),
    "customer_email": gettext_lazy("Email"),
    "billing_address": gettext_lazy("Invoice address"),
    "shipping_address": gettext_lazy("Delivery address"),
}
_WORDS: dict[str, dict[str, Any]] = {
    "state": dict(State.choices),
    "payment_state": dict(Paid.choices),
    "shipment_state": dict(Shipped.choices),
}


@dataclass(frozen=True, slots=True)
class LineRow:
    row: OrderLine
    kind: str
    """"" for goods: that needs no word."""
    product_id: int | None
    discount: Decimal
    attributes: list[tuple[str, str]]
    rates: list[str]


def line_rows(order: Order) -> list[LineRow]:
    return [
        LineRow(
            row=line,
            kind=str(_KINDS.get(line.kind, "")),
            product_id=line.variant.product_id if line.variant else None,
            discount=line.subtotal - line.total,
            attributes=[(str(pair[0]), str(pair[1])) for pair in line.attributes if len(pair) == 2],
            rates=list(_rates(line)),
        )
        for line in order.lines.all()
    ]


def _rates(line: OrderLine) -> Iterator[str]:
    for vat in line.vat_rows:
        rate = vat.get("rate")
        if rate not in (None, "", "None"):
            yield quantity(Decimal(str(rate)))


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of the timeline."""

    label: str
    at: datetime
    actor: str
    changes: list[str]


def timeline(order: Order) -> list[Moment]:
    """Newest first."""
    kinds = dict(EventKind.choices)
    return [
        Moment(
            str(kinds.get(event.kind, event.kind)),
            event.at,
            event.actor,
            [_change(name, change) for name, change in event.changes.items()],
        )
        for event in reversed(order.events.all())
    ]


def _change(name: str, change: Any) -> str:
    field = str(_FIELDS.get(name, name))
    words = _WORDS.get(name, {})
    if isinstance(change, list) and len(change) == 2:
        before, after = change
        if not before and not after:
            return _("%(field)s was changed") % {"field": field}
        return _("%(field)s: %(before)s → %(after)s") % {
            "field": field,
            "before": words.get(before, before) or "–",
            "after": words.get(after, after) or "–",
        }
    value = words.get(change, change) if isinstance(change, str) else change
    return _("%(field)s: %(value)s") % {"field": field, "value": value}
