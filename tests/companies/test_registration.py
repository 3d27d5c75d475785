import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from xtnd.companies.registration import org_number, vat_number


@pytest.mark.parametrize(
    ("country", "written", "stored"),
    [
        ("SE", "5560360793", "556036-0793"),
        ("SE", " 556036-0793 ", "556036-0793"),
        ("SE", "165560360793", "556036-0793"),
        ("NO", "974760673", "974 760 673"),
        ("DK", "DK13585628", "13585628"),
        ("FI", "20774740", "2077474-0"),
        ("DE", "HRB 12345", "HRB 12345"),
        ("SE", "", ""),
    ],
)
def test_organisation_numbers_are_written_as_the_country_does(country: str, written: str, stored: str) -> None:
    assert org_number(country, written) == stored


@pytest.mark.parametrize(
    ("country", "written"),
    [("SE", "556036-0794"), ("SE", "abc"), ("NO", "974760674"), ("DK", "13585629"), ("FI", "2077474-1")],
)
def test_a_wrong_check_digit_is_refused(country: str, written: str) -> None:
    with pytest.raises(ValidationError):
        org_number(country, written)


@given(st.integers(min_value=0, max_value=9))
def test_one_changed_digit_is_always_noticed(last: int) -> None:
    if last == 3:
        return
    with pytest.raises(ValidationError):
        org_number("SE", f"556036-079{last}")


def test_a_swedish_vat_number_follows_from_the_organisation_number() -> None:
    assert vat_number("SE", "", org_number="556036-0793") == "SE556036079301"
    assert vat_number("NO", "", org_number="974 760 673") == ""


def test_vat_numbers_are_checked() -> None:
    assert vat_number("DK", "13585628") == "DK13585628"
    assert vat_number("US", "whatever") == "WHATEVER"
    with pytest.raises(ValidationError):
        vat_number("SE", "SE556036079401")
