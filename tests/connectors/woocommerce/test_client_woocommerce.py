"""The client: what is sent, how it is signed, and what each answer means."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from tests.connectors.loopback import Authority, Loopback, Reply, Request, Talker, closed_port
from tests.connectors.woocommerce.replay import KEY, LOOPBACK, SECRET, Shop, as_json, error, page, recorded, settings
from xtnd.connectors.base import Settings
from xtnd.connectors.http import Http, Response
from xtnd.connectors.woocommerce.client import (
    Answer,
    Client,
    base_string,
    default_base,
    fault_of,
    judged,
    numbered,
    quotable,
    signed_address,
)
from xtnd.core.errors import (
    AuthenticationFailed,
    ExternalError,
    Forbidden,
    NotFound,
    RateLimited,
    Rejected,
    Unavailable,
    UnknownOutcome,
    Unreadable,
)
from xtnd.core.secrets import Secret
from xtnd.ops.demo import faults
from xtnd.ops.demo.server import StoreServer
from xtnd.ops.demo.store import Key, Store


@pytest.fixture
def http() -> Iterator[Http]:
    with Http(LOOPBACK) as client:
        yield client


def response(name: str) -> Response:
    reply = recorded(name)
    return Response(
        reply.status, {key.lower(): value for key, value in reply.headers.items()}, reply.body, 0.1, "https://x"
    )


def answer_to(reply: Reply, http: Http, *, post: bool = False) -> Answer:
    with Loopback(lambda request: reply) as shop:
        client = Client(http, settings(shop.url))
        return client.post("orders", {}) if post else client.get("orders")


# ------------------------------------------------------------------ what is sent


def asked(http: Http, *, path: str = "", **options: object) -> Request:
    with Loopback(lambda request: as_json([])) as shop:
        if "base" in options:
            options["base"] = f"{shop.url}{options['base']}"
        Client(http, settings(f"{shop.url}{path}", **options)).get("orders", {"page": "2", "search": "å b"})
        return shop.requests[0]


def test_basic(http: Http) -> None:
    request = asked(http, auth="basic")
    assert request.uri == "/wp-json/wc/v3/orders?page=2&search=%C3%A5%20b"
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() == f"{KEY}:{SECRET}"
    assert request.headers["accept"] == "application/json"


def test_query(http: Http) -> None:
    request = asked(http, auth="query")
    assert request.params == {"page": "2", "search": "å b", "consumer_key": KEY, "consumer_secret": SECRET}
    assert "authorization" not in request.headers


def test_http_without_options_is_signed_and_shows_no_secret(http: Http) -> None:
    request = asked(http)
    assert request.params["oauth_consumer_key"] == KEY
    assert request.params["oauth_signature_method"] == "HMAC-SHA256"
    assert abs(int(request.params["oauth_timestamp"]) - time.time()) < 5
    assert SECRET not in request.uri
    assert "authorization" not in request.headers


def test_every_request_has_a_nonce_of_its_own_and_the_shops_time(http: Http) -> None:
    first, second = asked(http, auth="oauth", clock_offset=-7200), asked(http, auth="oauth")
    assert first.params["oauth_nonce"] != second.params["oauth_nonce"]
    assert abs(int(first.params["oauth_timestamp"]) + 7200 - time.time()) < 5


def test_credentials_are_trimmed(http: Http) -> None:
    with Loopback(lambda request: as_json([])) as shop:
        given = {"access_token": Secret(f" {KEY}\n"), "secret": Secret(f"\t{SECRET} ")}
        Client(http, Settings(shop.url, given, options={"auth": "query"})).get("orders")
        assert (shop.requests[0].params["consumer_key"], shop.requests[0].params["consumer_secret"]) == (KEY, SECRET)


def test_index_and_namespaces(http: Http) -> None:
    with Loopback(lambda request: as_json({})) as shop:
        client = Client(http, settings(f"{shop.url}/butik/", auth="basic"))
        client.send("GET", "", namespace="")
        client.get("orders/12/refunds")
        client.get("data", namespace="wc-analytics")
        assert [one.path for one in shop.requests] == [
            "/butik/wp-json/",
            "/butik/wp-json/wc/v3/orders/12/refunds",
            "/butik/wp-json/wc-analytics/data",
        ]


def test_post_sends_json(http: Http) -> None:
    with Loopback(lambda request: Reply(201, b'{"id": 1}')) as shop:
        answer = Client(http, settings(shop.url)).post("orders", {"note": "åäö"})
        assert json.loads(shop.requests[0].body) == {"note": "åäö"}
        assert shop.requests[0].headers["content-type"] == "application/json"
    assert (answer.status, answer.body) == (201, b'{"id": 1}')


def test_plain_permalinks_spell_what_the_shop_looks_for(http: Http) -> None:
    """Raw slashes: it authenticates only when the URI contains wp-json/wc/ (measured on 9.9.5 and 3.6.4)."""
    request = asked(http, base="/index.php", style="query", auth="basic")
    assert request.uri.startswith("/index.php?rest_route=/wc/v3/orders&x=/wp-json/wc/&page=2")


def test_defaults() -> None:
    assert default_base("shop.example/") == "https://shop.example/wp-json"
    assert default_base("http://shop.example/butik") == "http://shop.example/butik/wp-json"


# ------------------------------------------------------------------ signatures


def php_base_string(method: str, address: str, query: str) -> str:
    """WooCommerce's check, told as its steps: parse, sort by key, encode keys and values, join, encode the pairs."""
    parsed: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        outer, _, inner = name.partition("[")
        if inner:
            parsed.setdefault(outer, {})[inner.rstrip("]")] = value
        else:
            parsed[outer] = value
    parsed.pop("oauth_signature", None)
    joined = []
    for name in sorted(parsed, key=str.encode):
        value = parsed[name]
        if isinstance(value, dict):
            one = [f"{quote(name, safe='~')}%5B{key}%5D={quote(each, safe='~')}" for key, each in value.items()]
        else:
            one = [f"{quote(name, safe='~')}={quote(value, safe='~')}"]
        joined += [quote(pair, safe="~") for pair in one]
    return f"{method}&{quote(address, safe='')}&{'%26'.join(joined)}"


