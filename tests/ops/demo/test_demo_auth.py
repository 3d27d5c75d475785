"""Who gets in, and what the others are told: the matrix measured on 3.6.4 and 9.9.5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xtnd.ops.demo import faults
from xtnd.ops.demo.store import Store

ORDERS = "/wp-json/wc/v3/orders?per_page=1&_fields=id,status"
ERROR = "woocommerce_rest_authentication_error"
TAIL = "00000000000000000000000000000000000001"
WRONG = {"signature": "AAAAjKQpDM9JXVyE2xAXqqlfbHh4cnkFBc1phGSsSUE="}


def told(recording: Callable[[str], dict[str, Any]], name: str) -> tuple[int, Any]:
    real = recording(name)["response"]
    return real["status"], real["body"] if real["status"] >= 400 else None


def answered(reply: Any) -> tuple[int, Any]:
    return reply.status, reply.json if reply.status >= 400 else None


@pytest.mark.parametrize(
    ("name", "https", "auth", "oauth"),
    [
        ("https_none", True, "none", {}),
        ("https_basic", True, "basic", {}),
        ("https_query", True, "query", {}),
        ("https_oauth", True, "oauth", {}),
        ("http_none", False, "none", {}),
        ("http_basic", False, "basic", {}),
        ("http_query", False, "query", {}),
        ("http_oauth", False, "oauth", {}),
        ("http_oauth_header", False, "oauth-header", {}),
        ("http_oauth_sha1", False, "oauth", {"signature_method": "HMAC-SHA1"}),
        ("http_oauth_plaintext", False, "oauth", {"signature_method": "PLAINTEXT"}),
        ("http_oauth_bad_signature", False, "oauth", WRONG),
    ],
)
def test_ways_in(
    name: str, https: bool, auth: str, oauth: dict[str, str], seeded: Store,
    serve: Callable[..., Any], recording: Callable[[str], dict[str, Any]],
) -> None:  # fmt: skip
    caller = serve(seeded, https=https).by(auth)
    assert answered(caller.get(ORDERS, **oauth)) == told(recording, f"auth/{name}")


@pytest.mark.parametrize(
    ("name", "https", "auth", "key", "secret"),
    [
        ("https_wrong_key_basic", True, "basic", "ck_nope", "cs_nope"),
        ("https_wrong_key_query", True, "query", "ck_nope", "cs_nope"),
        ("https_wrong_secret_basic", True, "basic", None, "cs_nope"),
        ("https_wrong_secret_query", True, "query", None, "cs_nope"),
        ("https_swapped_key_and_secret", True, "basic", f"cs_rw{TAIL}", f"ck_rw{TAIL}"),
        ("https_key_with_trailing_space", True, "basic", f"ck_rw{TAIL} ", None),
        ("https_secret_with_trailing_space", True, "basic", None, f"cs_rw{TAIL} "),
        ("http_oauth_unknown_key", False, "oauth", "ck_nope", None),
        ("http_oauth_wrong_secret", False, "oauth", None, "cs_nope"),
    ],
)
def test_wrong_keys(
    name: str, https: bool, auth: str, key: str | None, secret: str | None, seeded: Store,
    serve: Callable[..., Any], recording: Callable[[str], dict[str, Any]],
) -> None:  # fmt: skip
    caller = serve(seeded, https=https).by(auth, key, secret)
    assert answered(caller.get(ORDERS)) == told(recording, f"auth/{name}")


@pytest.mark.parametrize(
    ("name", "minutes"),
    [("http_oauth_old_timestamp", -16), ("http_oauth_14min_old_timestamp", -14), ("http_oauth_future_timestamp", 16)],
)
def test_the_clock_may_be_off_by_a_quarter(
    name: str, minutes: int, seeded: Store, serve: Callable[..., Any], recording: Callable[[str], dict[str, Any]]
) -> None:
    stamp = str(int(seeded.clock().timestamp()) + minutes * 60)
    assert answered(serve(seeded, https=False).get(ORDERS, timestamp=stamp)) == told(recording, f"auth/{name}")


def test_a_nonce_is_spent_until_another_of_the_same_second(
    seeded: Store, serve: Callable[..., Any], recording: Callable[[str], dict[str, Any]]
) -> None:
    caller = serve(seeded, https=False)
    assert caller.get(ORDERS, nonce="one").status == 200
    assert answered(caller.get(ORDERS, nonce="one")) == told(recording, "auth/http_oauth_nonce_reused")
    assert caller.get(ORDERS, nonce="two").status == 200
    assert caller.get(ORDERS, nonce="one").status == 200


def test_half_an_oauth_request(
    seeded: Store, serve: Callable[..., Any], recording: Callable[[str], dict[str, Any]]
) -> None:
    reply = serve(seeded, https=False).by("none").get(f"/wp-json/wc/v3/orders?oauth_consumer_key=ck_rw{TAIL}")
    assert answered(reply) == told(recording, "auth/http_oauth_missing_param")


@pytest.mark.parametrize(
    ("name", "key", "method", "path"),
    [
        ("https_readonly_write_order", "ro", "PUT", "/orders/1"),
        ("https_readonly_post_product", "ro", "POST", "/products"),
        ("https_writeonly_read", "wo", "GET", "/orders?per_page=1"),
        ("https_writeonly_system_status", "wo", "GET", "/system_status"),
        ("https_customer_user_orders", "cu", "GET", "/orders?per_page=1"),
        ("https_customer_user_write", "cu", "POST", "/products"),
        ("https_shop_manager_orders", "sm", "GET", "/orders?per_page=1"),
        ("https_shop_manager_system_status", "sm", "GET", "/system_status?_fields=settings"),
        ("https_shop_manager_settings", "sm", "GET", "/settings/general"),
        ("https_shop_manager_webhooks", "sm", "GET", "/webhooks"),
        ("https_unknown_route", "rw", "GET", "/nosuch"),
        ("https_unknown_ns", "rw", "GET", "/../v9/orders"),
        ("https_wrong_method", "rw", "PATCH", "/system_status"),
    ],
)
def test_rights(
    name: str, key: str, method: str, path: str, seeded: Store,
    serve: Callable[..., Any], recording: Callable[[str], dict[str, Any]],
) -> None:  # fmt: skip
    url = f"/wp-json/wc/v3{path}".replace("v3/../", "")
    body: dict[str, str] | None = None if method == "GET" else {}
    assert answered(serve(seeded).named(key)(method, url, body)) == told(recording, f"auth/{name}")


def test_a_write_without_tls_is_refused_as_anonymous(
    seeded: Store, serve: Callable[..., Any], recording: Callable[[str], dict[str, Any]]
) -> None:
    reply = serve(seeded, https=False).by("basic")("PUT", "/wp-json/wc/v3/orders/999999", {"status": "completed"})
    assert answered(reply) == told(recording, "auth/http_basic_put")


@pytest.mark.parametrize(
    "path",
    ["//wp-json/wc/v3/orders", "/wp-json/wc/v3/orders/", "/index.php/wp-json/wc/v3/orders", "/wp-json/wc/v2/orders"],
)
def test_other_spellings_of_the_path(path: str, seeded: Store, serve: Callable[..., Any]) -> None:
    reply = serve(seeded).get(f"{path}?per_page=1&_fields=id")
    assert (reply.status, reply.json) == (200, [{"id": max(seeded.orders)}])


def test_version_1_sees_no_orders_on_hpos(seeded: Store, serve: Callable[..., Any]) -> None:
    reply = serve(seeded).get("/wp-json/wc/v1/orders?per_page=1")
    assert (reply.json, reply.headers["X-WP-Total"]) == ([], "0")


def test_head_and_options(seeded: Store, serve: Callable[..., Any]) -> None:
    caller = serve(seeded)
    head = caller("HEAD", "/wp-json/wc/v3/orders?per_page=1")
    assert (head.status, head.body, head.headers["X-WP-Total"]) == (200, b"", "300")
    options = caller("OPTIONS", "/wp-json/wc/v3/orders").json
    assert options["methods"] == ["GET", "POST"]
    assert "modified" in options["endpoints"][0]["args"]["orderby"]["enum"]
    assert caller("OPTIONS", "/wp-json/wc/v3/nosuch").json == []


def test_link_leaks_the_keys(seeded: Store, serve: Callable[..., Any]) -> None:
    link = serve(seeded).by("query").get(ORDERS).headers["Link"]
    assert f'consumer_secret=cs_rw{TAIL}&status%5B0%5D=any&dp=2&context=view&page=2>; rel="next"' in link


def test_the_rest_route_parameter_alone_authenticates_nobody(seeded: Store, serve: Callable[..., Any]) -> None:
    caller = serve(seeded)
    assert caller.get("/?rest_route=/wc/v3/orders").json["code"] == "woocommerce_rest_cannot_view"
    assert caller.get("/?rest_route=/wc/v3/orders&x=%2Fwp-json%2Fwc%2F").status == 401
    assert caller.get("/?rest_route=/wc/v3/orders&x=/wp-json/wc/").status == 200


def test_a_proxy_that_hides_tls(seeded: Store, serve: Callable[..., Any]) -> None:
    caller = serve(seeded, faults=faults.always(faults.https_hidden()))
    address = f"{caller.server.url}/wp-json/wc/v3/orders"
    assert caller.get(ORDERS).json["code"] == "woocommerce_rest_cannot_view"
    assert caller.by("oauth").get(ORDERS).json["message"] == "Invalid signature - provided signature does not match."
    assert caller.by("oauth").get(ORDERS, sign_as=address.replace("https", "http")).status == 200


def test_a_server_that_strips_the_authorization_header(seeded: Store, serve: Callable[..., Any]) -> None:
    caller = serve(seeded, faults=faults.always(faults.stripped_authorization()))
    assert caller.get(ORDERS).json["code"] == "woocommerce_rest_cannot_view"
    assert caller.by("oauth-header").get(ORDERS).status == 401
    assert caller.by("query").get(ORDERS).status == 200
    assert caller.by("oauth").get(ORDERS).status == 200
