"""The guide beside the form and the help page: words from the connector, pictures and pages by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.staticfiles import finders
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.text import slugify
from django.utils.translation import gettext

from xtnd.companies.access import Act
from xtnd.connectors.base import Connector, GuideStep
from xtnd.connectors.registry import CONNECTORS
from xtnd.web.guard import Request, needs


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the reader's language; `picture` is a static file, "" when none was drawn."""

    title: str
    text: str
    path: str
    picture: str


@dataclass(frozen=True, slots=True)
class Named:
    """A connector as templates see it: given the class itself they would call it."""

    system: str
    label: str


def named(connector: type[Connector]) -> Named:
    return Named(connector.system, connector.label)


def steps(connector: type[Connector]) -> Sequence[Step]:
    return [
        Step(
            gettext(step.title),
            gettext(step.text),
            " › ".join(gettext(part) for part in step.path),
            picture_of(connector, step),
        )
        for step in connector.guide
    ]


def picture_of(connector: type[Connector], step: GuideStep) -> str:
    """`guide/woocommerce/add-a-key.svg`: named after the step's English title."""
    name = f"guide/{connector.system}/{slugify(step.title)}.svg"
    return name if finders.find(name) else ""


def has_help(system: str) -> bool:
    try:
        get_template(f"help/{system}.html")
    except TemplateDoesNotExist:
        return False
    return True


@needs(Act.SEE)
def help_page(request: Request, system: str) -> HttpResponse:
    connector = CONNECTORS.get(system)
    if connector is None or not has_help(system):
        raise Http404
    return render(request, f"help/{system}.html", {"connector": named(connector), "steps": steps(connector)})
