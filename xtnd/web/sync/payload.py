"""A stored payload as indented JSON, line by line, with the field in trouble marked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

INDENT = "  "
_STEP = re.compile(r"[^.\[\]]+|\[\d+\]")
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Marked:
    """A line, and whether it is the field in trouble."""

    text: str
    marked: bool = False


def marked(payload: bytes, field_path: str) -> Sequence[Marked]:
    """What is no JSON is shown as it came. A field that is missing marks the nearest thing that should have held it."""
    text = payload.decode("utf-8", "replace")
    try:
        whole = json.loads(text, parse_float=_Number, parse_int=_Number)
        rows = list(_rows(whole, (), "", "", 0))
    except (ValueError, RecursionError):
        return [Marked(line) for line in text.splitlines()]
    spot = _spot({path for path, _line in rows}, _steps(field_path))
    return [Marked(line, spot is not None and path == spot) for path, line in rows]


class _Number(str):
    """Numbers keep the digits they came with: 1.10 is not 1.1."""


Path = tuple[str, ...]


def _rows(value: Any, path: Path, before: str, after: str, depth: int) -> Iterator[tuple[Path, str]]:
    """(path, line): an object's opening and closing lines carry the object's own path."""
    pad = INDENT * depth
    if depth > _DEEPEST:
        yield path, f"{pad}{before}…{after}"
        return
    if isinstance(value, dict) and value:
        inside = [(str(key), (*path, str(key)), f"{json.dumps(str(key), ensure_ascii=False)}: ") for key in value]
        yield path, f"{pad}{before}{{"
        for number, (key, deeper, said) in enumerate(inside, 1):
            yield from _rows(value[key], deeper, said, "," if number < len(inside) else "", depth + 1)
        yield path, f"{pad}}}{after}"
    elif isinstance(value, list) and value:
        yield path, f"{pad}{before}["
        for number, one in enumerate(value):
            yield from _rows(one, (*path, f"[{number}]"), "", "," if number + 1 < len(value) else "", depth + 1)
        yield path, f"{pad}]{after}"
    else:
        said = str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
        yield path, f"{pad}{before}{said}{after}"


def _steps(field_path: str) -> Path:
    """`$.line_items[2].total` → ("line_items", "[2]", "total")."""
    return tuple(_STEP.findall(field_path.removeprefix("$").lstrip(".")))


def _spot(paths: set[Path], wanted: Path) -> Path | None:
    """The path in the payload that ends as the field's does (connectors wrap records), or the nearest one above."""
    while wanted:
        for path in sorted(paths, key=len):
            if path[-len(wanted) :] == wanted and len(path) <= len(wanted) + 1:
                return path
        wanted = wanted[:-1]
    return None
