"""WooCommerce against the contract: on the simulator (9.9.5 and 3.6.4 behaviour) and on recorded orders."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from xtnd.connectors.base import Connector, OrderSource, Settings
from xtnd.connectors.http import Http, NetworkPolicy
from xtnd.connectors.testing import ConnectorContract, ReadingContract, Spoiled, Truth, records
from xtnd.connectors.woocommerce.connector import WooCommerce
from xtnd.connectors.woocommerce.mapper import DRAFTS
from xtnd.core.secrets import Secret
from xtnd.ops.demo import faults
from xtnd.ops.demo.seed import seed_store
from xtnd.ops.demo.server import StoreServer
from xtnd.ops.demo.store import Key, Line, Store

KEY = Key("ck_" + "a1" * 20, "cs_" + "b2" * 20)
WRONG = "cs_" + "c3" * 20
POLICY = NetworkPolicy.parse(["127.0.0.0/8"])
NOT_ORDERS = {"trash", *DRAFTS}


class SimulatedShop:
    """A seeded simulator as the contract wants it."""

    def __init__(self, *, modern: bool) -> None:
        self.modern = modern
        self.now = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
        self.store = Store(keys=[KEY], clock=lambda: self.now, modern=modern)
        seed_store(self.store, orders=150, products=30, customers=12)
        self.server = StoreServer(self.store, faults=faults.Faults())
        self.server.start()
        self.http = Http(POLICY)
        self.options: Mapping[str, Any] = {}

    def close(self) -> None:
        self.http.close()
        self.server.stop()

    def connector(self, *, order_start: datetime | None = None, page_size: int = 20) -> Connector:
        options = self.options or self._verified()
        return self._made(KEY.consumer_secret, options, order_start, page_size)

    def _verified(self) -> Mapping[str, Any]:
        self.options = self._made(KEY.consumer_secret, {}, None, 20).verify(lambda check: None).options
        return self.options

    def wrong_secret(self) -> Connector:
        return self._made(WRONG, self.options, None, 20)

    def _made(self, secret: str, options: Mapping[str, Any], start: datetime | None, page_size: int) -> WooCommerce:
        credentials = {"access_token": Secret(KEY.consumer_key), "secret": Secret(secret)}
        settings = Settings(self.server.url, credentials, start, options, page_size, in_flight=2)
        return WooCommerce(settings, self.http)

    def truth(self) -> Mapping[str, Truth]:
        with self.store.lock:
            return {
                str(order["id"]): Truth(
                    Decimal(order["total"]),
                    Decimal(order["total_tax"]),
                    order["status"],
                    -sum((Decimal(refund["total"]) for refund in order["refunds"]), Decimal(0)),
                )
                for order in self.store.orders.values()
                if order["status"] not in NOT_ORDERS
            }

    def secrets(self) -> tuple[str, ...]:
        return (KEY.consumer_secret, WRONG, KEY.consumer_key)

    def revision(self) -> int:
        return self.store.revision

    def tick(self) -> None:
        self.now += timedelta(seconds=1)

    def place(self) -> str:
        self.tick()
        product = next(iter(self.store.products))
        return str(self.store.place_order(lines=[Line(product)]))

    def touch(self, external_id: str) -> None:
        self.tick()
        order = self.store.orders[int(external_id)]
        if order["status"] in NOT_ORDERS:
            return
        self.store.set_status(int(external_id), "on-hold" if order["status"] == "processing" else "processing")

    def throw_away(self, external_id: str) -> None:
        self.store.trash_order(int(external_id))

    def level_dates(self, count: int) -> list[str]:
        self.now += timedelta(minutes=5)
        ids = sorted(self.truth(), key=int)[:count]
        for external_id in ids:
            self.store.set_status(int(external_id), "completed")
            self.store.touch_order(int(external_id))
        self.now += timedelta(minutes=5)
        return ids

    def break_record(self, external_id: str) -> None:
        with self.store.changing():
            self.store.orders[int(external_id)]["total"] = {"oops": True}
            self.store.touch_order(int(external_id))

    def when_asked(self, act: Callable[[int], None] | None) -> None:
        after = (lambda number, method, path: act(number)) if act else None
        self.server.faults = faults.Faults(after_response=after) if after else faults.Faults()

    def spoil(self, how: Spoiled, *, request: int, times: int = 1) -> None:
        fault = _FAULTS[how]()
        already = self.requests()
        numbers = range(already + request, already + request + times)
        self.server.faults = faults.Faults(before=lambda number, method, path: fault if number in numbers else None)

    def heal(self) -> None:
        self.server.faults = faults.Faults()

    def requests(self) -> int:
        return len(self.server.requests)


_FAULTS: dict[Spoiled, Callable[[], faults.FaultResponse]] = {
    Spoiled.RATE_LIMITED: lambda: faults.too_many_requests(60),
    Spoiled.MAINTENANCE: faults.maintenance,
    Spoiled.SERVER_ERROR: faults.fatal_500,
    Spoiled.HTML: faults.html_200,
    Spoiled.CUT: lambda: faults.cut_body(0.5),
    Spoiled.DROPPED: faults.connection_closed,
    Spoiled.BYTE_ORDER_MARK: faults.bom,
    Spoiled.PRINTED_WARNING: faults.php_warning,
}


class TestSimulator(ConnectorContract):
    @pytest.fixture
    def shop(self) -> Iterator[SimulatedShop]:
        shop = SimulatedShop(modern=True)
        yield shop
        shop.close()


class TestOldSimulator(ConnectorContract):
    """3.6.4: no filter by modification. Every read is a pass; what that costs is requests, not orders."""

    @pytest.fixture
    def shop(self) -> Iterator[SimulatedShop]:
        shop = SimulatedShop(modern=False)
        yield shop
        shop.close()

    @pytest.mark.skip(reason="without a filter by modification a poll is a pass")
    def test_a_quiet_poll_is_one_request(self, shop: Any) -> None: ...


# ------------------------------------------------------------------ recordings

RECORDINGS = Path(__file__).parent / "recordings" / "orders"


class RecordedShop:
    """Orders recorded from a real 9.9.5 store, put on the simulator's shelf as they are."""

    def __init__(self) -> None:
        self.store = Store(keys=[KEY])
        self.bodies = [_body(file) for file in sorted(RECORDINGS.glob("single_*.json"))]
        self.refunds = [
            refund
            for file in ("refunds_of_full.json", "refunds_of_partial.json")
            for refund in _body(RECORDINGS / file)
        ]
        self.http = Http(POLICY)

    def connector(self, *, order_start: datetime | None = None, page_size: int = 20) -> Connector:
        settings = Settings("http://127.0.0.1:9", {}, order_start, {"refunds_route": True}, page_size)
        return _Replayed(settings, self.http, self.bodies, self.refunds)

    def truth(self) -> Mapping[str, Truth]:
        return {
            str(body["id"]): Truth(
                Decimal(body["total"]),
                Decimal(body["total_tax"]),
                body["status"],
                -sum((Decimal(refund["total"]) for refund in body["refunds"]), Decimal(0)),
            )
            for body in self.bodies
        }

    def secrets(self) -> tuple[str, ...]:
        return ()