@pytest.mark.parametrize(
    ("params", "sign_as", "path", "address"),
    [
        ({"page": "1", "_fields": "id,status"}, "", "", "{url}/wp-json/wc/v3/orders"),
        ({"search": "å ä+ö & ~*'()%", "after": "2026-11-20T00:00:00Z"}, "", "", "{url}/wp-json/wc/v3/orders"),
        ([("status[]", "any"), ("status[]", "trash")], "", "", "{url}/wp-json/wc/v3/orders"),
        ({"page": "1"}, "https://shop.example", "", "https://shop.example/wp-json/wc/v3/orders"),
        ({"page": "1"}, "http://shop.example/butik", "/butik", "http://shop.example/butik/wp-json/wc/v3/orders"),
        ({"page": "1"}, "http://shop.example:81/", "", "http://shop.example:81/wp-json/wc/v3/orders"),
    ],
)
def test_signature(http: Http, params: Any, sign_as: str, path: str, address: str) -> None:
    with Loopback(lambda request: as_json([])) as shop:
        Client(http, settings(f"{shop.url}{path}", auth="oauth", sign_as=sign_as)).get("orders", params)
        request = shop.requests[0]
        text = php_base_string("GET", address.replace("{url}", shop.url), urlsplit(request.uri).query)
    digest = hmac.new(f"{SECRET}&".encode(), text.encode(), hashlib.sha256).digest()
    assert request.params["oauth_signature"] == base64.b64encode(digest).decode()


def test_numbered_lists() -> None:
    assert numbered([("status[]", "a"), ("page", "1"), ("status[]", "b")]) == [
        ("status[0]", "a"),
        ("page", "1"),
        ("status[1]", "b"),
    ]


def test_base_string_sorts_by_the_name_before_the_bracket() -> None:
    text = base_string("get", "http://x/", [("b", "2"), ("a_b", "3"), ("a[1]", "1"), ("_f", "0")])
    assert text == "GET&http%3A%2F%2Fx%2F&_f%3D0%26a%255B1%255D%3D1%26a_b%3D3%26b%3D2"


def test_signed_address_takes_the_path_below_home() -> None:
    assert signed_address("https://a/b/wp-json/x", "http://c/b") == "http://c/b/wp-json/x"
    assert signed_address("https://a/wp-json/x", "http://c/b") == "http://c/b/wp-json/x"
    assert signed_address("https://a/wp-json/x", "") == "https://a/wp-json/x"


