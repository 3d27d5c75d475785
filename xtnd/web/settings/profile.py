from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _

from xtnd.companies import services
from xtnd.companies.models import Membership
from xtnd.web.guard import Request, signed_in
from xtnd.web.settings.forms import ProfileForm
from xtnd.web.views import remember_language


@signed_in
def edit(request: Request) -> HttpResponse:
    form = ProfileForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        services.change_profile(user=request.user, **form.cleaned_data)
        with translation.override(request.user.language):
            messages.success(request, _("Your profile is saved."))
        answer = redirect("settings-profile")
        remember_language(answer, request.user.language)
        return answer
    page = {"form": form, "memberships": Membership.objects.filter(user=request.user).select_related("group")}
    return render(request, "settings/profile.html", page, status=422 if form.is_bound else 200)
