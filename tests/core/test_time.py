"""Days begin where the company is, also when clocks move."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtnd.core.time import from_local, now, parse_utc, start_of, whole_second, zone

STOCKHOLM = "Europe/Stockholm"


@pytest.mark.parametrize(
    ("day", "zone_name", "wanted"),
    [
        (date(2026, 1, 15), STOCKHOLM, "2026-01-14T23:00"),
        (date(2026, 7, 15), STOCKHOLM, "2026-07-14T22:00"),
        (date(2026, 3, 29), STOCKHOLM, "2026-03-28T23:00"),  # the day clocks go forward
        (date(2026, 3, 30), STOCKHOLM, "2026-03-29T22:00"),
        (date(2026, 10, 25), STOCKHOLM, "2026-10-24T22:00"),  # and back
        (date(2026, 10, 26), STOCKHOLM, "2026-10-25T23:00"),
        (date(2018, 11, 4), "America/Sao_Paulo", "2018-11-04T03:00"),  # midnight is skipped: the day begins at 01:00
        (date(2026, 1, 1), "Asia/Kolkata", "2025-12-31T18:30"),
        (date(2026, 1, 1), "UTC", "2026-01-01T00:00"),
    ],
)
def test_the_first_instant_of_a_day(day: date, zone_name: str, wanted: str) -> None:
    assert start_of(day, zone_name) == datetime.fromisoformat(wanted).replace(tzinfo=UTC)


@given(
    st.dates(min_value=date(2000, 1, 1), max_value=date(2036, 12, 31)),
    st.sampled_from([STOCKHOLM, "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Tokyo"]),
)
def test_days_meet_without_gap_or_overlap(day: date, zone_name: str) -> None:
    begin, end = start_of(day, zone_name), start_of(day + timedelta(days=1), zone_name)
    assert timedelta(hours=22) < end - begin < timedelta(hours=26)
    local = zone(zone_name)
    assert begin.astimezone(local).date() == day
    assert (begin - timedelta(microseconds=1)).astimezone(local).date() == day - timedelta(days=1)
    assert begin.tzinfo is UTC


def test_a_local_time_that_does_not_exist_or_comes_twice() -> None:
    assert from_local(datetime(2026, 3, 29, 2, 30), STOCKHOLM) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # noqa: DTZ001
    assert from_local(datetime(2026, 10, 25, 2, 30), STOCKHOLM) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # noqa: DTZ001


@pytest.mark.parametrize("text", ["2026-11-01T07:20:23", "2026-11-01T07:20:23Z", "2026-11-01T08:20:23+01:00"])
def test_a_time_without_an_offset_is_utc(text: str) -> None:
    assert parse_utc(text) == datetime(2026, 11, 1, 7, 20, 23, tzinfo=UTC)
    assert parse_utc(text).tzinfo is UTC


def test_a_time_that_is_none() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        parse_utc("yesterday")
    with pytest.raises(KeyError):
        zone("Europe/Atlantis")


def test_now_is_aware() -> None:
    assert now().tzinfo is UTC
    assert whole_second(now()).microsecond == 0
