import zoneinfo

from django.utils import translation

from xtnd.companies import places


def test_the_nearest_countries_come_first_in_the_readers_language() -> None:
    with translation.override("sv"):
        names = places.countries()
    assert names[:4] == [("SE", "Sverige"), ("NO", "Norge"), ("DK", "Danmark"), ("FI", "Finland")]
    assert names[-1][1][0] in "ÅÄÖ"


def test_every_country_has_a_currency_and_a_time_zone() -> None:
    zones, currencies = zoneinfo.available_timezones(), dict(places.currencies())
    for code, _name in places.countries():
        assert places.time_zone_of(code) in zones, code
        assert places.currency_of(code) in currencies or places.currency_of(code) == "EUR", code


def test_known_ones() -> None:
    assert (places.currency_of("SE"), places.time_zone_of("SE")) == ("SEK", "Europe/Stockholm")
    assert (places.currency_of("DE"), places.time_zone_of("DE")) == ("EUR", "Europe/Berlin")
    assert (places.currency_of("GB"), places.time_zone_of("GB")) == ("GBP", "Europe/London")
