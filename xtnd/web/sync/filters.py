"""The filters above a list: a value that is not on offer is no filter."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest

from xtnd.connections.models import Connection


def chosen(request: HttpRequest, name: str, offered: Iterable[str], default: str = "") -> str:
    said = request.GET.get(name, default)
    return said if said in list(offered) else ""


def chosen_connection(request: HttpRequest, offered: Iterable[Connection]) -> Connection | None:
    said = request.GET.get("connection", "")
    return next((one for one in offered if str(one.pk) == said), None)
