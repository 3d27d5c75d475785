"""What a WooCommerce store can do for us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from functools import partial
from hashlib import blake2b
from typing import TypeVar

import msgspec

from xtnd.canonical.catalog import Product, StockCount
from xtnd.canonical.customers import Customer
from xtnd.canonical.orders import Order
from xtnd.connectors.base import (
    Check,
    Connector,
    CustomerSource,
    OrderSource,
    Page,
    ProductSource,
    Record,
    Report,
    Settings,
    StockSource,
)
from xtnd.connectors.http import Http
from xtnd.connectors.woocommerce import mapper
from xtnd.connectors.woocommerce.client import Client
from xtnd.connectors.woocommerce.paging import MOST, Params, Peek, RawPage, Reader, Row, Row_P
from xtnd.connectors.woocommerce.verify import FIELDS, GUIDE, verify
from xtnd.core.errors import NotFound
from xtnd.core.time import SECOND

Thing = TypeVar("Thing")

_STOCK_FIELDS = "id,type,manage_stock,stock_quantity,stock_status,date_modified_gmt,variations"


class _RefundId(msgspec.Struct):
    id: int


class _OrderPeek(Peek):
    status: str = ""
    refunds: list[_RefundId] = []


class _ProductPeek(Peek):
    type: str = "simple"
    variations: list[int] = []


class _CustomerPeek(Peek):
    role: str = "customer"


_STAFF_ROLES = frozenset({"administrator", "shop_manager", "editor", "author", "contributor"})
"""Plugins give buyers roles of their own (wholesale…), so all roles are asked for and the staff left out."""


class WooCommerce(Connector, OrderSource, ProductSource, CustomerSource, StockSource):
    """Reading, 9.x over https and over http with OAuth; older stores by passes instead of polls."""

    system = "woocommerce"
    label = "WooCommerce"
    fields = FIELDS
    guide = GUIDE

    def __init__(self, settings: Settings, http: Http) -> None:
        super().__init__(settings, http)
        self._client = Client(http, settings)
        self._site = str(settings.options.get("home") or settings.api_url).rstrip("/")

    def verify(self, say: Callable[[Check], None]) -> Report:
        return verify(self.settings, self.http, say)

    # -------------------------------------------------------------- orders

    def fetch_orders(self, cursor: str | None) -> Iterator[Page[Order]]:
        """All statuses but the trash; drafts of a checkout in progress are left out. Order start is honoured in the
        store's own query."""
        reader = self._reader("orders", _OrderPeek, self._since_order_start(), enrich=self._with_refunds)
        start = self.settings.order_start
        reader.scope = start.astimezone(UTC).isoformat() if start else ""
        for page in reader.read(cursor):
            rows = [row for row in page.rows if row.peek.status not in mapper.DRAFTS]
            yield self._page(page, [self._order(row) for row in rows])

    def fetch_order(self, external_id: str) -> Record[Order] | None:
        row = self._one("orders", external_id, _OrderPeek)
        return None if row is None else self._order(self._with_refunds([row])[0])

    def _order(self, row: Row[_OrderPeek]) -> Record[Order]:
        payload = b'{"order":%b,"refunds":[%b]}' % (row.raw, b",".join(row.extra))
        edit = "admin.php?page=wc-orders&action=edit&id={id}"
        if not self.settings.options.get("hpos", True):
            edit = "post.php?post={id}&action=edit"
        read = partial(mapper.read_order, admin_url=f"{self._site}/wp-admin/{edit}")
        return _record(row, payload, read)

    def _since_order_start(self) -> Params:
        """`after` is exclusive; with an offset and without `dates_are_gmt` every version reads it alike (measured).
        A poll adds `dates_are_gmt`, where an offset would count twice: there the naive form is right."""
        start = self.settings.order_start
        if start is None:
            return ()
        moment = (start.astimezone(UTC) - SECOND).strftime("%Y-%m-%dT%H:%M:%S")
        if self._modified_filter("orders"):
            return (("after", moment), ("dates_are_gmt", "true"))
        return (("after", f"{moment}Z"),)

    def _with_refunds(self, rows: list[Row[_OrderPeek]]) -> list[Row[_OrderPeek]]:
        """The order lists its refunds with their sums only. Their lines come in one request a page where the store has
        a list of refunds (9.x), else in one per refunded order."""
        wanted = [refund.id for row in rows for refund in row.peek.refunds]
        if not wanted:
            return rows
        found = self._refunds_by_id(wanted) if self.settings.options.get("refunds_route") else {}
        enriched = []
        for row in rows:
            ids = [refund.id for refund in row.peek.refunds]
            if any(refund_id not in found for refund_id in ids):
                found.update(self._refunds_of(row.peek.id))
            extra = tuple(found[refund_id] for refund_id in ids if refund_id in found)
            enriched.append(Row(row.peek, row.raw, extra))
        return enriched

    def _refunds_by_id(self, ids: Sequence[int]) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for start in range(0, len(ids), MOST):
            chunk = ids[start : start + MOST]
            params = [("include", ",".join(map(str, chunk))), ("per_page", str(MOST))]
            found.update(_by_id(self._client.get("refunds", params).body))
        return found

    def _refunds_of(self, order_id: int) -> dict[int, bytes]:
        try:
            return _by_id(self._client.get(f"orders/{order_id}/refunds", [("per_page", str(MOST))]).body)
        except NotFound:  # deleted since the page was read
            return {}

    # -------------------------------------------------------------- products and stock

    def fetch_products(self, cursor: str | None) -> Iterator[Page[Product]]:
        """Products with their variations. An order or a REST write that moves a variation also moves its parent's
        date (measured), so changed parents are enough to find changed variations."""
        reader = self._reader("products", _ProductPeek, (), enrich=self._with_variations())
        for page in reader.read(cursor):
            yield self._page(page, [self._product(row) for row in page.rows])

    def fetch_product(self, external_id: str) -> Record[Product] | None:
        row = self._one("products", external_id, _ProductPeek)
        return None if row is None else self._product(self._with_variations()([row])[0])

    def _product(self, row: Row[_ProductPeek]) -> Record[Product]:
        edit = f"{self._site}/wp-admin/post.php?post={{id}}&action=edit"
        return _record(row, _envelope(row), partial(mapper.read_product, admin_url=edit))

    def fetch_stock(self, cursor: str | None) -> Iterator[Page[tuple[StockCount, ...]]]:
        params: Params = (("_fields", _STOCK_FIELDS),)
        reader = self._reader("products", _ProductPeek, params, enrich=self._with_variations(_STOCK_FIELDS))
        for page in reader.read(cursor):
            yield self._page(page, [_record(row, _envelope(row), mapper.read_stock) for row in page.rows])

    def fetch_stock_of(self, external_product_id: str) -> Record[tuple[StockCount, ...]] | None:
        row = self._one("products", external_product_id, _ProductPeek)
        if row is None:
            return None
        row = self._with_variations(_STOCK_FIELDS)([row])[0]
        return _record(row, _envelope(row), mapper.read_stock)

    def _with_variations(self, fields: str = "") -> Callable[[list[Row[_ProductPeek]]], list[Row[_ProductPeek]]]:
        """There is no list of all variations (`/variations` is 404): one request per variable product."""
        params = [("_fields", fields)] if fields else []

        def enrich(rows: list[Row[_ProductPeek]]) -> list[Row[_ProductPeek]]:
            return [
                Row(row.peek, row.raw, self._variations(row.peek.id, params)) if row.peek.variations else row
                for row in rows
            ]

        return enrich

    def _variations(self, product_id: int, params: Sequence[tuple[str, str]]) -> tuple[bytes, ...]:
        reader = Reader(
            self._client, f"products/{product_id}/variations", Peek, tuple(params), modified_filter=False, in_flight=1
        )
        try:
            return tuple(row.raw for page in reader.read(None) for row in page.rows)
        except NotFound:  # deleted since the page was read
            return ()

    # -------------------------------------------------------------- customers

    def fetch_customers(self, cursor: str | None) -> Iterator[Page[Customer]]:
        """Customers can neither be filtered nor ordered by date on any version: always a pass."""
        reader = Reader(
            self._client,
            "customers",
            _CustomerPeek,
            (("role", "all"),),
            modified_filter=False,
            page_size=self.settings.page_size,
            in_flight=self.settings.in_flight,
        )
        for page in reader.read(cursor):
            rows = [row for row in page.rows if row.peek.role not in _STAFF_ROLES]
            yield self._page(page, [self._customer(row) for row in rows])

    def fetch_customer(self, external_id: str) -> Record[Customer] | None:
        row = self._one("customers", external_id, _CustomerPeek)
        return None if row is None else self._customer(row)

    def _customer(self, row: Row[_CustomerPeek]) -> Record[Customer]:
        edit = f"{self._site}/wp-admin/user-edit.php?user_id={{id}}"
        return _record(row, row.raw, partial(mapper.read_customer, admin_url=edit))

    # -------------------------------------------------------------- shared

    def _one(self, resource: str, external_id: str, peek: type[Row_P]) -> Row[Row_P] | None:
        try:
            raw = self._client.get(f"{resource}/{int(external_id)}").body
        except NotFound:
            return None
        return Row(msgspec.json.decode(raw, type=peek), raw)

    def _reader(
        self,
        resource: str,
        peek: type[Row_P],
        params: Params,
        *,
        enrich: Callable[[list[Row[Row_P]]], list[Row[Row_P]]] | None,
    ) -> Reader[Row_P]:
        return Reader(
            self._client,
            resource,
            peek,
            params,
            enrich=enrich,
            modified_filter=self._modified_filter(resource),
            page_size=self.settings.page_size,
            in_flight=self.settings.in_flight,
        )

    def _modified_filter(self, resource: str) -> bool:
        return bool(self.settings.options.get(f"{resource}_modified_filter", True))

    def _page(self, page: RawPage[Row_P], records: Sequence[Record[Thing]]) -> Page[Thing]:
        return Page(records, page.cursor, page.total, page.unreadable, page.complete)


def _envelope(row: Row[_ProductPeek]) -> bytes:
    return b'{"product":%b,"variations":[%b]}' % (row.raw, b",".join(row.extra))


def _record(row: Row[Row_P], payload: bytes, read: Callable[[bytes], Thing]) -> Record[Thing]:
    digest = blake2b(payload, digest_size=16, salt=mapper.VERSION).digest()
    return Record(str(row.peek.id), digest, payload, partial(read, payload))


def _by_id(body: bytes) -> dict[int, bytes]:
    raws = msgspec.json.decode(body, type=list[msgspec.Raw])
    return {msgspec.json.decode(raw, type=_RefundId).id: bytes(raw) for raw in raws}
