"""The list of runs, and one run while it works."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.connections.queries import connections
from xtnd.connectors.base import Entity
from xtnd.database import keyset
from xtnd.sync import queries, services
from xtnd.sync.models import OPEN_STATES, IssueState, RecordIssue, Run, RunState, Trigger
from xtnd.web.guard import Request, get_or_404, needs
from xtnd.web.lists import PAGE_SIZE
from xtnd.web.sync import words
from xtnd.web.sync.filters import chosen, chosen_connection


@needs(Act.SEE)
def index(request: Request) -> HttpResponse:
    stores = list(connections(access.groups(request.user)))
    connection = chosen_connection(request, stores)
    asked = {
        "entity": chosen(request, "entity", Entity),
        "state": chosen(request, "state", RunState.values),
        "trigger": chosen(request, "trigger", Trigger.values),
    }
    walked = [connection.pk] if connection else [store.pk for store in stores]
    page = keyset.page(
        queries.runs(walked, **asked), order="-queued_at", token=request.GET.get("page", ""), size=PAGE_SIZE
    )
    shown = {
        "page": page,
        "connections": stores,
        "connection": connection,
        "entities": words.ENTITIES.items(),
        "states": RunState.choices,
        "triggers": Trigger.choices,
        "asked": asked,
        "filtered": bool(connection or any(asked.values())),
    }
    return render(request, "sync/runs.html", shown)


@needs(Act.SEE)
def detail(request: Request, pk: UUID) -> HttpResponse:
    run = _run(request, pk, Act.SEE)
    if not request.htmx:
        return render(request, "sync/run.html", _shown(request, run))
    changed = request.GET.get("state", "") != run.state
    return render(request, "sync/run.html#live", _shown(request, run) | {"say": changed})


@require_POST
@needs(Act.SYNCHRONISE)
def cancel(request: Request, pk: UUID) -> HttpResponse:
    run = _run(request, pk, Act.SYNCHRONISE)
    services.request_cancel(run)
    if request.htmx:
        return render(request, "sync/run.html#live", _shown(request, _run(request, pk, Act.SEE)) | {"say": True})
    messages.info(request, _("The run ends after the page it is storing."))
    return redirect("run", pk=pk)


def _shown(request: Request, run: Run) -> dict[str, Any]:
    issues = RecordIssue.objects.filter(connection=run.connection, entity=run.entity, state=IssueState.OPEN)
    return {
        "run": run,
        "open": run.state in OPEN_STATES,
        "progress": queries.progress(run),
        "advice": words.advice(run),
        "issues": issues.count(),
        "may_synchronise": access.may(request.user, Act.SYNCHRONISE, run.connection.company_group_id),
    }


def _run(request: Request, pk: UUID, act: Act) -> Run:
    rows = queries.whole_runs(access.groups(request.user))
    return get_or_404(rows, request.user, act, group="connection__company_group", pk=pk)
