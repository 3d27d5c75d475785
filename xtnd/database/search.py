"""Substring search over millions of rows: FTS5 with trigrams on SQLite, pg_trgm on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, migrations

from xtnd.database.bulk import chunks, is_sqlite

LEAST = 3
"""A trigram index cannot find shorter words."""


class SearchIndex:
    """One table (id, text). The text is what a person may type a part of, folded to lower case."""

    def __init__(self, table: str) -> None:
        self.table = table

    def put(self, rows: Iterable[tuple[int, str]], *, fresh: bool = False) -> None:
        """Set the text of ids. `fresh`: none of them is there yet."""
        ready = [(row_id, fold(text)) for row_id, text in rows]
        if not fresh:
            self.remove([row_id for row_id, _text in ready])
        column = "rowid" if is_sqlite() else "id"
        with connection.cursor() as cursor:
            cursor.executemany(
                f'INSERT INTO "{self.table}" ({column}, text) VALUES (%s, %s)',  # noqa: S608
                ready,
            )

    def remove(self, ids: Sequence[int]) -> None:
        column = "rowid" if is_sqlite() else "id"
        with connection.cursor() as cursor:
            for chunk in chunks(list(ids)):
                marks = ", ".join(["%s"] * len(chunk))
                cursor.execute(f'DELETE FROM "{self.table}" WHERE {column} IN ({marks})', list(chunk))  # noqa: S608

    def ids(self, words: str, *, limit: int = 1000, below: int | None = None) -> list[int] | None:
        """Ids whose text holds every word, newest id first, at most `limit`; None when no word is long enough.

        `below`: only ids lower than this one, to go on where the last call stopped.
        """
        terms = [word for word in fold(words).split() if len(word) >= LEAST]
        if not terms:
            return None
        column = "rowid" if is_sqlite() else "id"
        wanted, values = self._wanted(terms)
        if below is not None:
            wanted, values = f"{wanted} AND {column} < %s", [*values, below]
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT {column} FROM "{self.table}" WHERE {wanted} ORDER BY {column} DESC LIMIT %s',  # noqa: S608
                [*values, limit],
            )
            return [int(row[0]) for row in cursor.fetchall()]

    def _wanted(self, terms: Sequence[str]) -> tuple[str, list[str | int]]:
        if is_sqlite():
            return f'"{self.table}" MATCH %s', [" AND ".join('"' + term.replace('"', '""') + '"' for term in terms)]
        return " AND ".join(["text LIKE %s"] * len(terms)), [f"%{_escaped(term)}%" for term in terms]


def fold(text: str) -> str:
    return " ".join(text.replace("\0", " ").casefold().split())  # a NUL would end the query in its middle


def _escaped(term: str) -> str:
    return term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


class CreateSearchIndex(migrations.RunPython):
    """The migration that makes (and unmakes) one index."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(self._make, self._unmake)

    def deconstruct(self) -> Any:
        return (self.__class__.__qualname__, [self.table], {})

    def _make(self, apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "sqlite":
            schema_editor.execute(
                f"CREATE VIRTUAL TABLE \"{self.table}\" USING fts5(text, tokenize='trigram', detail=full)"
            )
            return
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        schema_editor.execute(f'CREATE TABLE "{self.table}" (id bigint PRIMARY KEY, text text NOT NULL)')
        schema_editor.execute(f'CREATE INDEX "{self.table}_trgm" ON "{self.table}" USING gin (text gin_trgm_ops)')

    def _unmake(self, apps: Any, schema_editor: Any) -> None:
        schema_editor.execute(f'DROP TABLE "{self.table}"')
