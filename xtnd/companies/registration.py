"""Organisation and VAT numbers as the countries write and check them."""

from __future__ import annotations

import stdnum.dk.cvr
import stdnum.eu.vat
import stdnum.fi.ytunnus
import stdnum.no.mva
import stdnum.no.orgnr
import stdnum.se.orgnr
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from stdnum.exceptions import ValidationError as NotValid

_EU = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)


def org_number(country: str, text: str) -> str:
    """The number as the country writes it: SE 556677-8899, NO 123 456 789. Checked for SE, NO, DK and FI.

    Elsewhere any text of at most 20 characters. Empty stays empty. Raises Django's ValidationError, in plain words.
    """
    text = text.strip()
    if not text:
        return ""
    try:
        match country:
            case "SE":
                return str(stdnum.se.orgnr.format(stdnum.se.orgnr.validate(_swedish_ten(text))))
            case "NO":
                return str(stdnum.no.orgnr.format(stdnum.no.orgnr.validate(text)))
            case "DK":
                return str(stdnum.dk.cvr.validate(text))
            case "FI":
                return str(stdnum.fi.ytunnus.format(stdnum.fi.ytunnus.validate(text)))
            case _:
                return text[:20]
    except NotValid as error:
        raise ValidationError(_examples()[country], code="org_number") from error


def vat_number(country: str, text: str, *, org_number: str = "") -> str:
    """The number with its country code. Empty becomes the one that follows from a Swedish organisation number."""
    text = text.strip().upper()
    if not text:
        return f"SE{org_number.replace('-', '')}01" if country == "SE" and org_number else ""
    try:
        if country == "NO":
            return str(stdnum.no.mva.validate(text))
        if country in _EU:
            prefix = "EL" if country == "GR" else country
            return str(stdnum.eu.vat.validate(text if text[:2].isalpha() else prefix + text))
    except NotValid as error:
        raise ValidationError(
            _("This is not a valid VAT number for the country. Check it, or leave the field empty."), code="vat_number"
        ) from error
    return text[:20]


def _swedish_ten(text: str) -> str:
    """A sole trader may write the century: 19800101-1234 is 800101-1234."""
    digits = "".join(sign for sign in text if sign.isdigit())
    return digits[2:] if len(digits) == 12 and digits[:2] in ("16", "18", "19", "20") else text


def _examples() -> dict[str, str]:
    return {
        "SE": _(
            "A Swedish organisation number has ten digits, such as 556036-0793."
            " Check the digits: the last one does not fit the others."
        ),
        "NO": _(
            "A Norwegian organisation number has nine digits, such as 974 760 673."
            " Check the digits: they do not fit together."
        ),
        "DK": _("A Danish CVR number has eight digits, such as 13585628. Check the digits: they do not fit together."),
        "FI": _("A Finnish business ID (y-tunnus) looks like 2077474-0. Check the digits: they do not fit together."),
    }
