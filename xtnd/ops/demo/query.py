"""Query strings as PHP reads them, and as WordPress writes them into `Link`."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote_plus

Params = dict[str, str | list[str]]


def parse_query(text: str) -> Params:
    """`a[]=1&a[]=2` and `a[0]=1` become lists; a repeated plain name keeps its last value."""
    found: Params = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        listed = re.fullmatch(r"([^\[]+)\[\w*\]", name)
        if listed is None:
            found[name] = value
            continue
        values = found.setdefault(listed[1], [])
        if isinstance(values, list):
            values.append(value)
        else:
            found[listed[1]] = [value]
    return found


def build_query(params: Params) -> str:
    """The reverse, in WordPress' spelling: `status%5B0%5D=any`."""
    parts = []
    for name, value in params.items():
        if isinstance(value, list):
            parts += [f"{name}%5B{index}%5D={quote_plus(one)}" for index, one in enumerate(value)]
        else:
            parts.append(f"{name}={quote_plus(value)}")
    return "&".join(parts)


def text_of(params: Params, name: str) -> str:
    """A scalar parameter, "" when absent."""
    value = params.get(name, "")
    return value if isinstance(value, str) else (value[-1] if value else "")


def list_of(params: Params, name: str) -> list[str]:
    """`a,b`, `a[]=…` or nothing, as WordPress reads a parameter that is a list."""
    value = params.get(name, "")
    return value if isinstance(value, list) else [part.strip() for part in value.split(",") if part.strip()]
