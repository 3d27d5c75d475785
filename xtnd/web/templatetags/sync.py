"""`{% load sync %}`: stored texts, entities, rhythms and durations in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django import template
from django.utils.translation import gettext

from xtnd.core.text import Text
from xtnd.sync.models import Run, Schedule
from xtnd.sync.rhythm import Rhythm
from xtnd.sync.services import rhythm_of
from xtnd.web.sync import words

register = template.Library()


@register.filter
def said(text: Text | Mapping[str, object] | str | None) -> str:
    """A `core.text.Text`, as it is or as stored JSON, or an English sentence of a connector."""
    found = text if isinstance(text, Text) else Text.from_json(text)
    try:
        return found.render(gettext)
    except (KeyError, IndexError, ValueError):  # a parameter that an older version did not store
        return gettext(found.message)


@register.filter
def entity(name: str) -> str:
    return str(words.ENTITIES.get(name, name))


@register.filter
def direction(name: str) -> str:
    return str(words.DIRECTIONS.get(name, name))


@register.filter
def rhythm(schedule: Schedule | Rhythm) -> str:
    return words.rhythm(schedule if isinstance(schedule, Rhythm) else rhythm_of(schedule))


@register.filter
def lasted(run: Run) -> str:
    """How long the run took, or has taken until its last sign of life."""
    until: datetime | None = run.finished_at or run.beat_at
    if run.started_at is None or until is None:
        return words.duration(None)
    return words.duration(until - run.started_at)


@register.filter
def duration(length: timedelta | None) -> str:
    return words.duration(length)
