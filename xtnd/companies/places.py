"""Countries, currencies and time zones to choose from, named in the reader's language."""

from __future__ import annotations

import zoneinfo
from functools import cache

from babel import Locale
from babel.core import get_global
from babel.numbers import get_territory_currencies
from django.utils.translation import get_language

NEAREST = ("SE", "NO", "DK", "FI")
"""First in every list of countries."""


def countries() -> list[tuple[str, str]]:
    return _countries(get_language() or "en")


def currencies() -> list[tuple[str, str]]:
    """Those in use as legal tender today, "SEK Swedish krona"."""
    return _currencies(get_language() or "en")


@cache
def time_zones() -> list[str]:
    """Area/City names, those of the nearest countries first."""
    names = sorted(
        name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/"))
    )
    near = [time_zone_of(country) for country in NEAREST]
    return near + [name for name in names if name not in near]


@cache
def time_zone_of(country: str) -> str:
    """The country's own time zone, its capital's where there are several we know of; UTC when unknown."""
    if country in _SEVERAL:
        return _SEVERAL[country]
    known = zoneinfo.available_timezones()
    territories: dict[str, str] = get_global("zone_territories")  # type: ignore[assignment]
    return next((zone for zone, territory in territories.items() if territory == country and zone in known), "UTC")


_SEVERAL = {
    "DE": "Europe/Berlin",
    "ES": "Europe/Madrid",
    "PT": "Europe/Lisbon",
    "US": "America/New_York",
    "CA": "America/Toronto",
    "AU": "Australia/Sydney",
    "NZ": "Pacific/Auckland",
}


@cache
def currency_of(country: str) -> str:
    found = get_territory_currencies(country)
    return str(found[-1]) if found else "EUR"


@cache
def _countries(language: str) -> list[tuple[str, str]]:
    names = Locale.parse(language.replace("-", "_")).territories
    real = {
        code: str(name) for code, name in names.items() if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRY
    }
    rest = sorted(
        (pair for pair in real.items() if pair[0] not in NEAREST), key=lambda pair: _sortable(pair[1], language)
    )
    return [(code, real[code]) for code in NEAREST] + rest


_NO_COUNTRY = {"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"}


@cache
def _currencies(language: str) -> list[tuple[str, str]]:
    names = Locale.parse(language.replace("-", "_")).currencies
    used = {code for country, _name in _countries("en") for code in get_territory_currencies(country)}
    first = [code for code in ("SEK", "NOK", "DKK", "EUR") if code in used]
    return [(code, f"{code} {names.get(code, '')}".strip()) for code in first + sorted(used - set(first))]


_SWEDISH_ORDER: dict[int, str | int | None] = {ord("å"): "zzz1", ord("ä"): "zzz2", ord("ö"): "zzz3", ord("é"): "e"}


def _sortable(name: str, language: str) -> str:
    """Å, ä and ö come last in Swedish, and are a and o elsewhere."""
    if language.startswith("sv"):
        return name.lower().translate(_SWEDISH_ORDER)
    return name.lower().translate(str.maketrans("åäöéç", "aaoec"))
