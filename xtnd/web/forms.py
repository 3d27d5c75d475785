"""What every form does alike: crispy layout without a form tag, errors of a service put on their fields."""

from __future__ import annotations

from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.core.exceptions import ValidationError

from xtnd.companies import places


def fieldless_helper() -> FormHelper:
    """The template writes <form>, the CSRF token and the buttons."""
    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = True
    return helper


def take_errors(form: forms.BaseForm, error: ValidationError, rename: dict[str, str] | None = None) -> None:
    """A service said no: each reason on its field (`rename`: the service's name → the form's), the rest on top."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        field = (rename or {}).get(name, name)
        form.add_error(field if field in form.fields else None, errors)


class CountrySelect(forms.Select):
    """Each country carries its currency and time zone, from which `country.js` fills those fields."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if value:
            option["attrs"] |= {
                "data-currency": places.currency_of(str(value)),
                "data-zone": places.time_zone_of(str(value)),
            }
        return option


class SearchedText(forms.TextInput):
    """A text field with suggestions: the browser searches them, and no script is needed."""

    template_name = "shell/searched_text.html"

    def __init__(self, choices: Any, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"autocomplete": "off", **(attrs or {})})
        self.choices = choices

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        list_id = f"{context['widget']['attrs'].get('id', name)}-choices"
        context["widget"]["attrs"]["list"] = list_id
        return context | {"list_id": list_id, "choices": self.choices() if callable(self.choices) else self.choices}
