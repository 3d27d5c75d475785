from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from xtnd.companies import access, queries, services
from xtnd.companies.access import Act
from xtnd.companies.models import CompanyGroup, Membership, Role
from xtnd.web.forms import take_errors
from xtnd.web.guard import Request, get_or_404, needs
from xtnd.web.settings.forms import NewUserForm


@needs(Act.MANAGE_COMPANY)
def index(request: Request) -> HttpResponse:
    page = {"memberships": queries.memberships(request.user), "roles": Role.choices}
    return render(request, "settings/users.html", page)


@never_cache
@needs(Act.MANAGE_COMPANY)
def add(request: Request) -> HttpResponse:
    groups = CompanyGroup.objects.filter(pk__in=access.groups(request.user, Act.MANAGE_COMPANY))
    asked = request.POST.get("group", "")
    group = get_object_or_404(groups, pk=int(asked)) if asked.isdecimal() else groups.first()
    form = NewUserForm(request.POST or None, initial={"language": request.user.language})
    status = 200
    if request.method == "POST" and group is not None:
        if form.is_valid():
            try:
                user, password = services.add_user(group=group, **form.cleaned_data)
            except ValidationError as error:
                take_errors(form, error)
            else:
                return render(request, "settings/user_password.html", {"person": user, "password": password})
        status = 422
    return render(request, "settings/user_new.html", {"form": form, "groups": groups}, status=status)


@require_POST
@needs(Act.MANAGE_COMPANY)
def change_role(request: Request, pk: int) -> HttpResponse:
    membership = _membership(request, pk)
    try:
        services.change_role(membership=membership, role=request.POST.get("role", ""))
    except (services.Refused, ValidationError) as refusal:
        messages.error(request, _words(refusal))
    else:
        told = {"name": membership.user, "role": membership.get_role_display()}
        messages.success(request, _("%(name)s now has the role %(role)s.") % told)
    return redirect("settings-users")


@require_POST
@needs(Act.MANAGE_COMPANY)
def switch_off(request: Request, pk: int) -> HttpResponse:
    membership = _membership(request, pk)
    try:
        services.switch_off(membership=membership)
    except services.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("%(name)s can no longer sign in here.") % {"name": membership.user})
    return redirect("settings-users")


@require_POST
@needs(Act.MANAGE_COMPANY)
def switch_on(request: Request, pk: int) -> HttpResponse:
    membership = _membership(request, pk)
    services.switch_on(membership=membership)
    messages.success(request, _("%(name)s can sign in again.") % {"name": membership.user})
    return redirect("settings-users")


@never_cache
@require_POST
@needs(Act.MANAGE_COMPANY)
def renew_password(request: Request, pk: int) -> HttpResponse:
    membership = _membership(request, pk)
    try:
        password = services.renew_password(membership=membership)
    except services.Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("settings-users")
    return render(request, "settings/user_password.html", {"person": membership.user, "password": password})


def _membership(request: Request, pk: int) -> Membership:
    rows = Membership.objects.select_related("user", "group")
    return get_or_404(rows, request.user, Act.MANAGE_COMPANY, group="group", pk=pk)


def _words(refusal: services.Refused | ValidationError) -> str:
    return " ".join(refusal.messages) if isinstance(refusal, ValidationError) else str(refusal)
