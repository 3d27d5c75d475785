"""How schedules, runs and errors are said to people."""

from __future__ import annotations

from datetime import timedelta

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from xtnd.connectors.base import Entity
from xtnd.sync.models import Run, RunState
from xtnd.sync.rhythm import Rhythm

ENTITIES: dict[str, str | Promise] = {
    Entity.PRODUCTS: gettext_lazy("Products"),
    Entity.ORDERS: gettext_lazy("Orders"),
    Entity.CUSTOMERS: gettext_lazy("Customers"),
    Entity.STOCK: gettext_lazy("Stock"),
}
DIRECTIONS: dict[str, str | Promise] = {"in": gettext_lazy("From the store"), "out": gettext_lazy("To the store")}


def rhythm(said: Rhythm) -> str:
    """“Every 15 minutes”, “Daily at 03:00”, “Cron 0 6 * * 1-5”."""
    if said.daily_at is not None:
        return _("Daily at %(time)s") % {"time": said.daily_at.strftime("%H:%M")}
    if said.every_minutes is None:
        return _("Cron %(expression)s") % {"expression": said.cron}
    count, unit = amount_of(said.every_minutes)
    if unit == "days":
        return ngettext("Every day", "Every %(count)s days", count) % {"count": count}
    if unit == "hours":
        return ngettext("Every hour", "Every %(count)s hours", count) % {"count": count}
    return ngettext("Every minute", "Every %(count)s minutes", count) % {"count": count}


def amount_of(minutes: int) -> tuple[int, str]:
    """120 → (2, "hours"): the largest unit that fits evenly."""
    for size, unit in ((1440, "days"), (60, "hours")):
        if minutes % size == 0:
            return minutes // size, unit
    return minutes, "minutes"


def duration(length: timedelta | None) -> str:
    """“0.4 s”, “12 s”, “3 min 5 s”, “2 h 10 min”. None is a dash."""
    if length is None:
        return "–"
    seconds = max(length.total_seconds(), 0.0)
    if seconds < 1:
        return _("%(seconds)s s") % {"seconds": number_format(seconds, 1)}
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": rest}
    return _("%(seconds)s s") % {"seconds": rest}


def advice(run: Run) -> str:
    """What to do next about a run that did not end well, or is waiting; "" when there is nothing to say."""
    if run.state == RunState.WAITING:
        return _("Nothing needs to be done: the same run goes on by itself from where it was.")
    if run.state == RunState.LOST:
        return _("Nothing needs to be done: a new run goes on from where it was.")
    if run.state == RunState.CANCELLED:
        return _("What was read before is kept. The next run goes on from there.")
    if run.state == RunState.PARTIAL:
        return _("Look at the record issues, mend each in the store, and retry it.")
    if run.state != RunState.FAILED:
        return ""
    if run.connection.state == "attention":
        return _("Verify the connection again: the report names the cause and what to do.")
    return _("The next run tries again by itself from where it was. If it fails again, verify the connection.")
