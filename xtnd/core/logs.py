"""Log lines: a constant message, then the fields. Nothing secret is ever a field."""

from __future__ import annotations

import logging
import time

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_ONE_LINE = {ord("\n"): "\\n", ord("\r"): "\\r"}
"""What a store sent must not look like a line of ours."""


class FieldFormatter(logging.Formatter):
    """`2026-11-23T21:00:00Z INFO xtnd.sync page stored connection=3 entity=orders rows=100`"""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{key}={value}" for key, value in vars(record).items() if key not in _STANDARD)
        stamp = self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ")
        line = f"{stamp} {record.levelname} {record.name} {record.getMessage()}{' ' if fields else ''}{fields}"
        line = line.translate(_ONE_LINE)
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line
