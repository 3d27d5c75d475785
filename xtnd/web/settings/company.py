from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from xtnd.companies import queries, services
from xtnd.companies.access import Act
from xtnd.companies.models import Company
from xtnd.web.forms import take_errors
from xtnd.web.guard import Request, get_or_404, needs, signed_in
from xtnd.web.settings.forms import CompanyForm


@signed_in
def index(request: Request) -> HttpResponse:
    return render(request, "settings/index.html")


@needs(Act.MANAGE_COMPANY)
def edit(request: Request) -> HttpResponse:
    """The company, or the one of several that `?company=` names."""
    mine = list(queries.companies(request.user, Act.MANAGE_COMPANY))
    company = _chosen(request, mine)
    form = CompanyForm(request.POST or None, company=company)
    status = 200
    if request.method == "POST":
        if _saved(form, company):
            messages.success(request, _("The company is saved."))
            return redirect(request.get_full_path())
        status = 422
    return render(
        request, "settings/company.html", {"form": form, "company": company, "companies": mine}, status=status
    )


def _chosen(request: Request, mine: list[Company]) -> Company:
    asked = request.GET.get("company", "")
    if asked:
        if not asked.isdecimal():
            raise Http404
        return get_or_404(Company.objects.all(), request.user, Act.MANAGE_COMPANY, group="group", pk=int(asked))
    if not mine:
        raise Http404
    return mine[0]


def _saved(form: CompanyForm, company: Company) -> bool:
    if not form.is_valid():
        return False
    try:
        services.change_company(company=company, facts=form.facts())
    except ValidationError as error:
        take_errors(form, error)
        return False
    return True
