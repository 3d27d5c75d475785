"""One line an event: when, how bad, where, what, and its fields."""

from __future__ import annotations

import logging
import re
import sys

from xtnd.core.logs import FieldFormatter
from xtnd.core.secrets import Secret


def line(message: str = "page stored", *args: object, **fields: object) -> str:
    record = logging.LogRecord("xtnd.sync", logging.INFO, __file__, 1, message, args, None)
    vars(record).update(fields)
    return FieldFormatter().format(record)


def test_message_and_fields() -> None:
    said = line(connection=3, entity="orders", rows=100)
    stamp, rest = said.split(" ", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp)
    assert rest == "INFO xtnd.sync page stored connection=3 entity=orders rows=100"
    assert line().endswith("INFO xtnd.sync page stored")
    assert line("%s of %s", 1, 2).endswith("1 of 2")


def test_the_time_is_utc() -> None:
    record = logging.LogRecord("xtnd", logging.INFO, __file__, 1, "x", (), None)
    record.created = 0.0
    assert FieldFormatter().format(record).startswith("1970-01-01T00:00:00Z ")


def test_a_secret_is_not_shown() -> None:
    assert "hemlig" not in line(key=Secret("hemlig"))


def test_what_a_store_sends_cannot_forge_a_line() -> None:
    said = line(external_id="1\n2026-01-01T00:00:00Z ERROR xtnd all is lost\r")
    assert len(said.splitlines()) == 1


def test_a_traceback_follows() -> None:
    try:
        raise ValueError("odd")
    except ValueError:
        record = logging.LogRecord("xtnd", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    first, *rest = FieldFormatter().format(record).splitlines()
    assert first.endswith("ERROR xtnd failed")
    assert rest[0] == "Traceback (most recent call last):"
    assert rest[-1] == "ValueError: odd"
