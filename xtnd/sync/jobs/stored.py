"""What storing one page did."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import OperationalError, transaction

from xtnd.connections.models import Connection, LinkKind
from xtnd.connections.services import Known, known
from xtnd.connectors.base import Record
from xtnd.core.errors import ExternalError
from xtnd.core.text import Text

log = logging.getLogger(__name__)
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One record that could not be taken, and why."""

    external_id: str
    payload: bytes
    content_hash: bytes
    path: str
    code: str
    reason: Text


@dataclass(frozen=True, slots=True)
class Stored:
    seen: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    troubles: tuple[Trouble, ...] = ()
    taken: tuple[str, ...] = ()
    """External ids that were read and stored now."""


@dataclass(frozen=True, slots=True)
class Sorted(Generic[Thing]):
    """A page's records, held against what is known of them."""

    readable: Sequence[tuple[Record[Thing], Thing]]
    links: dict[str, Known]
    unchanged: int
    troubles: tuple[Trouble, ...]


def sort_records(connection: Connection, kind: LinkKind, records: Sequence[Record[Thing]]) -> Sorted[Thing]:
    """Reads only what is new or changed by its hash. A record that comes twice in a page counts once, the last."""
    latest = {record.external_id: record for record in records}
    links = known(connection, kind, latest)
    fresh = [
        record
        for external_id, record in latest.items()
        if external_id not in links or links[external_id].content_hash != record.content_hash
    ]
    readable, troubles = read_each(fresh)
    return Sorted(readable, links, len(records) - len(fresh), troubles)


def read_each(
    records: Sequence[Record[Thing]],
) -> tuple[list[tuple[Record[Thing], Thing]], tuple[Trouble, ...]]:
    """What can be read, and what its own mapper refuses, with the field's path."""
    readable: list[tuple[Record[Thing], Thing]] = []
    troubles: list[Trouble] = []
    for record in records:
        try:
            readable.append((record, record.read()))
        except ExternalError as error:
            troubles.append(trouble(record, error))
    return readable, tuple(troubles)


def trouble(record: Record[Thing], error: Exception) -> Trouble:
    if isinstance(error, ExternalError):
        return Trouble(
            record.external_id, record.payload, record.content_hash, getattr(error, "path", ""), error.code, error.text
        )
    reason = Text("{kind}: {message}", {"kind": type(error).__name__, "message": str(error)[:300]})
    return Trouble(record.external_id, record.payload, record.content_hash, "", "internal", reason)


Store = Callable[[Connection, Sequence[Record[Any]], datetime], Stored]


def store_page(store: Store, connection: Connection, records: Sequence[Record[Any]], at: datetime) -> Stored:
    """The page at once; when something in it cannot be stored, each record by itself, so that one never stops the rest.

    A database that is locked or full is nobody's record: that error goes up.
    """
    try:
        with transaction.atomic():
            return store(connection, records, at)
    except OperationalError:
        raise
    except Exception as error:
        if len(records) == 1:  # the one `except Exception`: around one record, and it is kept with its error
            log.warning("record refused", exc_info=error, extra={"external_id": records[0].external_id})
            return Stored(seen=1, troubles=(trouble(records[0], error),))
    return sum_up([store_page(store, connection, [record], at) for record in records])


def sum_up(parts: Sequence[Stored]) -> Stored:
    return Stored(
        seen=sum(part.seen for part in parts),
        created=sum(part.created for part in parts),
        updated=sum(part.updated for part in parts),
        unchanged=sum(part.unchanged for part in parts),
        troubles=tuple(trouble for part in parts for trouble in part.troubles),
        taken=tuple(taken for part in parts for taken in part.taken),
    )
