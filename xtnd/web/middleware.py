"""What every page needs to know first: is there an owner yet, which language, which time zone."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation

from xtnd.companies import queries
from xtnd.companies.models import User

Respond = Callable[[HttpRequest], HttpResponse]


class UserLanguage:
    """The signed-in user's own language wins over the browser's."""

    def __init__(self, get_response: Respond) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if isinstance(user, User) and user.language != translation.get_language():
            translation.activate(user.language)
            request.LANGUAGE_CODE = user.language
        return self._get_response(request)


class CompanyTime:
    """Times are shown as the clock on the company's wall shows them."""

    def __init__(self, get_response: Respond) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        zone = queries.time_zone_of(user) if isinstance(user, User) else None
        with timezone.override(zoneinfo.ZoneInfo(zone) if zone else None):
            return self._get_response(request)


class FirstRun:
    """Until there is an owner, every page is the page that makes one."""

    def __init__(self, get_response: Respond) -> None:
        self._get_response = get_response
        self._owned = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not self._owned:
            self._owned = User.objects.exists()
            first = reverse("first-run")
            open_paths = (first, "/static/", "/health/", reverse("set-language"))
            if not self._owned and not request.path.startswith(open_paths):
                return redirect(first)
        return self._get_response(request)
