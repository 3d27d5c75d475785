from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from xtnd.companies import access, queries
from xtnd.companies.access import Act
from xtnd.companies.models import CompanyGroup, User, Warehouse
from xtnd.connections.models import Connection
from xtnd.connections.queries import name_taken
from xtnd.connections.services import Refused, Wish
from xtnd.connectors.base import Connector, Field
from xtnd.connectors.registry import CONNECTORS
from xtnd.core.secrets import Secret
from xtnd.core.time import now, zone
from xtnd.sync.models import Schedule
from xtnd.sync.rhythm import Rhythm
from xtnd.sync.services import refuse_impossible, rhythm_of
from xtnd.web.sync.words import amount_of

_FIRST = ("access_token", "api_url", "secret")
"""The fields every system is asked for come in this order; a connector's own follow."""


class ConnectionForm(forms.Form):
    """The fields of one connector. `kept`: credentials that stand for a secret field left blank, for one host only."""

    def __init__(
        self,
        data: Any = None,
        *,
        user: User,
        connector: type[Connector],
        connection: Connection | None = None,
        kept: Mapping[str, Secret] | None = None,
        kept_for: str = "",
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.connector, self.connection = connector, connection
        self._kept, self._kept_for = dict(kept or {}), kept_for
        self._user = user
        self._build()

    # ---- the fields, in the seed's order

    def _build(self) -> None:
        self.fields["name"] = forms.CharField(
            label=_("Name"),
            max_length=100,
            help_text=_("What you call it, for example WooCommerce Jönköping."),
            widget=forms.TextInput({"autocomplete": "off"}),
        )
        self.fields["system"] = forms.ChoiceField(
            label=_("External system"),
            choices=[(key, one.label) for key, one in CONNECTORS.items()],
            initial=self.connector.system,
            disabled=self.connection is not None,
        )
        for field in self.connector_fields():
            self.fields[field.name] = self._connector_field(field)
        self.fields["order_start"] = forms.DateField(
            label=_("Order start"),
            help_text=_("Orders placed before this date are not fetched."),
            widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
            input_formats=["%Y-%m-%d"],
            required=self.connection is None or self.connection.order_start is not None,
        )
        self.fields["warehouse"] = forms.ModelChoiceField(
            queries.warehouses(self._user, Act.MANAGE_CONNECTIONS),
            label=_("Warehouse"),
            required=False,
            empty_label=_("None"),
            help_text=_("Where its orders are reserved and its stock is counted."),
        )
        self.fields["company_group"] = forms.ModelChoiceField(
            CompanyGroup.objects.filter(pk__in=access.groups(self._user, Act.MANAGE_CONNECTIONS)),
            label=_("Company group"),
            required=False,
            empty_label=_("The warehouse's, or your first"),
            help_text=_("Whose connection it is. It cannot be changed later."),
            disabled=self.connection is not None,
        )
        for name, field_ in self.fields.items():
            field_.widget.attrs |= {"class": self._css(field_), "aria-describedby": f"help-{name} error-{name}"}

    def connector_fields(self) -> list[Field]:
        known = {field.name: field for field in self.connector.fields}
        first = [known[name] for name in _FIRST if name in known]
        return [*first, *(field for name, field in known.items() if name not in _FIRST)]

    def _connector_field(self, field: Field) -> forms.CharField:
        attrs = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "data-trim": ""}
        if field.placeholder:
            attrs["placeholder"] = field.placeholder
        if field.name == "api_url":
            attrs["inputmode"] = "url"
        widget = forms.PasswordInput(attrs, render_value=False) if field.secret else forms.TextInput(attrs)
        help_text = _(field.help) if field.help else ""
        if field.secret and field.name in self._kept:
            help_text = _("Already entered. Leave it empty to keep it.")
        return forms.CharField(
            label=_(field.label),
            help_text=help_text,
            max_length=500,
            required=field.required and not (field.secret and field.name in self._kept),
            widget=widget,
        )

    @staticmethod
    def _css(field: forms.Field) -> str:
        return "form-select" if isinstance(field.widget, forms.Select) else "form-control"

    # ---- for the template

    def before(self) -> Iterator[forms.BoundField]:
        return (self[name] for name in ("name", "system"))

    def middle(self) -> Iterator[forms.BoundField]:
        return (self[field.name] for field in self.connector_fields())

    def after(self) -> Iterator[forms.BoundField]:
        return (self[name] for name in ("order_start", "warehouse", "company_group"))

    def all_fields(self) -> Iterator[forms.BoundField]:
        return (self[name] for name in self.fields)

    # ---- checking

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        group = self.group()
        if group is None:
            self.add_error("company_group", _("Choose a company group."))
            return cleaned
        warehouse: Warehouse | None = cleaned.get("warehouse")
        if warehouse is not None and warehouse.company.group_id != group.pk:
            self.add_error("warehouse", _("The warehouse belongs to another company group."))
        if cleaned.get("name") and name_taken(group.pk, cleaned["name"], besides=self.connection):
            self.add_error("name", _("There is already a connection by that name."))
        self._refuse_kept_for_another_host(cleaned)
        return cleaned

    def _refuse_kept_for_another_host(self, cleaned: dict[str, Any]) -> None:
        """Stored keys are sent to the host they were entered for, and to no other."""
        if not self._kept or same_host(cleaned.get("api_url", ""), self._kept_for):
            return
        for field in self.connector.fields:
            if field.secret and field.name in self._kept and not cleaned.get(field.name):
                words = _("The address leads to another host than before: enter this again.")
                self.add_error(field.name, ValidationError(words))

    def group(self) -> CompanyGroup | None:
        """The one chosen, else the warehouse's, else the first in which the user may do this."""
        if self.connection is not None:
            return self.connection.company_group
        chosen: CompanyGroup | None = self.cleaned_data.get("company_group")
        warehouse: Warehouse | None = self.cleaned_data.get("warehouse")
        if chosen is not None or warehouse is None:
            return (
                chosen
                or CompanyGroup.objects.filter(pk__in=access.groups(self._user, Act.MANAGE_CONNECTIONS))
                .order_by("pk")
                .first()
            )
        return warehouse.company.group

    def wish(self) -> Wish:
        """Of a valid form. Blank secrets are the ones kept."""
        return Wish(
            system=self.connector.system,
            api_url=self.cleaned_data["api_url"],
            credentials={
                field.name: self._credential(field) for field in self.connector.fields if field.name != "api_url"
            },
            order_start=self.cleaned_data["order_start"],
        )

    def _credential(self, field: Field) -> str:
        said = str(self.cleaned_data.get(field.name, ""))
        if not said and field.secret and field.name in self._kept:
            return self._kept[field.name].reveal()
        return said


