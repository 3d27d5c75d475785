"""Start the demo store, connect it, and fetch everything once. Its schedules stay off, like any store's."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.companies.models import Warehouse
from xtnd.connections.services import Refused
from xtnd.sync import demo
from xtnd.sync.demo_connection import connect_demo
from xtnd.sync.services import ensure_schedules, synchronise_now
from xtnd.web.guard import Request, needs


@require_POST
@needs(Act.MANAGE_CONNECTIONS)
def start(request: Request) -> HttpResponse:
    demo.wish()
    store = demo.await_address(settings.DEMO_PATIENCE)
    if store is None:
        messages.error(request, _("The demo store did not start. It runs with xtnd serve, not with xtnd web alone."))
        return redirect("connections")
    group_id = min(access.groups(request.user, Act.MANAGE_CONNECTIONS))
    warehouse = Warehouse.objects.filter(company__group=group_id).order_by("id").first()
    try:
        connection = connect_demo(company_group_id=group_id, warehouse=warehouse, user=request.user, store=store)
        for schedule in ensure_schedules(connection):
            synchronise_now(schedule, user=request.user)
    except Refused as error:
        messages.error(request, str(error))
        return redirect("connections")
    messages.success(request, _("The demo store is connected and its orders are on their way."))
    return redirect("connection", connection.pk)
