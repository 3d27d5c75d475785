"""The menu: every entry with the act it needs. Entries nobody may use, or whose page is missing, are left out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from xtnd.companies.access import Act


@dataclass(frozen=True)
class Entry:
    label: Promise | str
    url_name: str
    icon: str
    act: Act


@dataclass(frozen=True)
class Section:
    label: Promise | str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Item:
    """An entry as one visitor sees it."""

    label: Promise | str
    url: str
    icon: str
    active: bool


MENU = (
    Section(
        "",
        (
            Entry(_("Dashboard"), "dashboard", "home", Act.SEE),
            Entry(_("Orders"), "orders", "shopping-cart", Act.SEE),
            Entry(_("Products"), "products", "package", Act.SEE),
            Entry(_("Stock"), "stock", "building-warehouse", Act.SEE),
            Entry(_("Customers"), "customers", "users", Act.SEE),
        ),
    ),
    Section(
        _("Settings"),
        (
            Entry(_("External system connectors"), "connections", "plug-connected", Act.SEE),
            Entry(_("Runs"), "runs", "history", Act.SEE),
            Entry(_("Record issues"), "record-issues", "alert-triangle", Act.SEE),
            Entry(_("Company"), "settings-company", "building", Act.MANAGE_COMPANY),
            Entry(_("Users"), "settings-users", "user-cog", Act.MANAGE_COMPANY),
        ),
    ),
)


def resolve(url_name: str) -> str:
    """The page's address, or "" while there is no such page."""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def sections(may: Collection[Act], path: str) -> list[tuple[Promise | str, list[Item]]]:
    """What a visitor with these acts sees, with the entry of the page at `path` marked."""
    seen = [
        (
            section.label,
            [(entry, url) for entry in section.entries if entry.act in may and (url := resolve(entry.url_name))],
        )
        for section in MENU
    ]
    here = max((url for _label, entries in seen for _entry, url in entries if _inside(path, url)), key=len, default="")
    return [
        (label, [Item(entry.label, url, entry.icon, url == here) for entry, url in entries])
        for label, entries in seen
        if entries
    ]


def _inside(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(url))
