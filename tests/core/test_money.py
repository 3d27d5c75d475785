"""Rounding is half-up, away from zero, and knows the currency's decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtnd.core.money import minor_units, rounded, total

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=6)


@pytest.mark.parametrize(
    ("amount", "digits", "wanted"),
    [
        ("0.125", 2, "0.13"),
        ("-0.125", 2, "-0.13"),
        ("0.124999", 2, "0.12"),
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("1.0005", 3, "1.001"),
        ("4.725", 2, "4.73"),  # what a float would make 4.72
        ("0", 2, "0.00"),
    ],
)
def test_half_goes_away_from_zero(amount: str, digits: int, wanted: str) -> None:
    assert str(rounded(Decimal(amount), digits)) == wanted


@pytest.mark.parametrize(
    ("currency", "digits"), [("SEK", 2), ("EUR", 2), ("JPY", 0), ("ISK", 0), ("KWD", 3), ("TND", 3), ("XYZ", 2)]
)
def test_decimals_of_a_currency(currency: str, digits: int) -> None:
    assert minor_units(currency) == digits
    assert -total(Decimal("1.23456"), currency).as_tuple().exponent == digits  # type: ignore[operator]


@given(AMOUNTS, st.sampled_from([0, 2, 3]))
def test_rounding_moves_by_at_most_half_a_unit(amount: Decimal, digits: int) -> None:
    done = rounded(amount, digits)
    assert abs(Fraction(done) - Fraction(amount)) <= Fraction(1, 2 * 10**digits)
    assert rounded(done, digits) == done
    assert rounded(-amount, digits) == -done
    assert done == amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
