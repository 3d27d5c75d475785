"""Who gets through the door of a view: `@needs(Act.SEE)`, `@signed_in`, and rows limited to the visitor's groups."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.companies.models import User


class Request(HttpRequest):
    """What a guarded view gets: somebody is signed in."""

    user: User
    htmx: HtmxDetails


M = TypeVar("M", bound=Model)
P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
Guarded = Callable[Concatenate[Request, P], R]
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def needs(act: Act) -> Callable[[Guarded[P, R]], View[P]]:
    """Strangers sign in first; a user who may not do `act` in any group gets the 403 page."""

    def wrap(view: Guarded[P, R]) -> View[P]:
        return _door(view, act)

    return wrap


def signed_in(view: Guarded[P, R]) -> View[P]:
    """Any signed-in user, whatever the role: the profile."""
    return _door(view, None)


def limited(rows: QuerySet[M], user: User, act: Act = Act.SEE, *, group: str = "company_group") -> QuerySet[M]:
    """Only the rows of groups in which the user may do `act`; `group` is the path to the group's key."""
    return rows.filter(**{f"{group}__in": access.groups(user, act)})


def get_or_404(rows: QuerySet[M], user: User, act: Act = Act.SEE, *, group: str = "company_group", **lookup: Any) -> M:
    """One row. What the user may not see is 404, what they see but may not touch is 403."""
    found = get_object_or_404(limited(rows, user, Act.SEE, group=group), **lookup)
    if act is not Act.SEE and not limited(rows, user, act, group=group).filter(pk=found.pk).exists():
        raise PermissionDenied
    return found


def _door(view: Guarded[P, R], act: Act | None) -> View[P]:
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not isinstance(request.user, User) or not request.user.is_active:
            return _sign_in(request)
        if act is not None and not access.may(request.user, act):
            raise PermissionDenied
        if request.user.password_is_temporary:
            return _leave_for(request, reverse("account_change_password"))
        return view(request, *args, **kwargs)  # type: ignore[arg-type]  # the user was just checked

    guarded.needs = act or "signed in"  # type: ignore[attr-defined]  # read by tests/web/test_routes_by_role.py
    return guarded


def _sign_in(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request") == "true":
        return _leave_for(request, reverse("account_login"))
    return redirect_to_login(request.get_full_path())


def _leave_for(request: HttpRequest, url: str) -> HttpResponse:
    """A fragment cannot hold another page: htmx is told to leave for it."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponseClientRedirect(url)
    return HttpResponseRedirect(url)
