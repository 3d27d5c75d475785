"""Aware UTC datetimes (`*_at`), dates in the company's zone (`*_on`), half-open intervals."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


def now() -> datetime:
    return datetime.now(UTC)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """Raises `zoneinfo.ZoneInfoNotFoundError` (a KeyError) on an unknown name."""
    return ZoneInfo(name)


def start_of(day: date, zone_name: str) -> datetime:
    """The first instant of `day` in the zone, as UTC. Right on DST days and where midnight does not exist."""
    local = datetime.combine(day, time.min, tzinfo=zone(zone_name))
    return local.astimezone(UTC)


def from_local(naive: datetime, zone_name: str) -> datetime:
    """A naive local time as UTC. A time that does not exist (spring) becomes the moment after the gap;
    one that comes twice (autumn) is the first of the two."""
    return naive.replace(tzinfo=zone(zone_name), fold=0).astimezone(UTC)


def parse_utc(text: str) -> datetime:
    """`2026-11-01T07:20:23` (no offset: UTC), or with `Z`/offset. Raises ValueError."""
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


SECOND = timedelta(seconds=1)
