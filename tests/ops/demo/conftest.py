"""A caller of the demo store, the recordings, and stores to call."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
import trustme
import urllib3

from xtnd.ops.demo.seed import seed_store
from xtnd.ops.demo.server import StoreServer
from xtnd.ops.demo.store import Key, Line, Store

RECORDINGS = Path(__file__).parents[2] / "connectors" / "woocommerce" / "recordings"
NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
TAIL = "00000000000000000000000000000000000001"
KEYS = (
    Key(f"ck_rw{TAIL}", f"cs_rw{TAIL}"),
    Key(f"ck_ro{TAIL}", f"cs_ro{TAIL}", "read"),
    Key(f"ck_wo{TAIL}", f"cs_wo{TAIL}", "write"),
    Key(f"ck_sm{TAIL}", f"cs_sm{TAIL}", "read_write", "shop_manager"),
    Key(f"ck_cu{TAIL}", f"cs_cu{TAIL}", "read_write", "customer"),
)


class Clock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Caller:
    """Calls a server as a connector would; `auth` is "basic", "query", "oauth", "oauth-header" or "none"."""

    server: StoreServer
    pool: urllib3.PoolManager
    auth: str = "basic"
    key: str = f"ck_rw{TAIL}"
    secret: str = f"cs_rw{TAIL}"
    nonces: Iterator[int] = field(default_factory=count)

    def named(self, name: str) -> Caller:
        """The same with another of KEYS: "rw", "ro", "wo", "sm" or "cu"."""
        return Caller(self.server, self.pool, self.auth, f"ck_{name}{TAIL}", f"cs_{name}{TAIL}", self.nonces)

    def by(self, auth: str, key: str | None = None, secret: str | None = None) -> Caller:
        return Caller(self.server, self.pool, auth, key or self.key, secret or self.secret, self.nonces)

    def __call__(
        self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None, **oauth: str
    ) -> Reply:
        sent = {"Accept": "application/json", **(headers or {})}
        url = self.server.url + path
        if self.auth == "basic":
            sent["Authorization"] = "Basic " + base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()
        elif self.auth == "query":
            url += f"{'&' if '?' in url else '?'}consumer_key={quote(self.key)}&consumer_secret={quote(self.secret)}"
        elif self.auth.startswith("oauth"):
            url, header = self._signed(method, url, oauth)
            sent |= header
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        reply = self.pool.request(
            method, url, body=data, headers=sent, redirect=False, retries=False, timeout=urllib3.Timeout(10)
        )
        return Reply(reply.status, dict(reply.headers), reply.data)

    def get(self, path: str, **oauth: str) -> Reply:
        return self("GET", path, None, headers=None, **oauth)

    def _signed(self, method: str, url: str, oauth: dict[str, str]) -> tuple[str, dict[str, str]]:
        address, _, query = url.partition("?")
        params = {
            "oauth_consumer_key": self.key,
            "oauth_timestamp": str(int(self.server.store.clock().timestamp())),
            "oauth_nonce": f"nonce{next(self.nonces)}",
            "oauth_signature_method": "HMAC-SHA256",
        }
        sign_as = oauth.pop("sign_as", address)
        params |= {f"oauth_{name}": value for name, value in oauth.items() if name != "signature"}
        pairs = [*parse_qsl(query, keep_blank_values=True), *params.items()]
        coded = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in pairs)
        text = "&".join(f"{name}={value}" for name, value in coded)
        base = "&".join((method, quote(sign_as, safe=""), quote(text, safe="~")))
        digest = hashlib.sha1 if params["oauth_signature_method"] == "HMAC-SHA1" else hashlib.sha256
        made = hmac.new(f"{self.secret}&".encode(), base.encode(), digest).digest()
        params["oauth_signature"] = oauth.get("signature", base64.b64encode(made).decode())
        listed = [f"{name}={quote(value, safe='')}" for name, value in params.items()]
        if self.auth == "oauth-header":
            quoted = ", ".join(part.replace("=", '="', 1) + '"' for part in listed)
            return url, {"Authorization": f"OAuth {quoted}"}
        return f"{address}?{'&'.join([query, *listed] if query else listed)}", {}


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def trusted(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


@pytest.fixture
def serve(trusted: ssl.SSLContext, tls: ssl.SSLContext) -> Iterator[Callable[..., Caller]]:
    """serve(store, https=True, ...StoreServer's own arguments) -> a Caller; stopped when the test ends."""
    running: list[StoreServer] = []
    pool = urllib3.PoolManager(ssl_context=trusted)

    def start(store: Store, *, https: bool = True, **options: Any) -> Caller:
        server = StoreServer(store, tls=tls if https else None, **options).start()
        running.append(server)
        return Caller(server, pool, "basic" if https else "oauth")

    yield start
    pool.clear()
    for server in running:
        server.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Store:
    """Empty but for a key of each sort."""
    return Store(keys=KEYS, clock=clock)


@pytest.fixture(scope="session")
def seeded() -> Store:
    """A seeded store that no test changes."""
    store = Store(keys=KEYS, clock=lambda: NOW)
    seed_store(store, orders=300, products=150)
    return store


@pytest.fixture
def shop(store: Store) -> tuple[Store, int, int]:
    """(store, a product with 61 in stock, a processing order for two of it)."""
    product = store.add_product(name="Vit Tröja 3", price="79", sku="ART-0003", stock=63)
    order = store.place_order(lines=[Line(product, 2)], billing={"country": "SE", "first_name": "Tid"})
    assert store.orders[order]["total"] == str(Decimal("158.00"))
    return store, product, order


@pytest.fixture(scope="session")
def recording() -> Callable[[str], dict[str, Any]]:
    """A recorded exchange with a real 9.9.5 store, by its name ("auth/https_basic")."""

    def read(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text("utf-8"))
        return found

    return read
