"""Orders in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from xtnd.canonical.orders import Order
from xtnd.connections.models import Connection, LinkKind
from xtnd.connectors.base import Record
from xtnd.orders.services import Incoming, record_orders
from xtnd.sync.jobs.stored import Stored, sort_records


def store(connection: Connection, records: Sequence[Record[Order]], at: datetime) -> Stored:
    page = sort_records(connection, LinkKind.ORDER, records)
    incoming = [Incoming(order, record.content_hash, record.payload) for record, order in page.readable]
    done = record_orders(connection, incoming, page.links, at)
    taken = tuple(record.external_id for record, _order in page.readable)
    return Stored(len(records), done.created, done.updated, page.unchanged, page.troubles, taken)
