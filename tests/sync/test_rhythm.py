"""When a schedule runs next, on the days when the clocks move as well. Stockholm: 2026-03-29 and 2026-10-25."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtnd.sync.rhythm import Rhythm, problem

STOCKHOLM = "Europe/Stockholm"


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _three(rhythm: Rhythm, after: str, zone: str = STOCKHOLM) -> list[str]:
    return [moment.strftime("%Y-%m-%d %H:%M") for moment in rhythm.first(3, _utc(after), zone)]


def test_an_interval_is_elapsed_time_and_knows_no_clock() -> None:
    assert _three(Rhythm(every_minutes=60), "2026-03-29 00:15") == [
        "2026-03-29 01:15",
        "2026-03-29 02:15",
        "2026-03-29 03:15",
    ]


def test_daily_follows_the_wall_clock() -> None:
    assert _three(Rhythm(daily_at=time(3, 0)), "2026-01-10 12:00") == [
        "2026-01-11 02:00",
        "2026-01-12 02:00",
        "2026-01-13 02:00",
    ]
    assert _three(Rhythm(daily_at=time(3, 0)), "2026-07-01 00:59")[0] == "2026-07-01 01:00"
    assert _three(Rhythm(daily_at=time(3, 0)), "2026-07-01 01:00")[0] == "2026-07-02 01:00"  # later than, not at


def test_half_past_two_on_the_spring_day_runs_when_the_clocks_have_moved() -> None:
    """02:30 does not exist: it becomes 03:30 summer time, and the day after it is 02:30 again."""
    assert _three(Rhythm(daily_at=time(2, 30)), "2026-03-28 12:00") == [
        "2026-03-29 01:30",
        "2026-03-30 00:30",
        "2026-03-31 00:30",
    ]


def test_half_past_two_on_the_autumn_day_runs_once() -> None:
    """02:30 comes twice: the first one counts."""
    assert _three(Rhythm(daily_at=time(2, 30)), "2026-10-24 12:00") == [
        "2026-10-25 00:30",
        "2026-10-26 01:30",
        "2026-10-27 01:30",
    ]
    assert _three(Rhythm(daily_at=time(2, 30)), "2026-10-25 00:30")[0] == "2026-10-26 01:30"


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-28 12:00", ["2026-03-29 01:30", "2026-03-30 00:30", "2026-03-31 00:30"]),
        ("2026-10-24 12:00", ["2026-10-25 00:30", "2026-10-26 01:30", "2026-10-27 01:30"]),
    ],
)
def test_cron_does_the_same_as_daily(after: str, expected: list[str]) -> None:
    assert _three(Rhythm(cron="30 2 * * *"), after) == expected


def test_cron_of_weekdays() -> None:
    # 2026-11-27 is a Friday.
    assert _three(Rhythm(cron="0 6 * * 1-5"), "2026-11-27 06:00") == [
        "2026-11-30 05:00",
        "2026-12-01 05:00",
        "2026-12-02 05:00",
    ]


def test_an_hourly_cron_skips_nothing_for_more_than_two_hours_on_either_day() -> None:
    for day in ("2026-03-28 22:10", "2026-10-24 22:10"):
        times = list(islice(Rhythm(cron="0 * * * *").upcoming(_utc(day), STOCKHOLM), 12))
        gaps = {later - earlier for earlier, later in pairwise(times)}
        assert gaps <= {timedelta(hours=1), timedelta(hours=2)}
        assert len(times) == len(set(times))


@given(
    after=st.integers(0, 5 * 366 * 1440).map(lambda minutes: _utc("2025-01-01 00:00") + timedelta(minutes=minutes)),
    at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    zone=st.sampled_from([STOCKHOLM, "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Cairo", "UTC"]),
)
def test_daily_is_once_for_every_day_of_the_wall_clock(after: datetime, at: time, zone: str) -> None:
    times = Rhythm(daily_at=at).first(5, after, zone)
    assert all(later > earlier for earlier, later in pairwise([after, *times]))
    days = [moment.astimezone(ZoneInfo(zone)).date() for moment in times]
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))


@pytest.mark.parametrize(
    ("rhythm", "expected"),
    [
        (Rhythm(every_minutes=5), ""),
        (Rhythm(every_minutes=4), "interval"),
        (Rhythm(every_minutes=31 * 1440), ""),
        (Rhythm(every_minutes=31 * 1440 + 1), "interval"),
        (Rhythm(daily_at=time(0, 0)), ""),
        (Rhythm(cron="*/5 * * * *"), ""),
        (Rhythm(cron="0 6 * * mon-fri"), ""),
        (Rhythm(cron="0 0 l * *"), ""),
        (Rhythm(cron="0 0 29 2 *"), ""),
        (Rhythm(cron="* * * * *"), "interval"),
        (Rhythm(cron="0,1 6 * * *"), "interval"),
        (Rhythm(cron="0 0 31 2 *"), "cron"),
        (Rhythm(cron="0 6 * *"), "cron"),
        (Rhythm(cron="0 6 * * * *"), "cron"),
        (Rhythm(cron="@daily"), "cron"),
        (Rhythm(cron="r r * * *"), "cron"),
        (Rhythm(cron="H H * * *"), "cron"),
        (Rhythm(cron="61 * * * *"), "cron"),
        (Rhythm(cron=""), "cron"),
    ],
)
def test_what_cannot_be_used_is_named(rhythm: Rhythm, expected: str) -> None:
    assert problem(rhythm) == expected