def same_host(one: str, other: str) -> bool:
    """Whether two typed addresses name the same host, with or without www and scheme."""
    return bool(_host(one)) and _host(one) == _host(other)


def _host(address: str) -> str:
    text = address.strip().lower()
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        return f"{(parts.hostname or '').removeprefix('www.')}:{parts.port or ''}"
    except ValueError:
        return ""


class RhythmForm(forms.Form):
    """Every so often, daily at a time, or cron."""

    kind = forms.ChoiceField(
        choices=[("every", gettext_lazy("Every")), ("daily", gettext_lazy("Daily at")), ("cron", gettext_lazy("Cron"))],
        required=False,
    )
    count = forms.IntegerField(label=gettext_lazy("How many"), min_value=1, max_value=44_640, required=False)
    unit = forms.ChoiceField(
        label=gettext_lazy("Unit"),
        choices=[
            ("minutes", gettext_lazy("minutes")),
            ("hours", gettext_lazy("hours")),
            ("days", gettext_lazy("days")),
        ],
        required=False,
    )
    at = forms.TimeField(label=gettext_lazy("Time"), input_formats=["%H:%M", "%H:%M:%S"], required=False)
    cron = forms.CharField(label=gettext_lazy("Cron expression"), max_length=100, required=False)

    def __init__(self, data: Any = None, *, schedule: Schedule) -> None:
        super().__init__(data, initial=_spread(rhythm_of(schedule)), prefix=f"schedule-{schedule.pk}")
        for name, field in self.fields.items():
            css = "form-select" if name == "unit" else "form-control"
            field.widget.attrs |= {"class": css, "aria-describedby": f"error-{self.prefix}"}
        self.fields["at"].widget = forms.TimeInput(self.fields["at"].widget.attrs | {"type": "time"}, format="%H:%M")
        self.fields["cron"].widget.attrs |= {"autocomplete": "off", "spellcheck": "false", "placeholder": "0 6 * * 1-5"}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        asked = self._rhythm(cleaned)
        try:
            refuse_impossible(asked)
        except Refused as refusal:
            raise ValidationError(str(refusal)) from refusal
        cleaned["rhythm"] = asked
        return cleaned

    def _rhythm(self, cleaned: Mapping[str, Any]) -> Rhythm:
        kind = cleaned.get("kind") or "every"
        if kind == "cron":
            return Rhythm(cron=" ".join(str(cleaned.get("cron", "")).split()))
        if kind == "daily":
            if cleaned.get("at") is None:
                raise ValidationError(_("Choose a time."))
            return Rhythm(daily_at=cleaned["at"].replace(second=0, microsecond=0))
        if not cleaned.get("count"):
            raise ValidationError(_("Enter how often."))
        return Rhythm(every_minutes=cleaned["count"] * _MINUTES[cleaned.get("unit") or "minutes"])

    @property
    def problem(self) -> str:
        """What is wrong, in one line."""
        return " ".join(str(words) for errors in self.errors.values() for words in errors)


_MINUTES = {"minutes": 1, "hours": 60, "days": 1440}


def _spread(rhythm: Rhythm) -> dict[str, Any]:
    if rhythm.daily_at is not None:
        return {"kind": "daily", "at": rhythm.daily_at, "count": 1, "unit": "hours"}
    if rhythm.every_minutes is None:
        return {"kind": "cron", "cron": rhythm.cron, "count": 1, "unit": "hours"}
    count, unit = amount_of(rhythm.every_minutes)
    return {"kind": "every", "count": count, "unit": unit}


def first_of_year(zone_name: str) -> str:
    """Where Order start begins: the books of this year."""
    return now().astimezone(zone(zone_name)).date().replace(month=1, day=1).isoformat()
