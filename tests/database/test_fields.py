"""Amounts are exact in the database: stored, summed, compared and ordered as the decimals they are."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db.models import F, Max, Min, Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests import builders
from xtnd.catalog.models import Listing
from xtnd.database.fields import AmountField, from_units, to_units
from xtnd.orders.models import Order, OrderLine

AMOUNTS = st.decimals(min_value=-(10**10), max_value=10**10, allow_nan=False, allow_infinity=False, places=4)
FINE = st.decimals(min_value=-(10**10), max_value=10**10, allow_nan=False, allow_infinity=False, places=9)


@given(AMOUNTS)
def test_units_and_back(amount: Decimal) -> None:
    assert from_units(to_units(amount)) == amount


@given(FINE)
def test_beyond_four_decimals_half_up(amount: Decimal) -> None:
    assert from_units(to_units(amount)) == amount.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "sNaN"])
def test_what_is_no_amount_is_refused(value: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        to_units(Decimal(value))


def test_text_becomes_an_amount() -> None:
    field = AmountField()
    assert field.to_python("12.50") == Decimal("12.50")
    assert field.to_python(None) is None
    with pytest.raises(ValidationError):
        field.to_python("12,50")


class InTheDatabase(TestCase):
    """hypothesis' own TestCase: each example in a transaction of its own."""

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(AMOUNTS, min_size=1, max_size=8), AMOUNTS)
    def test_sums_filters_and_order(self, amounts: list[Decimal], bound: Decimal) -> None:
        order = builders.make_order(lines=(), events=False)
        OrderLine.objects.bulk_create(
            OrderLine(
                order=order,
                position=position,
                kind="product",
                name="x",
                quantity=1,
                unit_price=0,
                subtotal=0,
                total=amount,
                vat=-amount,
            )
            for position, amount in enumerate(amounts)
        )
        lines = OrderLine.objects.filter(order=order)
        said = lines.aggregate(sum=Sum("total"), least=Min("total"), most=Max("total"))
        assert said == {"sum": sum(amounts, Decimal(0)), "least": min(amounts), "most": max(amounts)}
        assert list(lines.order_by("total").values_list("total", flat=True)) == sorted(amounts)
        assert list(lines.order_by("-total").values_list("total", flat=True)) == sorted(amounts, reverse=True)
        for lookup, wanted in (
            ("gt", [amount for amount in amounts if amount > bound]),
            ("gte", [amount for amount in amounts if amount >= bound]),
            ("lt", [amount for amount in amounts if amount < bound]),
            ("exact", [amount for amount in amounts if amount == bound]),
        ):
            found = lines.filter(**{f"total__{lookup}": bound}).values_list("total", flat=True)
            assert sorted(found) == sorted(wanted)
        assert lines.filter(total__in=amounts).count() == len(amounts)
        assert not lines.exclude(vat=-F("total")).exists()


@pytest.mark.django_db
def test_a_thousand_small_amounts_make_their_sum() -> None:
    """Where floats are not to the öre: 0.1 a thousand times."""
    connection = builders.make_connection()
    for _ in range(10):
        builders.make_order(connection=connection, lines=(), events=False)
    Order.objects.update(total=Decimal("0.1"))
    assert Order.objects.aggregate(sum=Sum("total"))["sum"] == Decimal("1.0")
    assert Order.objects.filter(total=Decimal("0.10")).count() == 10


@pytest.mark.django_db
def test_nothing_is_nothing() -> None:
    connection = builders.make_connection()
    product = builders.make_product(listed_in=[connection])
    Listing.objects.filter(product=product).update(sale_price=None)
    listing = Listing.objects.get(product=product)
    assert listing.sale_price is None
    assert Listing.objects.filter(sale_price__isnull=True).count() == 1
