"""What every page's shell shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from xtnd.companies import access
from xtnd.web import menu


def shell(request: HttpRequest) -> dict[str, Any]:
    """`menu_sections`, `acts` (`{% if "manage_company" in acts %}`), `search_url`, `languages`. Read when drawn."""
    return {
        "menu_sections": SimpleLazyObject(lambda: menu.sections(_acts(request), request.path)),
        "acts": SimpleLazyObject(lambda: _acts(request)),
        "search_url": menu.resolve("search"),
        "languages": settings.LANGUAGES,
    }


def _acts(request: HttpRequest) -> frozenset[access.Act]:
    user = getattr(request, "user", None)
    return frozenset(access.acts(user)) if user is not None else frozenset()
