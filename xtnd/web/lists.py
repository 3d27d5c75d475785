"""What every list page does: its query in the address, chips that take a filter away, a fragment for htmx."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.db.models import TextChoices
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from xtnd.core.terms import Typed
from xtnd.database.found import too_short

PAGE_SIZE = 50
MOST_TYPED = 500
"""Characters read from a search box."""


@dataclass(frozen=True, slots=True)
class Chip:
    label: str
    query: str
    """The page's query without this filter."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A tab or a filter's option."""

    label: str
    query: str
    active: bool


def written(request: HttpRequest, name: str = "find") -> str:
    """What stands in the search box."""
    return request.GET.get(name, "").replace("\0", "").strip()[:MOST_TYPED]


def chosen(request: HttpRequest, name: str, choices: type[TextChoices], default: str) -> str:
    """The value of a parameter that has a list of them; anything else is the default."""
    said = request.GET.get(name, "")
    return said if said in choices.values else default


def query(**values: object) -> str:
    """`tab=unpaid&find=anna`: only what is set, so that addresses stay short."""
    return urlencode({name: value for name, value in values.items() if value not in ("", None)})


def chips(asked: Typed, **others: object) -> list[Chip]:
    """One for each term, and one for the free words together."""
    found = [Chip(str(term), query(**others, find=str(asked.without(term)))) for term in asked.terms]
    if asked.words:
        found.append(Chip(" ".join(asked.words), query(**others, find=str(asked.without_words()))))
    return found


def shortness(words: Sequence[str]) -> list[str]:
    """A sentence for each word the index cannot find."""
    return [
        _("“%(word)s” is too short to search for: write at least three characters.") % {"word": word}
        for word in too_short(words)
    ]


def answer(request: HttpRequest, template: str, shown: dict[str, Any]) -> HttpResponse:
    """The page, or only its partial `list` when htmx asks for that."""
    fragment = request.headers.get("HX-Request") == "true" and request.headers.get("HX-Target") == "list"
    response = render(request, f"{template}#list" if fragment else template, shown)
    # The back button must not get the fragment as a page.
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def outward(address: str) -> str:
    """An address a store gave us, fit for a link: http and https only. `javascript:` must not become a click."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return address if parts.scheme in ("http", "https") and parts.netloc else ""
