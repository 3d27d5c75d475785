"""How commands speak: words for people on stderr or stdout, one JSON document with --json."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import datetime
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID


def out(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def err(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def end_at_once(code: int) -> NoReturn:
    """End the process without waiting for threads that still read from a slow store: what they bring nobody takes."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def as_json(value: Any) -> None:
    out(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal | UUID):
        return str(value)
    return str(value)


class Progress:
    """A line that moves on a terminal; a line now and then elsewhere; nothing when told to be quiet."""

    def __init__(self, label: str, *, quiet: bool) -> None:
        self._label, self._quiet = label, quiet
        self._moving = sys.stderr.isatty() and not quiet
        self._last = ""
        self._said_at = 0.0

    def show(self, done: int, expected: int | None, note: str = "") -> None:
        share = f" of {expected}" if expected else ""
        bar = ""
        if expected:
            filled = min(24, 24 * done // expected)
            bar = f" [{'#' * filled}{'.' * (24 - filled)}]"
        line = f"{self._label}{bar} {done}{share} {note}".rstrip()
        if line == self._last or self._quiet:
            return
        self._last = line
        if self._moving:
            sys.stderr.write(f"\r\033[K{line}")
            sys.stderr.flush()

    def say(self, line: str) -> None:
        """A line that stays."""
        if self._quiet:
            return
        if self._moving:
            sys.stderr.write("\r\033[K")
        err(line)

    def end(self, line: str) -> None:
        self.say(line)