class _Replayed(WooCommerce):
    """The connector with its client answering from recordings."""

    def __init__(self, settings: Settings, http: Http, orders: list[Any], refunds: list[Any]) -> None:
        super().__init__(settings, http)
        by_id = {body["id"]: body for body in orders}

        class Replay:
            def get(self, resource: str, params: Any = ()) -> Any:
                from xtnd.connectors.woocommerce.client import Answer

                query = dict(params)
                if resource == "refunds":
                    rows = [refund for refund in refunds if str(refund["id"]) in query["include"].split(",")]
                elif resource.endswith("/refunds") or "modified_after" in query:
                    rows = []
                else:
                    offset = int(query.get("offset", 0))
                    rows = [by_id[key] for key in sorted(by_id)][offset : offset + int(query["per_page"])]
                return Answer(json.dumps(rows).encode(), {}, 200, datetime(2026, 11, 23, tzinfo=UTC))

        self._client = Replay()  # type: ignore[assignment]


def _body(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))["response"]["body"]


class TestRecordings(ReadingContract):
    @pytest.fixture
    def shop(self) -> RecordedShop:
        return RecordedShop()


# ------------------------------------------------------------------ a live store


class LiveShop:
    """XTND_LIVE_WOOCOMMERCE="https://shop.example ck_… cs_…": read only; truth is the store's own list."""

    def __init__(self, said: str) -> None:
        self.url, self.key, self.secret = said.split()
        self.http = Http(NetworkPolicy.parse(["127.0.0.0/8"]), ca_bundle=os.environ.get("XTND_LIVE_CA_BUNDLE"))
        self.options = self._made({}, None, 100).verify(lambda check: None).options

    def connector(self, *, order_start: datetime | None = None, page_size: int = 100) -> Connector:
        return self._made(self.options, order_start, page_size)

    def _made(self, options: Mapping[str, Any], start: datetime | None, page_size: int) -> WooCommerce:
        credentials = {"access_token": Secret(self.key), "secret": Secret(self.secret)}
        return WooCommerce(Settings(self.url, credentials, start, options, page_size), self.http)

    def truth(self) -> Mapping[str, Truth]:
        found: dict[str, Truth] = {}
        connector = self.connector()
        assert isinstance(connector, OrderSource)
        for record in records(self):
            raw = json.loads(record.payload)["order"]
            refunded = -sum((Decimal(refund["total"]) for refund in raw["refunds"]), Decimal(0))
            found[str(raw["id"])] = Truth(Decimal(raw["total"]), Decimal(raw["total_tax"]), raw["status"], refunded)
        return found

    def secrets(self) -> tuple[str, ...]:
        return (self.secret,)


@pytest.mark.skipif("XTND_LIVE_WOOCOMMERCE" not in os.environ, reason="XTND_LIVE_WOOCOMMERCE is not set")
class TestLive(ReadingContract):
    @pytest.fixture
    def shop(self) -> LiveShop:
        return LiveShop(os.environ["XTND_LIVE_WOOCOMMERCE"])
