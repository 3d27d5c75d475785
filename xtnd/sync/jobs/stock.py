"""Stock counts in. Compared with what the listings say, not by hash: products bring counts too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from xtnd.canonical.catalog import StockCount
from xtnd.connections.models import Connection
from xtnd.connectors.base import Record
from xtnd.stock.services import record_counts
from xtnd.sync.jobs.stored import Stored, read_each


def store(connection: Connection, records: Sequence[Record[tuple[StockCount, ...]]], at: datetime) -> Stored:
    readable, troubles = read_each(records)
    counts = [count for _record, counts in readable for count in counts]
    changed = record_counts(connection, counts, at)
    taken = tuple(record.external_id for record, _counts in readable)
    return Stored(len(records), 0, changed, max(len(readable) - changed, 0), troubles, taken)
