"""When a schedule runs next: every N minutes, daily at a time, or cron, in the company's time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise

from croniter import croniter

from xtnd.core.time import from_local, zone

LEAST_MINUTES = 5
MOST_MINUTES = 60 * 24 * 31
_CRON_FIELD = re.compile(
    r"(?:[0-9*/,#L-]|(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))+", re.I
)
"""croniter also knows R (at random, another time at each question) and H: neither is a time one can promise."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Exactly one of the three is set."""

    every_minutes: int | None = None
    daily_at: time | None = None
    cron: str = ""

    def upcoming(self, after: datetime, zone_name: str) -> Iterator[datetime]:
        """Times later than `after`, as UTC, without end.

        Daily times follow the wall clock: a time that spring skips runs when the clocks have moved, one that autumn
        repeats runs once. Cron hours likewise; intervals are elapsed time and know no clock.
        """
        if self.every_minutes is not None:
            return _every(timedelta(minutes=self.every_minutes), after)
        if self.daily_at is not None:
            return _daily(self.daily_at, after, zone_name)
        return _cron(self.cron, after, zone_name)

    def next(self, after: datetime, zone_name: str) -> datetime:
        return next(self.upcoming(after, zone_name))

    def first(self, count: int, after: datetime, zone_name: str) -> list[datetime]:
        return list(islice(self.upcoming(after, zone_name), count))


def problem(rhythm: Rhythm) -> str:
    """Why it cannot be used, as a stable key: "", "interval", "cron"."""
    if rhythm.every_minutes is not None:
        return "" if LEAST_MINUTES <= rhythm.every_minutes <= MOST_MINUTES else "interval"
    if rhythm.daily_at is not None:
        return ""
    fields = rhythm.cron.split()
    if len(fields) != 5 or not all(_CRON_FIELD.fullmatch(field) for field in fields):
        return "cron"
    if not croniter.is_valid(rhythm.cron):
        return "cron"
    try:  # "0 0 31 2 *" is well formed and never comes
        times = list(islice(_cron(rhythm.cron, datetime(2026, 1, 1, tzinfo=UTC), "UTC"), 13))
    except ValueError:
        return "cron"
    closest = min(later - earlier for earlier, later in pairwise(times))
    return "interval" if closest < timedelta(minutes=LEAST_MINUTES) else ""


def _every(interval: timedelta, after: datetime) -> Iterator[datetime]:
    at = after
    while True:
        at += interval
        yield at


def _daily(at: time, after: datetime, zone_name: str) -> Iterator[datetime]:
    day = after.astimezone(zone(zone_name)).date()
    while True:
        moment = from_local(datetime.combine(day, at), zone_name)
        if moment > after:
            yield moment
        day += timedelta(days=1)


def _cron(expression: str, after: datetime, zone_name: str) -> Iterator[datetime]:
    """croniter walks naive local time, so that every local time comes once; it is put on the real clock after."""
    local = after.astimezone(zone(zone_name)).replace(tzinfo=None)
    walk = croniter(expression, local - timedelta(hours=2))
    last = after
    while True:
        moment = from_local(walk.get_next(datetime), zone_name)
        if moment > last:
            last = moment
            yield moment
