"""One schedule of a connection: its row, its switch, its rhythm with the next three times, and Synchronize now."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.connections.services import Refused
from xtnd.core.time import now
from xtnd.sync import services
from xtnd.sync.models import Schedule
from xtnd.sync.queries import paces
from xtnd.sync.rhythm import Rhythm
from xtnd.web.connections.forms import RhythmForm
from xtnd.web.guard import Request, get_or_404, needs

SHOWN_TIMES = 3


@needs(Act.SEE)
def row(request: Request, pk: int) -> HttpResponse:
    schedule = _schedule(request, pk, Act.SEE)
    if not request.htmx:
        return redirect(_page(schedule))
    return _row(request, schedule)


@needs(Act.MANAGE_CONNECTIONS)
def edit(request: Request, pk: int) -> HttpResponse:
    schedule = _schedule(request, pk, Act.MANAGE_CONNECTIONS)
    if request.method != "POST":
        return _editing(request, schedule, RhythmForm(schedule=schedule), services.rhythm_of(schedule))
    form = RhythmForm(request.POST, schedule=schedule)
    if not form.is_valid():
        return _editing(request, schedule, form, None, status=422)
    services.set_rhythm(schedule, form.cleaned_data["rhythm"])
    return _row(request, schedule) if request.htmx else redirect(_page(schedule))


@needs(Act.MANAGE_CONNECTIONS)
def preview(request: Request, pk: int) -> HttpResponse:
    """The next three times of what stands in the form, or what is wrong with it."""
    schedule = _schedule(request, pk, Act.MANAGE_CONNECTIONS)
    form = RhythmForm(request.GET, schedule=schedule)
    rhythm = form.cleaned_data["rhythm"] if form.is_valid() else None
    return render(request, "connections/rhythm.html#preview", _times(schedule, form, rhythm))


@require_POST
@needs(Act.MANAGE_CONNECTIONS)
def switch(request: Request, pk: int) -> HttpResponse:
    """`on` says the state wanted, so that pressing twice is pressing once."""
    schedule = _schedule(request, pk, Act.MANAGE_CONNECTIONS)
    wanted = request.POST.get("on") == "1"
    if wanted != schedule.active:
        (services.switch_on if wanted else services.switch_off)(schedule)
    return _row(request, schedule) if request.htmx else redirect(_page(schedule))


@require_POST
@needs(Act.SYNCHRONISE)
def run_now(request: Request, pk: int) -> HttpResponse:
    schedule = _schedule(request, pk, Act.SYNCHRONISE)
    try:
        services.synchronise_now(schedule, user=request.user)
    except Refused as refusal:
        if request.htmx:
            return _row(request, schedule, refusal=str(refusal), status=422)
        messages.error(request, str(refusal))
    return _row(request, schedule) if request.htmx else redirect(_page(schedule))


def _row(request: Request, schedule: Schedule, *, refusal: str = "", status: int = 200) -> HttpResponse:
    return render(request, "connections/schedule.html", _shown(request, schedule) | {"refusal": refusal}, status=status)


def _editing(
    request: Request, schedule: Schedule, form: RhythmForm, rhythm: Rhythm | None, *, status: int = 200
) -> HttpResponse:
    page = _shown(request, schedule) | _times(schedule, form, rhythm) | {"editing": True}
    template = "connections/schedule.html" if request.htmx else "connections/rhythm.html"
    return render(request, template, page, status=status)


def _shown(request: Request, schedule: Schedule) -> dict[str, Any]:
    (pace,) = paces(Schedule.objects.filter(pk=schedule.pk))
    group = schedule.connection.company_group_id
    return {
        "pace": pace,
        "connection": schedule.connection,
        "zone": schedule.connection.time_zone,
        "may_manage": access.may(request.user, Act.MANAGE_CONNECTIONS, group),
        "may_synchronise": access.may(request.user, Act.SYNCHRONISE, group),
    }


def _times(schedule: Schedule, form: RhythmForm, rhythm: Rhythm | None) -> dict[str, Any]:
    zone = schedule.connection.time_zone
    times = rhythm.first(SHOWN_TIMES, now(), zone) if rhythm else []
    return {"form": form, "rhythm": rhythm, "times": times, "zone": zone, "schedule": schedule}


def _schedule(request: Request, pk: int, act: Act) -> Schedule:
    rows = Schedule.objects.select_related("connection__company_group", "connection__warehouse__company")
    return get_or_404(rows, request.user, act, group="connection__company_group", pk=pk)


def _page(schedule: Schedule) -> str:
    return f"{reverse('connection', args=[schedule.connection_id])}#schedule-{schedule.pk}"
