"""The language switch and the answer to a form without its token."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from xtnd.companies import services
from xtnd.companies.models import User


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Remembered for the user when signed in, and in the browser always (the sign-in page asks there)."""
    language = request.POST.get("language", "")
    onward = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(onward, {request.get_host()}, require_https=request.is_secure()):
        onward = "/"
    answer = HttpResponseRedirect(onward)
    if language not in dict(settings.LANGUAGES):
        return answer
    if isinstance(request.user, User):
        services.change_profile(user=request.user, name=request.user.name, language=language)
    remember_language(answer, language)
    return answer


def remember_language(answer: HttpResponse, language: str) -> None:
    answer.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 24 * 3600,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form from an old page or another site. `reason` is for developers and stays out of the page."""
    return render(request, "csrf.html", status=403)