def store() -> Store:
    return Store(keys=[Key(KEY, SECRET)])


@pytest.mark.parametrize("modern", [True, False])
def test_the_simulated_store_accepts_the_signature(http: Http, modern: bool) -> None:
    with StoreServer(Store(keys=[Key(KEY, SECRET)], modern=modern), prefix="/butik") as shop:
        client = Client(http, settings(shop.url))
        assert client.get("orders", [("status[]", "any"), ("search", "å b+c~&"), ("per_page", "1")]).total == 0
        assert client.post("products/batch", {}).body == b"[]"


def test_plain_permalinks_with_oauth_in_the_simulated_store(http: Http) -> None:
    with StoreServer(store(), permalinks="plain") as shop:
        options = {"base": f"{shop.url}/index.php", "style": "query", "auth": "oauth"}
        assert Client(http, settings(shop.url, **options)).get("orders", {"page": "1"}).body == b"[]"


@pytest.mark.parametrize(
    ("fault", "options", "works"),
    [
        (None, {"auth": "basic"}, True),
        (None, {"auth": "query"}, True),
        (None, {"auth": "oauth"}, True),
        (faults.stripped_authorization(), {"auth": "basic"}, False),
        (faults.stripped_authorization(), {"auth": "query"}, True),
        (faults.https_hidden(), {"auth": "basic"}, False),
        (faults.https_hidden(), {"auth": "oauth"}, False),
        (faults.https_hidden(), {"auth": "oauth", "sign_as": "http"}, True),
    ],
)
def test_the_matrix_over_https(tmp_path: Any, fault: Any, options: dict[str, str], works: bool) -> None:
    authority = Authority(tmp_path)
    scripted = faults.always(fault) if fault else None
    with (
        StoreServer(store(), tls=authority.context(), faults=scripted) as shop,
        Http(LOOPBACK, ca_bundle=authority.bundle) as http,
    ):
        if "sign_as" in options:
            options = {**options, "sign_as": shop.url.replace("https:", "http:")}
        client = Client(http, settings(shop.url, **options))
        if works:
            assert client.get("orders").body == b"[]"
        else:
            with pytest.raises(AuthenticationFailed):
                client.get("orders")


# ------------------------------------------------------------------ what answers mean

E401 = "woocommerce_rest_authentication_error"


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("auth/https_none", AuthenticationFailed, "woocommerce_rest_cannot_view"),
        ("auth/https_wrong_secret_basic", AuthenticationFailed, E401),
        ("auth/https_wrong_key_basic", AuthenticationFailed, "woocommerce_rest_cannot_view"),
        ("auth/https_swapped_key_and_secret", AuthenticationFailed, "woocommerce_rest_cannot_view"),
        ("auth/https_writeonly_read", AuthenticationFailed, E401),
        ("auth/http_oauth_future_timestamp", AuthenticationFailed, E401),
        ("auth/http_oauth_nonce_reused", AuthenticationFailed, E401),
        ("auth/http_oauth_missing_param", AuthenticationFailed, "woocommerce_rest_authentication_missing_parameter"),
        ("auth/https_customer_user_orders", Forbidden, "woocommerce_rest_cannot_view"),
        ("env/blocked_403_html_orders", Forbidden, "blocked"),
        ("env/blocked_rest_disabled_403_orders", Forbidden, "blocked"),
        ("env/blocked_rest_not_logged_in_orders_noauth", AuthenticationFailed, "rest_not_logged_in"),
        ("env/bom_before_json_orders_noauth", AuthenticationFailed, "woocommerce_rest_cannot_view"),
        ("env/php_warning_before_json_orders_401", AuthenticationFailed, "woocommerce_rest_cannot_view"),
        ("env/json_with_html_content_type_orders_noauth", AuthenticationFailed, "woocommerce_rest_cannot_view"),
        ("auth/https_unknown_route", NotFound, "rest_no_route"),
        ("orders/order_404", NotFound, "woocommerce_rest_shop_order_invalid_id"),
        ("env/subdir_wrong_root", Unavailable, "no_api"),
        ("auth/https_legacy_v3", Unavailable, "no_api"),
        ("env/plain_permalinks_orders", Unavailable, "redirected"),
        ("env/redirect_http_to_https", Unavailable, "redirected"),
        ("env/redirect_nonwww", Unavailable, "redirected"),
        ("env/plain_permalinks_after_301", Unreadable, "html_instead_of_json"),
        ("env/plain_html_page", Unreadable, "html_instead_of_json"),
        ("env/maintenance_mode_orders", Unavailable, "maintenance"),
        ("env/maintenance_mode_accept_any", Unavailable, "maintenance"),
        ("env/db_down_orders", Unavailable, "database_down"),
        ("env/php_fatal_orders", Unavailable, "php_fatal"),
        ("env/php_fatal_accept_any", Unavailable, "php_fatal"),
        ("env/too_many_requests_orders", RateLimited, "too_many_requests"),
        ("orders/per_page_101", Rejected, "rest_invalid_param"),
        ("orders/orderby_invalid", Rejected, "rest_invalid_param"),
        ("write/products_batch_101", Rejected, "woocommerce_rest_request_entity_too_large"),
    ],
)
def test_recorded_refusals(name: str, kind: type[ExternalError], code: str) -> None:
    with pytest.raises(kind) as caught:
        judged(response(name))
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert "<" not in str(caught.value)


