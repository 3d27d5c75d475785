"""One file per entity: how a page of canonical items becomes rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xtnd.connectors.base import (
    Connector,
    CustomerSource,
    Entity,
    OrderSource,
    Page,
    ProductSource,
    Record,
    StockSource,
)
from xtnd.sync.jobs import customers, orders, products, stock
from xtnd.sync.jobs.stored import Store

STORES: dict[Entity, Store] = {
    Entity.ORDERS: orders.store,
    Entity.PRODUCTS: products.store,
    Entity.CUSTOMERS: customers.store,
    Entity.STOCK: stock.store,
}


def fetch(connector: Connector, entity: Entity, cursor: str | None) -> Iterator[Page[Any]]:
    """The connector's own pages of this entity."""
    if entity is Entity.ORDERS and isinstance(connector, OrderSource):
        return connector.fetch_orders(cursor)
    if entity is Entity.PRODUCTS and isinstance(connector, ProductSource):
        return connector.fetch_products(cursor)
    if entity is Entity.CUSTOMERS and isinstance(connector, CustomerSource):
        return connector.fetch_customers(cursor)
    if entity is Entity.STOCK and isinstance(connector, StockSource):
        return connector.fetch_stock(cursor)
    raise LookupError(f"{connector.system} has no {entity}")


def fetch_one(connector: Connector, entity: Entity, external_id: str) -> Record[Any] | None:
    """One record now, whatever the cursor says; None when the store does not have it (any more)."""
    if entity is Entity.ORDERS and isinstance(connector, OrderSource):
        return connector.fetch_order(external_id)
    if entity is Entity.PRODUCTS and isinstance(connector, ProductSource):
        return connector.fetch_product(external_id)
    if entity is Entity.CUSTOMERS and isinstance(connector, CustomerSource):
        return connector.fetch_customer(external_id)
    if entity is Entity.STOCK and isinstance(connector, StockSource):
        return connector.fetch_stock_of(external_id)
    raise LookupError(f"{connector.system} has no {entity}")
