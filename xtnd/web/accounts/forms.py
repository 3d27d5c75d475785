from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from xtnd.companies.services import WarehouseFacts
from xtnd.web.settings.forms import CompanyForm

_NEW_PASSWORD = {"autocomplete": "new-password"}


class FirstRunForm(CompanyForm):
    """The owner, the company and the first warehouse on one page."""

    email = forms.EmailField(
        label=_("Email address"),
        help_text=_("You sign in with it."),
        widget=forms.EmailInput({"autocomplete": "username"}),
    )
    owner_name = forms.CharField(label=_("Your name"), max_length=150, widget=forms.TextInput({"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(_NEW_PASSWORD),
        help_text=_("At least ten characters. A few words in a row are easier to remember than one odd word."),
    )
    password_again = forms.CharField(
        label=_("The same password again"), strip=False, widget=forms.PasswordInput(_NEW_PASSWORD)
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    warehouse_code = forms.CharField(
        label=_("Code"), max_length=20, initial="1", help_text=_("Short, for lists and labels. For example JKPG.")
    )
    warehouse_name = forms.CharField(label=_("Name"), max_length=200, initial=_("Main warehouse"))

    OWNER = ("email", "owner_name", "password", "password_again", "language")
    COMPANY = ("name", "country", "org_number", "vat_number", "currency", "time_zone")
    WAREHOUSE = ("warehouse_code", "warehouse_name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for later in ("street", "postcode", "city"):
            del self.fields[later]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if found.get("password") and found.get("password_again") and found["password"] != found["password_again"]:
            self.add_error("password_again", _("The two passwords differ. Write the same one twice."))
        return found

    def warehouse(self) -> WarehouseFacts:
        return WarehouseFacts(code=self.cleaned_data["warehouse_code"], name=self.cleaned_data["warehouse_name"])

    def owner_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.OWNER]

    def company_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.COMPANY]

    def warehouse_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.WAREHOUSE]