def test_waits_are_passed_on() -> None:
    with pytest.raises(Unavailable) as maintenance:
        judged(response("env/maintenance_mode_orders"))
    with pytest.raises(RateLimited) as busy:
        judged(response("env/too_many_requests_orders"))
    assert (maintenance.value.wait, busy.value.wait) == (600.0, 30.0)


def test_validation_says_which_and_why() -> None:
    with pytest.raises(Rejected) as caught:
        judged(response("orders/orderby_invalid"))
    assert "orderby is not one of date, id, include, title, slug, and modified." in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "env/bom_before_json_orders",
        "env/php_warning_before_json_orders",
        "env/json_with_html_content_type_orders",
        "auth/https_basic",
    ],
)
def test_recorded_answers(name: str) -> None:
    answer = judged(response(name))
    assert isinstance(json.loads(answer.body), list)
    assert answer.total is not None
    assert "link" not in answer.headers


def test_store_time(http: Http) -> None:
    answer = answer_to(as_json([]), http)
    assert answer.store_time is not None
    assert abs((answer.store_time - datetime.now(UTC)).total_seconds()) < 5
    assert judged(Response(200, {"date": "nonsense"}, b"[]", 0.0, "")).store_time is None


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "empty_answer"), (b'[{"id":1', "unreadable"), (b"<p>x", "html_instead_of_json"), (b"OK", "unreadable")],
)
def test_a_200_that_is_not_json(body: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        judged(Response(200, {}, body, 0.0, ""))
    assert caught.value.code == code


# ------------------------------------------------------------------ writes


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (page(), UnknownOutcome, "unreadable_answer"),
        (Reply(201, b""), UnknownOutcome, "unreadable_answer"),
        (page(502), UnknownOutcome, "gateway"),
        (page(504), UnknownOutcome, "gateway"),
        (page(500), UnknownOutcome, "server_error"),
        (None, UnknownOutcome, "connection"),
        (error(500, "woocommerce_rest_cannot_create_order_refund", "Invalid refund amount."), Rejected, None),
        (error(503, "wp_die", "Briefly unavailable"), Unavailable, "maintenance"),
        (error(500, "wp_die", "<h1>Error establishing a database connection</h1>"), Unavailable, "database_down"),
        (Reply(301, b"", {"Location": "https://elsewhere.test/"}), Unavailable, "redirected"),
        (error(400, "rest_invalid_param", "Invalid parameter(s): status"), Rejected, "rest_invalid_param"),
        (page(405), Rejected, "http_405"),
        (error(429, "slow_down"), RateLimited, "too_many_requests"),
    ],
)
def test_what_became_of_a_write(http: Http, reply: Any, kind: type[ExternalError], code: str | None) -> None:
    with Loopback(lambda request: reply) as shop:
        with pytest.raises(kind) as caught:
            Client(http, settings(shop.url)).post("orders", {})
        assert len(shop.requests) == 1
    assert type(caught.value) is kind
    assert code is None or caught.value.code == code


