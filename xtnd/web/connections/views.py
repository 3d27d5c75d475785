"""The list of connections, one connection with its schedules, pause and delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.connections import queries, services
from xtnd.connections.models import Connection
from xtnd.connections.services import Refused
from xtnd.connectors.base import Outcome
from xtnd.connectors.registry import CONNECTORS
from xtnd.core.text import Text
from xtnd.sync.models import Run
from xtnd.sync.queries import holdings, store, stores
from xtnd.sync.removing import delete_connection
from xtnd.web import menu
from xtnd.web.connections import report
from xtnd.web.connections.guide import named
from xtnd.web.guard import Request, get_or_404, needs

RECENT_RUNS = 10


@needs(Act.SEE)
def index(request: Request) -> HttpResponse:
    page = {
        "stores": stores(access.groups(request.user)),
        "systems": {key: connector.label for key, connector in CONNECTORS.items()},
        "demo_url": menu.resolve("demo-start"),
        "many_groups": len(access.groups(request.user)) > 1,
    }
    return render(request, "connections/index.html", page)


@needs(Act.SEE)
def detail(request: Request, pk: int) -> HttpResponse:
    connection = _connection(request, pk, Act.SEE)
    return render(request, "connections/detail.html", _shown(request, connection))


@require_POST
@needs(Act.MANAGE_CONNECTIONS)
def pause(request: Request, pk: int) -> HttpResponse:
    connection = _connection(request, pk)
    services.pause(connection)
    messages.success(
        request, _("%(name)s is paused. What was read stays, and so does where it was.") % _named(connection)
    )
    return redirect("connection", pk=pk)


@require_POST
@needs(Act.MANAGE_CONNECTIONS)
def activate(request: Request, pk: int) -> HttpResponse:
    connection = _connection(request, pk)
    services.activate(connection)
    messages.success(request, _("%(name)s is active again.") % _named(connection))
    return redirect("connection", pk=pk)


@needs(Act.MANAGE_CONNECTIONS)
def delete(request: Request, pk: int) -> HttpResponse:
    """Asks for the name first: what is deleted does not come back."""
    connection = _connection(request, pk)
    page: dict[str, Any] = {"connection": connection, "holdings": holdings(connection)}
    if request.method != "POST":
        return render(request, "connections/delete.html", page)
    said = request.POST.get("name", "").strip()
    if said != connection.name:
        page |= {"said": said, "error": _("This is not the connection's name. Nothing was deleted.")}
        return render(request, "connections/delete.html", page, status=422)
    try:
        delete_connection(connection)
    except Refused as refusal:
        page |= {"said": said, "error": str(refusal)}
        return render(request, "connections/delete.html", page, status=422)
    messages.success(request, _("%(name)s is deleted.") % _named(connection))
    return redirect("connections")


def _shown(request: Request, connection: Connection) -> dict[str, Any]:
    connector = CONNECTORS[connection.system]
    lines = report.lines(connection.report)
    secrets = {field.name: field.label for field in connector.fields if field.secret}
    runs = Run.objects.filter(connection=connection).order_by("-queued_at", "-id")[:RECENT_RUNS]
    group = connection.company_group_id
    return {
        "connection": connection,
        "connector": named(connector),
        "store": store(connection),
        "facts": _facts(connection, lines),
        "lines": lines,
        "troubled": [line for line in lines if line.troubled],
        "red": any(line.outcome == Outcome.FAILED for line in lines),
        "support_text": report.support_text(connection) if lines else "",
        "hints": [
            (label, connection.credential_hints[name])
            for name, label in secrets.items()
            if connection.credential_hints.get(name)
        ],
        "runs": runs,
        "may_manage": access.may(request.user, Act.MANAGE_CONNECTIONS, group),
        "may_synchronise": access.may(request.user, Act.SYNCHRONISE, group),
    }


def _facts(connection: Connection, lines: Sequence[report.Line]) -> list[tuple[Text, Text]]:
    """(label, value) from the report; from the last green one when the report did not come that far."""
    told = [(line.label, line.detail) for line in lines if line.outcome == Outcome.INFO]
    known = [(Text(name.replace("_", " ").capitalize()), str(said)) for name, said in connection.facts.items()]
    return told or [(label, Text("{value}", {"value": said})) for label, said in known]


def _connection(request: Request, pk: int, act: Act = Act.MANAGE_CONNECTIONS) -> Connection:
    return get_or_404(queries.connections(access.groups(request.user)), request.user, act, pk=pk)


def _named(connection: Connection) -> dict[str, str]:
    return {"name": connection.name}
