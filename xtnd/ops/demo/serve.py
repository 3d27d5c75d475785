"""The built-in demo store: seeded once, kept in a file, and selling a little all the time."""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from xtnd.ops.demo.seed import INVOICE_FEE, PARCEL, PAYMENTS, seed_store
from xtnd.ops.demo.server import StoreServer
from xtnd.ops.demo.store import Key, Line, RefundLine, Store

SELL_EVERY = 45.0
RESTOCK_BELOW, RESTOCK_TO = 2, 40


class Seller:
    """Keeps a store alive: a thread that sells something now and then, and sleeps in between."""

    def __init__(self, store: Store, interval_seconds: float = SELL_EVERY, seed: int | None = None) -> None:
        self._store, self._interval = store, interval_seconds
        self._chance = random.Random(seed)  # noqa: S311 - a shop, not a secret
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="demo-seller")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._interval * self._chance.uniform(0.6, 1.4)):
            self.sell_once()

    def sell_once(self) -> int:
        """One new order, and perhaps an older one sent, refunded in part or cancelled. Returns the new order's id."""
        with self._store.changing():
            number = self._sell()
            luck = self._chance.random()
            if luck < 0.6:
                self._send_oldest()
            elif luck < 0.65:
                self._refund_one()
            elif luck < 0.68:
                self._store.set_status(number, "cancelled")
            return number

    def _sell(self) -> int:
        line = self._pick()
        customers = [one for one in self._store.customers.values() if one["role"] == "customer"]
        buyer = self._chance.choice(customers) if customers else None
        invoiced = self._chance.random() < 0.15
        return self._store.place_order(
            lines=[line] if line else [],
            customer_id=buyer["id"] if buyer else 0,
            billing=buyer["billing"] if buyer else {"country": "SE"},
            shipping=[PARCEL],
            fees=[INVOICE_FEE] if invoiced else [],
            payment=PAYMENTS[2] if invoiced else self._chance.choice(PAYMENTS[:2]),
        )

    def _pick(self) -> Line | None:
        store = self._store
        simple = [one for one in store.products.values() if one["purchasable"] and one["type"] == "simple"]
        everything = [*simple, *store.variations.values()]
        wares = [one for one in everything if one["status"] == "publish" and Decimal(one["price"] or 0) > 0]
        if not wares:
            return None
        ware = self._chance.choice(wares)
        if ware["manage_stock"] is True and ware["stock_quantity"] < RESTOCK_BELOW:
            store.set_stock(ware["id"], RESTOCK_TO)  # a delivery has come in
        quantity = self._chance.choice((1, 1, 1, 2))
        parent = ware["parent_id"]
        return Line(parent or ware["id"], quantity, ware["id"] if parent else 0)

    def _send_oldest(self) -> None:
        waiting = [number for number, order in self._store.orders.items() if order["status"] == "processing"]
        if len(waiting) > 1:
            self._store.set_status(waiting[0], "completed")

    def _refund_one(self) -> None:
        recent = [one for one in self._store.orders.values() if one["status"] == "completed" and not one["refunds"]]
        recent = [one for one in recent[-30:] if one["line_items"] and Decimal(one["line_items"][0]["total"]) > 0]
        if recent:
            order = self._chance.choice(recent)
            back = RefundLine(order["line_items"][0]["id"], 1)
            self._store.refund_order(order["id"], [back], reason="Ångrat köp")


def open_demo_store(path: Path) -> Store:
    """The store kept in `path`, seeded and given a key of its own the first time."""
    store = Store(path=path)
    if not store.keys:
        store.add_key(Key(f"ck_{secrets.token_hex(20)}", f"cs_{secrets.token_hex(20)}"))
    if store.is_empty:
        seed_store(store)
    return store


def serve_demo(
    *,
    port: int,
    path: Path,
    ready: Callable[[str, Key], None],
    stop: threading.Event | None = None,
    interval_seconds: float = SELL_EVERY,
) -> None:
    """Serve the demo store on 127.0.0.1 until `stop` is set. `ready` is called once, with its address and its key.

    Plain http: as with a real store, keys work only through OAuth 1.0a there.
    """
    stop = stop or threading.Event()
    store = open_demo_store(path)
    seller = Seller(store, interval_seconds)
    try:
        with StoreServer(store, port=port) as server:
            seller.start()
            ready(server.url, store.keys[0])
            stop.wait()
            seller.stop()
    finally:
        store.close()
