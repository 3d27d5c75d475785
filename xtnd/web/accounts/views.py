from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from xtnd.companies import services
from xtnd.companies.models import User
from xtnd.web import menu
from xtnd.web.accounts.forms import FirstRunForm
from xtnd.web.forms import take_errors
from xtnd.web.views import remember_language

_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@never_cache
@sensitive_post_parameters("password", "password_again")
def first_run(request: HttpRequest) -> HttpResponse:
    """Makes the owner, the company and a warehouse, once. Afterwards the page leads to the dashboard."""
    if User.objects.exists():
        return redirect("dashboard")
    starts = {
        "language": translation.get_language(),
        "country": "SE",
        "currency": "SEK",
        "time_zone": "Europe/Stockholm",
    }
    form = FirstRunForm(request.POST or None, initial=starts)
    if request.method == "POST" and form.is_valid():
        try:
            owner = _found(form)
        except services.AlreadyFounded:
            messages.info(request, _("Somebody else has just created the owner. Sign in, or ask them for an account."))
            return redirect("account_login")
        except ValidationError as error:
            take_errors(form, error, {"code": "warehouse_code"})
        else:
            return _welcome(request, owner)
    return render(request, "account/first_run.html", {"form": form}, status=422 if form.is_bound else 200)


def _found(form: FirstRunForm) -> User:
    said = form.cleaned_data
    return services.found(
        email=said["email"],
        password=said["password"],
        name=said["owner_name"],
        language=said["language"],
        company=form.facts(),
        warehouse=form.warehouse(),
    )


def _welcome(request: HttpRequest, owner: User) -> HttpResponse:
    login(request, owner, backend=_BACKEND)
    with translation.override(owner.language):
        messages.success(request, _("Your company is ready. Next: connect your first store."))
    answer = redirect(menu.resolve("connections-new") or "dashboard")
    remember_language(answer, owner.language)
    return answer


def forgotten_password(request: HttpRequest) -> HttpResponse:
    """No email leaves this installation, so no link can be sent: the page says what to type on the server instead."""
    return render(request, "account/password_reset.html")
