"""What the store's status page and its index say about it, as lines of the report. None of it can fail a connection.

`GET system_status?_fields=environment,settings,theme` has the same shape on 9.9.5 and 3.6.4. The time zone is not in
it (`default_timezone` is always UTC there); the index has it.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from xtnd.connectors.base import Check, Outcome
from xtnd.connectors.http import Response, json_part
from xtnd.connectors.woocommerce.client import quotable
from xtnd.core.text import Text
from xtnd.core.text import gettext_noop as _

Document = Mapping[str, object]

_POSITIONS = {
    "left": _("Before the amount"),
    "right": _("After the amount"),
    "left_space": _("Before the amount, with a space"),
    "right_space": _("After the amount, with a space"),
}


def document(response: Response) -> Document:
    """The answer's JSON object; empty when it is anything else."""
    try:
        found = msgspec.json.decode(json_part(response.body))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def part(whole: Document, name: str) -> Document:
    found = whole.get(name)
    return found if isinstance(found, dict) else {}


def text(whole: Document, name: str) -> str:
    found = whole.get(name)
    return quotable(str(found)) if isinstance(found, str | int | float) else ""


def info(name: str, label: str, detail: str, /, **params: str | int) -> Check:
    return Check(name, Text(label), Outcome.INFO, Text(detail, params))


def time_zone(index: Document) -> str:
    """`Europe/Stockholm`, or a fixed offset `+01:00` when the store has no named zone; "" when unknown."""
    named = text(index, "timezone_string")
    if named:
        return named
    hours = index.get("gmt_offset")
    if isinstance(hours, str):
        try:
            hours = float(hours)
        except ValueError:
            return ""
    if not isinstance(hours, int | float):
        return ""
    minutes = round(abs(hours) * 60)
    return f"{'-' if hours < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


@dataclass(slots=True)
class StoreFacts:
    """`options` is for the connector, `shown` for people, `lines()` for the report."""

    status: Document
    index: Document
    options: dict[str, object] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)

    def lines(self) -> Iterator[Check]:
        yield from self._versions()
        yield from self._settings()
        yield from self._currency()
        yield from self._theme()

    def _versions(self) -> Iterator[Check]:
        environment = part(self.status, "environment")
        version, wordpress = text(environment, "version"), text(environment, "wp_version")
        if not version:
            return
        self.options["wc_version"] = self.shown["version"] = version
        self.shown["wordpress"] = wordpress
        yield info(
            "version",
            _("Version"),
            _("WooCommerce {version}, WordPress {wordpress}"),
            version=version,
            wordpress=wordpress or "?",
        )

    def _settings(self) -> Iterator[Check]:
        settings = part(self.status, "settings")
        if "api_enabled" in settings:
            # Mirrors an option of the legacy API; off by default on 9.9.5 while wc/v3 works (measured).
            on = bool(settings["api_enabled"])
            detail = _("On") if on else _("Off, which does not matter: it means the legacy API, not the one used here")
            yield info("api_enabled", _("API enabled"), detail)
        if "force_ssl" in settings:
            yield info("force_ssl", _("Force SSL"), _("Yes") if settings["force_ssl"] else _("No"))
        if settings:
            hpos = self.options["hpos"] = bool(settings.get("HPOS_enabled"))
            stored = _("In tables of their own (HPOS)") if hpos else _("As posts (before HPOS)")
            yield info("order_storage", _("Order storage"), stored)

    def _currency(self) -> Iterator[Check]:
        settings = part(self.status, "settings")
        currency = text(settings, "currency")
        if not currency:
            return
        self.options["currency"] = self.shown["currency"] = currency
        symbol = html.unescape(text(settings, "currency_symbol"))
        yield info("currency", _("Currency"), "{currency} ({symbol})", currency=currency, symbol=symbol or currency)
        position = text(settings, "currency_position")
        self.shown["currency_position"] = position
        yield info(
            "currency_position", _("Currency position"), _POSITIONS.get(position, "{position}"), position=position
        )
        decimals = settings.get("number_of_decimals")
        if isinstance(decimals, int):
            self.options["decimals"] = decimals
            yield info("decimals", _("Number of decimals"), "{decimals}", decimals=decimals)

    def _theme(self) -> Iterator[Check]:
        theme = part(self.status, "theme")
        name = text(theme, "name")
        if not name:
            return
        self.shown["theme"] = f"{name} {text(theme, 'version')}".strip()
        yield info(
            "theme",
            _("Theme"),
            "{name} {version} {author}",
            name=name,
            version=text(theme, "version"),
            author=text(theme, "author_url"),
        )
        parent = text(theme, "parent_name")
        detail = _("Yes, of {parent}") if theme.get("is_child_theme") else _("No")
        yield info("child_theme", _("Child theme"), detail, parent=parent)
        supported = theme.get("has_woocommerce_support")
        yield info("theme_support", _("WooCommerce support in the theme"), _("Yes") if supported else _("No"))
