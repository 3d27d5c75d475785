"""A shop on 127.0.0.1 that answers with recordings of real ones. What a test does not say, a healthy 9.9.5 says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.connectors.loopback import Reply, Request
from xtnd.connectors.base import Settings
from xtnd.connectors.http import NetworkPolicy
from xtnd.core.secrets import Secret

RECORDINGS = Path(__file__).parent / "recordings"
LOOPBACK = NetworkPolicy.parse(["127.0.0.0/8"])
KEY = "ck_1f2e3d4c5b6a79880123456789abcdef01234567"
SECRET = "cs_76543210fedcba98764321089a7b6c5d4e3f2a1b"
_RECORDED_AT = re.compile(rb"https?:(\\?/\\?/)127\.0\.0\.1:18\d+")

Route = Reply | str | Callable[[Request], "Reply | str | None"]


def settings(api_url: str, *, key: str = KEY, secret: str = SECRET, **options: object) -> Settings:
    return Settings(api_url, {"access_token": Secret(key), "secret": Secret(secret)}, options=options)


def recorded(name: str) -> Reply:
    answer = json.loads((RECORDINGS / f"{name}.json").read_text())["response"]
    body = answer["body_text"] if "body_text" in answer else json.dumps(answer["body"], ensure_ascii=False)
    return Reply(answer["status"], body.encode(), answer["headers"])


def page(status: int = 200, text: str = "<!DOCTYPE html><html><body>Hej</body></html>", **headers: str) -> Reply:
    return Reply(status, text.encode(), {"Content-Type": "text/html", **headers})


def error(status: int, code: str, message: str = "") -> Reply:
    document = {"code": code, "message": message, "data": {"status": status}}
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def as_json(document: object, **headers: str) -> Reply:
    return Reply(200, json.dumps(document).encode(), {"Content-Type": "application/json", **headers})


def way_in(request: Request) -> str:
    """How a request carries its key: basic, query, oauth or none."""
    if "oauth_signature" in request.params:
        return "oauth"
    if "consumer_key" in request.params:
        return "query"
    return "basic" if request.headers.get("authorization", "").startswith("Basic ") else "none"


HEALTHY: dict[str, Route] = {
    "GET /": "index",
    "GET orders": "auth/https_basic",
    "GET orders modified": "orders/orderby_modified",
    "GET orders after": "auth/https_basic",
    "GET products": "products_fields_light",
    "GET products modified": "products_orderby_modified",
    "POST products/batch": as_json([]),
    "GET system_status": "system_status_fields",
    "GET settings/tax/woocommerce_prices_include_tax": as_json(
        {"id": "woocommerce_prices_include_tax", "value": "yes"}
    ),
    "GET refunds": "orders/refunds_route_after",
    "GET webhooks": "webhooks",
}


class Shop:
    """`routes` override what HEALTHY says; "*" answers everything, "*keyed" every request with a key in it,
    "home" the front page, "elsewhere" what is not below the API."""

    def __init__(self, routes: Mapping[str, Route] | None = None, *, prefix: str = "/wp-json") -> None:
        self.routes = {**HEALTHY, **(routes or {})}
        self.prefix = prefix
        self.url = ""

    def __call__(self, request: Request) -> Reply | None:
        route = self.routes.get("*") or self._keyed(request) or self._route(request)
        if callable(route):
            route = route(request)
        if isinstance(route, str):
            route = recorded(route)
        return None if route is None else self._here(route)

    def _keyed(self, request: Request) -> Route | None:
        return self.routes.get("*keyed") if way_in(request) != "none" else None

    def _route(self, request: Request) -> Route:
        if not (request.path + "/").startswith(f"{self.prefix}/"):
            name = "home" if request.path == "/" and not request.params else "elsewhere"
            return self.routes.get(name, page(404 if name == "elsewhere" else 200))
        resource = request.path.removeprefix(self.prefix).removeprefix("/wc/v3").strip("/") or "/"
        kind = f"{request.method} {resource}"
        if request.params.get("orderby") == "modified":
            kind += " modified"
        elif "after" in request.params:
            kind += " after"
        return self.routes.get(kind) or self.routes.get(kind.rsplit(" ", 1)[0]) or recorded("auth/https_unknown_route")

    def _here(self, reply: Reply) -> Reply:
        """The recording's own address becomes this server's."""
        at = self.url.partition("://")
        body = _RECORDED_AT.sub(lambda found: f"{at[0]}:".encode() + found[1] + at[2].encode(), reply.body)
        headers = {
            name: _RECORDED_AT.sub(self.url.encode(), value.encode()).decode()
            for name, value in reply.headers.items()
            if name.lower() not in ("content-length", "server", "date")
        }
        return Reply(reply.status, body, headers)
