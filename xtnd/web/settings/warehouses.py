from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from xtnd.companies import queries, services
from xtnd.companies.access import Act
from xtnd.companies.models import Company, Warehouse
from xtnd.web.forms import take_errors
from xtnd.web.guard import Request, get_or_404, needs
from xtnd.web.settings.forms import WarehouseForm


@needs(Act.MANAGE_COMPANY)
def index(request: Request) -> HttpResponse:
    return render(
        request, "settings/warehouses.html", {"warehouses": queries.warehouses(request.user, Act.MANAGE_COMPANY)}
    )


@needs(Act.MANAGE_COMPANY)
def add(request: Request) -> HttpResponse:
    companies = list(queries.companies(request.user, Act.MANAGE_COMPANY))
    return _form_page(request, Warehouse(company=_company(request, companies)), companies=companies)


@needs(Act.MANAGE_COMPANY)
def edit(request: Request, pk: int) -> HttpResponse:
    return _form_page(request, _warehouse(request, pk))


@require_POST
@needs(Act.MANAGE_COMPANY)
def delete(request: Request, pk: int) -> HttpResponse:
    warehouse = _warehouse(request, pk)
    try:
        services.delete_warehouse(warehouse=warehouse)
    except services.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The warehouse %(name)s is deleted.") % {"name": warehouse.name})
    return redirect("settings-warehouses")


def _form_page(request: Request, warehouse: Warehouse, *, companies: list[Company] | None = None) -> HttpResponse:
    form = WarehouseForm(request.POST or None, warehouse=warehouse if warehouse.pk else None)
    status = 200
    if request.method == "POST":
        if _saved(form, warehouse):
            messages.success(request, _("The warehouse %(name)s is saved.") % {"name": warehouse.name})
            return redirect("settings-warehouses")
        status = 422
    page = {"form": form, "warehouse": warehouse, "companies": companies or []}
    return render(request, "settings/warehouse.html", page, status=status)


def _saved(form: WarehouseForm, warehouse: Warehouse) -> bool:
    if not form.is_valid():
        return False
    try:
        services.change_warehouse(warehouse=warehouse, facts=form.facts())
    except ValidationError as error:
        take_errors(form, error)
        return False
    return True


def _company(request: Request, companies: list[Company]) -> Company:
    """The one posted when there are several to choose from, otherwise the first."""
    asked = request.POST.get("company", "")
    if asked.isdecimal():
        return get_or_404(Company.objects.all(), request.user, Act.MANAGE_COMPANY, group="group", pk=int(asked))
    return companies[0]


def _warehouse(request: Request, pk: int) -> Warehouse:
    rows = Warehouse.objects.select_related("company")
    return get_or_404(rows, request.user, Act.MANAGE_COMPANY, group="company__group", pk=pk)
