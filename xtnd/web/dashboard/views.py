"""The first page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.sync.queries import stores
from xtnd.web.dashboard.attention import matters
from xtnd.web.dashboard.sales import DAYS, sales
from xtnd.web.guard import Request, needs


@needs(Act.SEE)
def dashboard(request: Request) -> HttpResponse:
    groups = access.groups(request.user)
    health = stores(groups)
    connections = [store.connection for store in health]
    zone = str(timezone.get_current_timezone())
    sold = sales(groups, {one.pk: one.name for one in connections}, today=timezone.localdate(), zone=zone)
    shown = {
        "connections": connections,
        "matters": matters(groups, timezone.now()) if connections else [],
        "sales": sold,
        "chart": sold.chart(),
        "days": DAYS,
        "zone": zone,
        "health": health,
    }
    return render(request, "dashboard/dashboard.html", shown)
