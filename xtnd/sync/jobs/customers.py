"""Registered customers in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from xtnd.canonical.customers import Customer
from xtnd.connections.models import Connection, LinkKind
from xtnd.connectors.base import Record
from xtnd.customers.services import record_customers
from xtnd.sync.jobs.stored import Stored, sort_records


def store(connection: Connection, records: Sequence[Record[Customer]], at: datetime) -> Stored:
    page = sort_records(connection, LinkKind.CUSTOMER, records)
    incoming = [(customer, record.content_hash) for record, customer in page.readable]
    done = record_customers(connection, incoming, page.links, at)
    taken = tuple(record.external_id for record, _customer in page.readable)
    return Stored(len(records), done.created, done.updated, page.unchanged, page.troubles, taken)