def test_a_write_that_never_left_is_not_unknown(http: Http) -> None:
    with pytest.raises(Unavailable) as caught:
        Client(http, settings(f"http://127.0.0.1:{closed_port()}")).post("orders", {})
    assert caught.value.code == "refused"


def test_a_write_that_was_cut_off_is_unknown(http: Http) -> None:
    cut = b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{"
    with Talker(lambda wire: wire.sendall(cut)) as shop, pytest.raises(UnknownOutcome):
        Client(http, settings(shop.url)).post("orders", {})


def test_a_write_answered_behind_a_php_warning_was_made(http: Http) -> None:
    """The POST did its work (measured): 201 and JSON that can be read is an answer."""
    answer = answer_to(recorded("env/php_warning_before_json_post"), http, post=True)
    assert answer.status == 201
    assert json.loads(answer.body)


def test_lost_answer_in_the_simulated_store(http: Http) -> None:
    with StoreServer(store(), faults=faults.always(faults.lost_answer())) as shop:
        with pytest.raises(UnknownOutcome):
            Client(http, settings(shop.url)).post("products", {"name": "x"})
        assert len(shop.store.products) == 1


def test_reads_are_tried_again(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xtnd.connectors.http.pause", lambda seconds: None)
    replies = iter([page(502), error(503, "wp_die"), as_json([1])])
    with Loopback(lambda request: next(replies)) as shop:
        assert Client(http, settings(shop.url)).get("orders").body == b"[1]"
        nonces = {request.params["oauth_nonce"] for request in shop.requests}
    assert len(nonces) == 3


# ------------------------------------------------------------------ silence about secrets


def echo(status: int, request: Request) -> Reply:
    """A shop that tells everything it was sent, as `Link` does on real ones."""
    told = f"bad {request.uri} {request.headers.get('authorization', '')} {KEY} {SECRET} {SECRET[3:]}"
    body = told.encode() if status == 200 else error(status, f"code_{SECRET}", told).body
    return Reply(status, body, {"Content-Type": "application/json", "Link": f"<{request.uri}>", "X-Told": told})


@pytest.mark.parametrize("auth", ["basic", "query", "oauth"])
@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("writing", [False, True])
def test_no_error_says_a_secret(
    auth: str,
    status: int,
    writing: bool,
    http: Http,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("xtnd.connectors.http.pause", lambda seconds: None)
    caplog.set_level(logging.DEBUG)
    with Loopback(lambda request: echo(status, request)) as shop:
        client = Client(http, settings(shop.url, auth=auth))
        with pytest.raises(ExternalError) as caught:
            client.post("orders", {}) if writing else client.get("orders")
        sent = shop.requests[-1]
    fault = caught.value
    said = f"{client!r} {fault} {fault!r} {fault.text.as_json()} {fault.code} {fault.__cause__!r} {caplog.text}"
    signature = sent.params.get("oauth_signature", SECRET)
    basic = sent.headers.get("authorization", SECRET).removeprefix("Basic ")
    assert not [one for one in (SECRET, SECRET[3:], KEY, signature, basic) if one in said]


def test_an_answer_does_not_show_its_headers_or_body() -> None:
    answer = judged(response("auth/https_query"))
    assert "972" not in repr(answer)
    assert "cs_" not in repr(answer) + str(dict(answer.headers))


def test_quotable() -> None:
    assert quotable("<p>Fel &amp; <b>brott</b></p>\n\n  slut") == "Fel & brott slut"
    assert quotable("ab " * 300) == ("ab " * 67)[:199] + "…"
    assert quotable(f"key {KEY} is bad") == "key … is bad"
    assert quotable("https://x/?oauth_signature=abc%3D&consumer_secret=zzz") == "https://x/?…"


def test_fault_of_odd_documents() -> None:
    for body in (b"", b"null", b"[]", b'{"code": 5}', b'{"code": "x", "data": 400}', b"\xff\xfe"):
        assert fault_of(Response(400, {}, body, 0.0, "")).params == {}


def test_the_shop_helper_replays(http: Http) -> None:
    shop = Shop()
    with Loopback(shop) as server:
        shop.url = server.url
        assert Client(http, settings(server.url)).get("orders").total == 610
