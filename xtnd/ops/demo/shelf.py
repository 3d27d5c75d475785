"""The demo store's file: one SQLite table, one row per resource, so that the store survives a restart."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from xtnd.ops.demo.pricing import Doc


class Shelf:
    """Rows of (kind, id, JSON). Not thread-safe by itself: the store calls it under its own lock."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS resource (kind TEXT, id INTEGER, json TEXT NOT NULL, PRIMARY KEY (kind, id))"
        )

    def rows(self) -> Iterator[tuple[str, int, Doc]]:
        """Every resource, lowest id first within its kind: the order the store keeps them in."""
        for kind, number, text in self._database.execute("SELECT kind, id, json FROM resource ORDER BY kind, id"):
            yield kind, number, json.loads(text)

    def write(self, changes: Iterable[tuple[str, int, Doc | None]]) -> None:
        """Store all changes in one transaction; None removes the row."""
        self._database.execute("BEGIN")
        for kind, number, doc in changes:
            if doc is None:
                self._database.execute("DELETE FROM resource WHERE kind = ? AND id = ?", (kind, number))
            else:
                row = (kind, number, json.dumps(doc, ensure_ascii=False))
                self._database.execute("INSERT OR REPLACE INTO resource VALUES (?, ?, ?)", row)
        self._database.execute("COMMIT")

    def close(self) -> None:
        self._database.close()
