from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from xtnd.companies import places
from xtnd.companies.models import Company, Role, User, Warehouse
from xtnd.companies.services import CompanyFacts, WarehouseFacts
from xtnd.web.forms import CountrySelect, SearchedText, fieldless_helper


class CompanyForm(forms.Form):
    name = forms.CharField(
        label=_("Company name"), max_length=200, widget=forms.TextInput({"autocomplete": "organization"})
    )
    country = forms.ChoiceField(label=_("Country"), choices=places.countries, widget=CountrySelect({"data-fills": ""}))
    org_number = forms.CharField(
        label=_("Organisation number"),
        max_length=20,
        required=False,
        help_text=_("In Sweden ten digits, such as 556036-0793. The check digit is verified."),
    )
    vat_number = forms.CharField(
        label=_("VAT number"),
        max_length=20,
        required=False,
        help_text=_("Leave it empty in Sweden: it follows from the organisation number."),
    )
    currency = forms.ChoiceField(
        label=_("Currency"), choices=places.currencies, help_text=_("The currency of your books.")
    )
    time_zone = forms.CharField(
        label=_("Time zone"),
        max_length=64,
        widget=SearchedText(places.time_zones),
        help_text=_("Decides when a day begins and ends. Type a few letters of the nearest city."),
    )
    street = forms.CharField(label=_("Street"), max_length=200, required=False)
    postcode = forms.CharField(label=_("Postcode"), max_length=20, required=False)
    city = forms.CharField(label=_("City"), max_length=100, required=False)

    def __init__(self, *args: Any, company: Company | None = None, **kwargs: Any) -> None:
        if company is not None:
            kwargs["initial"] = {name: getattr(company, name) for name in self.base_fields}
        super().__init__(*args, **kwargs)
        self.helper = fieldless_helper()

    def facts(self) -> CompanyFacts:
        return CompanyFacts(
            **{name: self.cleaned_data[name] for name in CompanyForm.base_fields if name in self.fields}
        )


class WarehouseForm(forms.Form):
    code = forms.CharField(
        label=_("Code"), max_length=20, help_text=_("Short, for lists and labels. For example JKPG."), initial="1"
    )
    name = forms.CharField(label=_("Name"), max_length=200)
    street = forms.CharField(label=_("Street"), max_length=200, required=False)
    postcode = forms.CharField(label=_("Postcode"), max_length=20, required=False)
    city = forms.CharField(label=_("City"), max_length=100, required=False)
    country = forms.ChoiceField(
        label=_("Country"), choices=lambda: [("", _("Same as the company")), *places.countries()], required=False
    )

    def __init__(self, *args: Any, warehouse: Warehouse | None = None, **kwargs: Any) -> None:
        if warehouse is not None:
            kwargs["initial"] = {name: getattr(warehouse, name) for name in self.base_fields}
        super().__init__(*args, **kwargs)
        self.helper = fieldless_helper()

    def facts(self) -> WarehouseFacts:
        return WarehouseFacts(**self.cleaned_data)


class NewUserForm(forms.Form):
    email = forms.EmailField(label=_("Email address"), widget=forms.EmailInput({"autocomplete": "off"}))
    name = forms.CharField(label=_("Name"), max_length=150)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.STAFF)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = fieldless_helper()


class ProfileForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=150, widget=forms.TextInput({"autocomplete": "name"}))
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        kwargs["initial"] = {"name": user.name, "language": user.language}
        super().__init__(*args, **kwargs)
        self.helper = fieldless_helper()
