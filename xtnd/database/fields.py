"""Columns that keep amounts exact on every backend.

SQLite has no decimal type: Django's DecimalField lands in a float there, and a SUM of floats is not to the öre.
Amounts and quantities are whole numbers of 1/10,000 in a BIGINT, Decimal on our side.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models

SCALE = 4
_QUANTUM = Decimal(1).scaleb(-SCALE)
_FACTOR = 10**SCALE


def to_units(amount: Decimal) -> int:
    """Decimal("12.34") -> 123400; half-up beyond the fourth decimal."""
    scaled = amount.scaleb(SCALE)
    units = int(scaled)
    return units if units == scaled else int(scaled.to_integral_value(ROUND_HALF_UP))


def from_units(units: int) -> Decimal:
    return Decimal(units).scaleb(-SCALE)


if TYPE_CHECKING:
    _Whole = models.BigIntegerField[Any, Any]
else:
    _Whole = models.BigIntegerField


class AmountField(_Whole):
    """Decimal with 4 decimals, stored as a whole number. Sums and comparisons are exact."""

    description = "Amount in major units with four decimals"
    if TYPE_CHECKING:  # what django-stubs reads to type constructors and attributes
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any
        _pyi_lookup_exact_type: Any

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        return None if value is None else from_units(int(value))

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, Decimal):
            return value
        try:
            return Decimal(str(value))
        except InvalidOperation as error:
            raise ValidationError("Not an amount: %(value)s", params={"value": value}) from error

    def get_prep_value(self, value: Any) -> Any:
        if value is None or hasattr(value, "resolve_expression"):
            return value
        return to_units(value if isinstance(value, Decimal) else Decimal(str(value)))

    def formfield(self, **kwargs: Any) -> Any:
        from django import forms

        return forms.DecimalField(**{"decimal_places": SCALE, "max_digits": 18, **kwargs})

    @property
    def validators(self) -> list[Any]:
        return []


class QuantityField(AmountField):
    """A number of pieces, metres or kilograms: four decimals, exact."""

    description = "Quantity with four decimals"
