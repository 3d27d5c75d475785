"""New and edit: the form, Verify with its live report, and Save, which only a green report of these fields opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from xtnd.companies import access
from xtnd.companies import queries as companies
from xtnd.companies.access import Act
from xtnd.connections import queries, services
from xtnd.connections.models import Connection, Verification, VerificationState
from xtnd.connections.services import INTERRUPTED_AFTER, Refused, Wish, unseal
from xtnd.connectors.base import Connector
from xtnd.connectors.registry import CONNECTORS
from xtnd.core.secrets import Secret
from xtnd.sync import verifying
from xtnd.sync.queries import store
from xtnd.sync.services import ensure_schedules
from xtnd.web.connections import report
from xtnd.web.connections.forms import ConnectionForm, first_of_year
from xtnd.web.connections.guide import has_help, named, steps
from xtnd.web.guard import Request, get_or_404, needs

MOST_RUNNING = 3
"""Reports one user may have running: each is a thread of ours and requests to somebody's server."""


@never_cache
@sensitive_post_parameters()
@needs(Act.MANAGE_CONNECTIONS)
def new(request: Request) -> HttpResponse:
    return _page(request, None)


@never_cache
@sensitive_post_parameters()
@needs(Act.MANAGE_CONNECTIONS)
def edit(request: Request, pk: int) -> HttpResponse:
    return _page(request, _connection(request, pk))


@require_POST
@needs(Act.MANAGE_CONNECTIONS)
def verify_again(request: Request, pk: int) -> HttpResponse:
    """The stored fields, as they are."""
    connection = _connection(request, pk)
    try:
        kept = unseal(bytes(connection.credentials))
    except Refused as refusal:
        messages.error(request, str(refusal))
        return _leave(request, reverse("connection", args=[pk]))
    wish = Wish(
        system=connection.system,
        api_url=connection.api_url,
        credentials={name: secret.reveal() for name, secret in kept.items()},
        order_start=connection.order_start,
    )
    try:
        opened = _start(request, wish, connection.company_group_id, connection)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return _leave(request, reverse("connection", args=[pk]))
    if request.htmx:
        return render(request, "connections/report.html", _report(opened))
    return redirect("connection-verification", pk=opened.pk)


@never_cache
@needs(Act.MANAGE_CONNECTIONS)
def verification(request: Request, pk: UUID) -> HttpResponse:
    """The report so far. htmx says how many lines it has `seen` and gets the new ones."""
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    rows = queries.verifications(_groups(request))
    found = verifying.settled(get_or_404(rows, request.user, Act.MANAGE_CONNECTIONS, pk=pk))
    if not request.htmx:
        return render(request, "connections/verification.html", _report(found))
    said = request.GET.get("seen", "")
    seen = int(said) if said.isascii() and said.isdecimal() and len(said) < 4 else 0
    if found.state == VerificationState.RUNNING and len(found.checks) <= seen:
        return HttpResponse(status=204)
    shown = _report(found, seen=seen, in_form="form" in request.GET)
    if not shown["running"] and found.connection is not None and not shown["in_form"]:
        shown |= {"store": store(found.connection), "connection": found.connection}
    return render(request, "connections/report.html#more", shown)


# ------------------------------------------------------------------ the form


@dataclass(frozen=True, slots=True)
class _Place:
    """The page: which connector, which connection when it is edited, which report was made before."""

    connector: type[Connector]
    connection: Connection | None
    earlier: Verification | None

    @property
    def address(self) -> str:
        return reverse("connection-edit", args=[self.connection.pk]) if self.connection else reverse("connections-new")


def _page(request: Request, connection: Connection | None) -> HttpResponse:
    place = _place(request, connection)
    if request.method != "POST":
        return _shown(request, place, _form(request, place, initial=_initial(request, place)))
    form = _form(request, place, data=request.POST)
    if not form.is_valid():
        return _refused(request, place, form)
    try:
        if request.POST.get("act") == "save":
            return _save(request, place, form)
        return _verify(request, place, form)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _refused(request, place, form)


def _place(request: Request, connection: Connection | None) -> _Place:
    said = request.POST if request.method == "POST" else request.GET
    earlier = _own_verification(request, said.get("verification", ""), connection)
    if connection is not None:
        system = connection.system
    elif request.method == "GET" and earlier is not None and "system" not in said:
        system = earlier.system
    else:
        system = said.get("system", "")
    return _Place(CONNECTORS.get(system, next(iter(CONNECTORS.values()))), connection, earlier)


def _own_verification(request: Request, said: str, connection: Connection | None) -> Verification | None:
    """Of this user: what somebody else typed does not stand for a field left blank."""
    try:
        pk = UUID(said)
    except ValueError:
        return None
    rows = queries.verifications(_groups(request)).filter(created_by=request.user, connection=connection)
    found = rows.filter(pk=pk).first()
    return verifying.settled(found) if found else None


def _form(
    request: Request, place: _Place, *, data: Any = None, initial: Mapping[str, Any] | None = None
) -> ConnectionForm:
    kept, kept_for = _kept(place)
    return ConnectionForm(
        data,
        user=request.user,
        connector=place.connector,
        connection=place.connection,
        kept=kept,
        kept_for=kept_for,
        initial=initial,
    )


