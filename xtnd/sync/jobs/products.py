"""Products, variants and listings in, with the stock they carry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from xtnd.canonical.catalog import Product
from xtnd.catalog.services import Incoming, record_products
from xtnd.connections.models import Connection, LinkKind
from xtnd.connectors.base import Record
from xtnd.orders.services import adopt_variants
from xtnd.stock.services import record_counts
from xtnd.sync.jobs.stored import Stored, sort_records


def store(connection: Connection, records: Sequence[Record[Product]], at: datetime) -> Stored:
    page = sort_records(connection, LinkKind.PRODUCT, records)
    incoming = [Incoming(product, record.content_hash) for record, product in page.readable]
    done = record_products(connection, incoming, page.links, at)
    counts = [variant.stock for _record, product in page.readable for variant in product.variants]
    record_counts(connection, counts, at)
    if done.new_listings:
        adopt_variants(connection, sorted(set(done.new_listings)))
    taken = tuple(record.external_id for record, _product in page.readable)
    return Stored(len(records), done.created, done.updated, page.unchanged, page.troubles, taken)
