"""The first page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.connections.models import Connection
from xtnd.sync.models import Schedule
from xtnd.web.dashboard.attention import active_schedules, matters
from xtnd.web.dashboard.sales import DAYS, sales
from xtnd.web.guard import Request, needs


@dataclass(frozen=True, slots=True)
class Health:
    """The synchronisation of one connection."""

    connection: Connection
    active: int
    """Schedules that are switched on."""
    failing: int
    last_success_at: datetime | None
    next_run_at: datetime | None


@needs(Act.SEE)
def dashboard(request: Request) -> HttpResponse:
    groups = access.groups(request.user)
    connections = list(Connection.objects.filter(company_group__in=groups).only("name", "state", "system"))
    zone = str(timezone.get_current_timezone())
    sold = sales(groups, {one.pk: one.name for one in connections}, today=timezone.localdate(), zone=zone)
    shown = {
        "connections": connections,
        "matters": matters(groups, timezone.now()) if connections else [],
        "sales": sold,
        "chart": sold.chart(),
        "days": DAYS,
        "zone": zone,
        "health": _health(connections, list(active_schedules(groups))),
    }
    return render(request, "dashboard/dashboard.html", shown)


def _health(connections: Sequence[Connection], schedules: Sequence[Schedule]) -> list[Health]:
    """Broken first."""
    rows = []
    for connection in connections:
        own = [one for one in schedules if one.connection_id == connection.pk]
        rows.append(
            Health(
                connection,
                len(own),
                sum(one.failures > 0 for one in own),
                max((one.last_success_at for one in own if one.last_success_at), default=None),
                min((one.next_run_at for one in own if one.next_run_at), default=None),
            )
        )
    order = {"attention": 0, "active": 2, "paused": 3}
    return sorted(rows, key=lambda one: (1 if one.failing else order.get(one.connection.state, 2), one.connection.name))