def _kept(place: _Place) -> tuple[dict[str, Secret], str]:
    """The credentials for secret fields left blank, and the address they were entered for."""
    source = place.earlier if place.earlier and place.earlier.system == place.connector.system else place.connection
    if source is None:
        return {}, ""
    try:
        return unseal(bytes(source.credentials)), source.api_url
    except Refused:  # the key file is another one: they must be entered again
        return {}, ""


def _initial(request: Request, place: _Place) -> dict[str, Any]:
    """From the address (without JavaScript the fields that are no secrets travel there), the report, the connection."""
    connection, earlier = place.connection, place.earlier
    initial: dict[str, Any] = {"system": place.connector.system}
    if connection is None:
        initial["order_start"] = first_of_year(_zone(request))
    else:
        initial |= {
            "name": connection.name,
            "warehouse": connection.warehouse_id,
            "company_group": connection.company_group_id,
        }
    initial |= {name: request.GET[name] for name in ("name", "warehouse", "company_group") if request.GET.get(name)}
    source = earlier or connection
    if source is not None and source.system == place.connector.system:
        initial |= {"api_url": source.api_url, "order_start": source.order_start}
        open_fields = {field.name for field in place.connector.fields if not field.secret}
        kept, _host = _kept(place)
        initial |= {name: secret.reveal() for name, secret in kept.items() if name in open_fields}
    return initial


def _shown(request: Request, place: _Place, form: ConnectionForm, *, status: int = 200) -> HttpResponse:
    page = {
        "form": form,
        "connection": place.connection,
        "connector": named(place.connector),
        "connectors": [named(one) for one in CONNECTORS.values()],
        "steps": steps(place.connector),
        "verification": place.earlier,
        "address": place.address,
    }
    if place.earlier is not None:
        page |= _report(place.earlier, in_form=True)
    system_chosen = request.htmx and request.method == "GET"
    template = "connections/form.html#system" if system_chosen else "connections/form.html"
    return render(request, template, page, status=status)


def _refused(request: Request, place: _Place, form: ConnectionForm) -> HttpResponse:
    """The errors at their fields. htmx gets them alone, so that the keys just pasted stay in the page."""
    if request.htmx:
        return render(request, "connections/form.html#refused", {"form": form}, status=422)
    return _shown(request, place, form, status=422)


def _verify(request: Request, place: _Place, form: ConnectionForm) -> HttpResponse:
    group = form.group()
    assert group is not None  # noqa: S101 - the form is valid
    opened = _start(request, form.wish(), group.pk, place.connection)
    if request.htmx:
        shown = {"form": form, **_report(opened, in_form=True)}
        return render(request, "connections/form.html#started", shown)
    kept = {name: str(form.data.get(name, "")) for name in ("name", "warehouse", "company_group")}
    return redirect(f"{place.address}?{urlencode({'verification': str(opened.pk), **kept})}")


def _start(request: Request, wish: Wish, group_id: int, connection: Connection | None) -> Verification:
    if queries.running_verifications(request.user, INTERRUPTED_AFTER) >= MOST_RUNNING:
        raise Refused(_("Several verifications are already running. Wait until one has ended."))
    opened = services.open_verification(wish=wish, company_group_id=group_id, user=request.user, connection=connection)
    verifying.start(opened)
    return opened


def _save(request: Request, place: _Place, form: ConnectionForm) -> HttpResponse:
    verified = services.refuse_unless_verified(place.earlier, form.wish())
    name, warehouse = form.cleaned_data["name"], form.cleaned_data["warehouse"]
    if place.connection is not None:
        saved = services.update_connection(
            place.connection, verification=verified, wish=form.wish(), name=name, warehouse=warehouse
        )
        words = _("%(name)s is saved.")
    else:
        group = form.group()
        assert group is not None  # noqa: S101 - the form is valid
        saved = services.create_connection(
            verification=verified,
            wish=form.wish(),
            name=name,
            company_group_id=group.pk,
            warehouse=warehouse,
            user=request.user,
        )
        words = _("%(name)s is saved. Nothing is synchronised yet: switch on the schedules you want below.")
    ensure_schedules(saved)
    messages.success(request, words % {"name": saved.name})
    return redirect("connection", pk=saved.pk)


# ------------------------------------------------------------------ shared


def _report(found: Verification, *, seen: int = 0, in_form: bool = False) -> dict[str, Any]:
    lines = report.lines(found.checks)
    running = found.state == VerificationState.RUNNING
    return {
        "verification": found,
        "running": running,
        "green": found.state == VerificationState.GREEN,
        "lines": lines[seen:],
        "count": len(lines),
        "failed": [line for line in lines if line.outcome == "failed"],
        "warned": sum(line.outcome == "warning" for line in lines),
        "support_text": "" if running else report.support_text(found),
        "help_system": found.system if has_help(found.system) else "",
        "connector": named(CONNECTORS[found.system]),
        "in_form": in_form,
    }


def _connection(request: Request, pk: int) -> Connection:
    rows = queries.connections(_groups(request, Act.SEE))
    return get_or_404(rows, request.user, Act.MANAGE_CONNECTIONS, pk=pk)


def _groups(request: Request, act: Act = Act.MANAGE_CONNECTIONS) -> frozenset[int]:
    return access.groups(request.user, act)


def _zone(request: Request) -> str:
    company = companies.home_company(request.user)
    return company.time_zone if company else "UTC"


def _leave(request: Request, url: str) -> HttpResponse:
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
