"""Amounts: `Decimal` in major units. Never float."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

ZERO = Decimal(0)

# ISO 4217 currencies whose minor unit is not 2 digits.
# https://www.six-group.com/en/products-services/financial-information/data-standards.html
_MINOR_UNITS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0,
    "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip


def minor_units(currency: str) -> int:
    """Digits after the point: 2 for SEK, 0 for JPY, 3 for KWD."""
    return _MINOR_UNITS.get(currency, 2)


@lru_cache(maxsize=8)
def _quantum(digits: int) -> Decimal:
    return Decimal(1).scaleb(-digits)


def rounded(amount: Decimal, digits: int) -> Decimal:
    """Half-up, away from zero at the tie. The one rounding function of the program.

    >>> rounded(Decimal("0.125"), 2), rounded(Decimal("-0.125"), 2)
    (Decimal('0.13'), Decimal('-0.13'))
    """
    return amount.quantize(_quantum(digits), rounding=ROUND_HALF_UP)


def total(amount: Decimal, currency: str) -> Decimal:
    """`amount` in the currency's minor unit."""
    return rounded(amount, minor_units(currency))
