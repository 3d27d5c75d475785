"""S1: every route × every role × another company group's ids. The table is `routes.py`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver

from tests import builders
from tests.web.routes import PUBLIC, ROUTES, SIGNED_IN, Route
from xtnd.companies import access
from xtnd.companies.models import CompanyGroup, Role, User

LOGIN = "/account/login/"
GUARDED = sorted(name for name, route in ROUTES.items() if route.needs != PUBLIC)
WITH_IDS = sorted(name for name, route in ROUTES.items() if route.ids and not route.never_found)


def _patterns(patterns: list[URLPattern | URLResolver], above: str = "") -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        address = above + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, address)
        else:
            yield pattern.name or address, address


def _address(name: str, group: CompanyGroup) -> str:
    ids = ROUTES[name].ids
    return reverse(name, kwargs=ids(group) if ids else None)


def _ask(client: Client, name: str, address: str) -> HttpResponse:
    return client.post(address) if ROUTES[name].method == "post" else client.get(address)


def _to_login(answer: HttpResponse) -> bool:
    return answer.status_code == 302 and answer["Location"].startswith(LOGIN)


def _allowed(route: Route, user: User) -> bool:
    return route.needs == SIGNED_IN or access.may(user, route.needs)


@pytest.fixture
def ours(db: None) -> CompanyGroup:
    group = builders.make_company(name="Ours AB").group
    builders.make_user(role=Role.OWNER, group=group)
    builders.make_warehouse(group=group)
    return group


@pytest.fixture
def theirs(db: None) -> CompanyGroup:
    group = builders.make_company(name="Theirs AB").group
    builders.make_user(role=Role.OWNER, group=group)
    builders.make_warehouse(group=group)
    return group


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    named = dict(_patterns(get_resolver().url_patterns))
    missing = {name: address for name, address in named.items() if name not in ROUTES}
    assert not missing, "say in tests/web/routes.py who may use these routes"
    assert not set(ROUTES) - set(named), "these routes are gone: remove their rows from tests/web/routes.py"


def test_every_route_with_ids_makes_them() -> None:
    with_ids = {name for name, address in _patterns(get_resolver().url_patterns) if "<" in address}
    assert not {name for name in with_ids if ROUTES[name].ids is None}, "these rows need ids="


@pytest.mark.parametrize("name", GUARDED)
def test_strangers_are_sent_to_sign_in(name: str, ours: CompanyGroup) -> None:
    assert _to_login(_ask(Client(), name, _address(name, ours)))


@pytest.mark.parametrize("name", GUARDED)
def test_fragments_are_refused_to_strangers(name: str, ours: CompanyGroup) -> None:
    """htmx gets no page it would swap into a table."""
    answer = getattr(Client(), ROUTES[name].method)(_address(name, ours), headers={"HX-Request": "true"})
    assert _to_login(answer) or answer.headers.get("HX-Redirect", "").startswith(LOGIN)


@pytest.mark.parametrize("name", GUARDED)
@pytest.mark.parametrize("role", Role.values)
def test_a_role_gets_what_it_may_and_nothing_else(name: str, role: str, ours: CompanyGroup) -> None:
    user = builders.make_user(role=role, group=ours, password="x")
    client = Client()
    client.force_login(user)
    answer = _ask(client, name, _address(name, ours))
    if not _allowed(ROUTES[name], user):
        assert answer.status_code == 403
        assert client.post(_address(name, ours)).status_code in (403, 405)
    elif ROUTES[name].never_found:
        assert answer.status_code in (302, 404)
    else:
        assert answer.status_code in (200, 204, 302, 400, 422), answer.status_code
        assert not _to_login(answer)


@pytest.mark.parametrize("name", WITH_IDS)
@pytest.mark.parametrize("role", Role.values)
def test_another_groups_ids_do_not_exist(name: str, role: str, ours: CompanyGroup, theirs: CompanyGroup) -> None:
    user = builders.make_user(role=role, group=ours)
    client = Client()
    client.force_login(user)
    expected = 404 if _allowed(ROUTES[name], user) else 403
    answers = {_ask(client, name, _address(name, theirs)).status_code, client.post(_address(name, theirs)).status_code}
    assert expected in answers
    assert answers <= {expected, 405}


@pytest.mark.parametrize("name", sorted(name for name, route in ROUTES.items() if route.needs == PUBLIC))
def test_public_routes_are_public(name: str, ours: CompanyGroup) -> None:
    answer = _ask(Client(), name, _address(name, ours))
    assert answer.status_code in (200, 302, 405)


def test_a_switched_off_user_is_a_stranger(ours: CompanyGroup) -> None:
    user = builders.make_user(group=ours)
    client = Client()
    client.force_login(user)
    assert client.get("/settings/").status_code == 200
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert _to_login(client.get("/settings/"))
