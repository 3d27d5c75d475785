"""A loopback store that answers at once: pages of real-sized orders, rendered before the clock starts.

As a process: `python -m bench.server ORDERS LATENCY_MS`. Prints its port and serves until it is ended.
"""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit

from xtnd.ops.demo.seed import seed_store
from xtnd.ops.demo.server import StoreServer
from xtnd.ops.demo.store import Key, Store

KEY = Key("ck_" + "be" * 20, "cs_" + "ac" * 20)
SEEDED = 1000


def rendered(count: int) -> list[bytes]:
    """`count` orders, each with an id of its own, made from a seeded store's answers."""
    store = Store(keys=[KEY])
    seed_store(store, orders=SEEDED)
    bodies: list[bytes] = []
    with StoreServer(store) as server:
        import msgspec

        from xtnd.connectors.base import Settings
        from xtnd.connectors.http import Http, NetworkPolicy
        from xtnd.connectors.woocommerce.client import Client
        from xtnd.core.secrets import Secret

        credentials = {"access_token": Secret(KEY.consumer_key), "secret": Secret(KEY.consumer_secret)}
        with Http(NetworkPolicy.parse(["127.0.0.0/8"])) as http:
            client = Client(http, Settings(server.url, credentials))
            for page in range(SEEDED // 100):
                params = {"orderby": "id", "order": "asc", "per_page": "100", "offset": str(page * 100)}
                answer = client.get("orders", params)
                bodies += [bytes(raw) for raw in msgspec.json.decode(answer.body, type=list[msgspec.Raw])]
    made = []
    for number in range(count):
        body = bodies[number % len(bodies)]
        body = re.sub(rb'^\{"id":\d+', b'{"id":%d' % (100_000 + number), body, count=1)
        body = re.sub(rb'"number":"\d+"', b'"number":"%d"' % (100_000 + number), body, count=1)
        body = re.sub(rb'"refunds":\[[^\]]*\]', b'"refunds":[]', body, count=1)
        made.append(body)
    return made


class Shop:
    """HTTP/1.1 with keep-alive, one thread a connection, nothing computed per request but a join."""

    def __init__(self, orders: list[bytes], latency: float) -> None:
        self.orders, self.latency = orders, latency
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]

    def serve(self) -> None:
        while True:
            client, _address = self.listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        waiting = b""
        while True:
            while b"\r\n\r\n" not in waiting:
                got = client.recv(65_536)
                if not got:
                    return
                waiting += got
            head, waiting = waiting.split(b"\r\n\r\n", 1)
            target = head.split(b" ", 2)[1].decode()
            if self.latency:
                time.sleep(self.latency)
            client.sendall(self._answer(target))

    def _answer(self, target: str) -> bytes:
        query = {name: values[-1] for name, values in parse_qs(urlsplit(target).query).items()}
        size = int(query.get("per_page", 10))
        if "modified_after" in query:
            rows: list[bytes] = []
        else:
            start = int(query.get("offset", (int(query.get("page", 1)) - 1) * size))
            rows = self.orders[start : start + size]
        body = b"[" + b",".join(rows) + b"]"
        date = format_datetime(datetime.now(UTC), usegmt=True)
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
            f"Date: {date}\r\nX-WP-Total: {len(self.orders)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def main() -> None:
    count, latency = int(sys.argv[1]), float(sys.argv[2]) / 1000
    shop = Shop(rendered(count), latency)
    sys.stdout.write(f"{shop.port}\n")
    sys.stdout.flush()
    shop.serve()


if __name__ == "__main__":
    main()
