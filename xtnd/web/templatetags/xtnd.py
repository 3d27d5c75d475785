"""`{% load xtnd %}`: money, numbers, times, icons, badges and address editing, in the reader's language."""

from __future__ import annotations

import re
import zoneinfo
from datetime import datetime
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.numbers import format_currency, format_decimal
from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from xtnd.web.icons import ICONS

register = template.Library()

NOTHING = "–"


def _locale() -> Locale:
    return Locale.parse((get_language() or "en").replace("-", "_"))


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    """`{{ total|money:"SEK" }}` → 1 234,50 kr in Swedish, SEK 1,234.50 in English. None is a dash."""
    if amount is None:
        return NOTHING
    if not currency:
        return format_decimal(amount, format="#,##0.00", locale=_locale())
    # CLDR parts letters from digits, babel does not: SEK1.00
    return re.sub(r"(?<=[A-Za-z])(?=\d)", "\xa0", format_currency(amount, currency, locale=_locale()))


@register.filter
def quantity(number: Decimal | int | None) -> str:
    """At most four decimals, none of them a trailing zero. None is a dash."""
    if number is None:
        return NOTHING
    return format_decimal(number, format="#,##0.####", locale=_locale())


@register.filter
def local(moment: datetime | None, zone: str = "") -> str:
    """`{{ at|local }}` in the company's time, `{{ at|local:"Europe/Oslo" }}` in another. 2026-03-01 14:05."""
    if moment is None:
        return NOTHING
    there = zoneinfo.ZoneInfo(zone) if zone else None
    return timezone.localtime(moment, there).strftime("%Y-%m-%d %H:%M")


@register.filter
def ago(moment: datetime | None) -> str | SafeString:
    """How long ago in words (or how soon), with the exact local time on hover."""
    if moment is None:
        return NOTHING
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        local(moment),
        naturaltime(moment),
    )


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """An outline icon, hidden from screen readers: words must stand beside it."""
    return format_html(
        '<svg class="icon {}" width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="currentColor"'
        ' stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
        '<path d="{}"/></svg>',
        css,
        ICONS[name],
    )


_COLOURS: dict[str, str] = {
    colour_state: colour
    for colour, states in {
        "green": "active ok green paid shipped done succeeded success closed sku hand resolved verified fulfilled",
        "blue": "received reserved running queued new draft pending scheduled",
        "yellow": "in_review partly_shipped partly_refunded attention degraded late waiting partial retry "
        "no_sku duplicate_sku unmatched",
        "red": "failed red broken error lost rejected needs_fix",
        "secondary": "paused inactive cancelled unpaid unshipped refunded never ignored removed skipped off",
    }.items()
    for colour_state in states.split()
}


@register.simple_tag
def state_badge(state: str, label: object = "") -> SafeString:
    """The state's words on its colour (never colour alone). An unknown state is grey."""
    return format_html(
        '<span class="badge bg-{}-lt" data-state="{}">{}</span>',
        _COLOURS.get(str(state), "secondary"),
        str(state),
        label or str(state),
    )


@register.simple_tag(takes_context=True)
def query_replace(context: dict[str, Any], **changes: object) -> str:
    """The page's query with these keys set, None or "" removing a key: `{% query_replace sort="x" after=None %}`."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    for key, value in changes.items():
        if value is None or value == "":
            query.pop(key, None)
        else:
            query[key] = str(value)
    return query.urlencode()
