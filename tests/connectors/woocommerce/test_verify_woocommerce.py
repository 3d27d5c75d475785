"""Verify: every cause has its own line, fix and test; nothing is written, nothing secret said, 20 requests at most."""

from __future__ import annotations

import errno
import json
import logging
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.connectors.loopback import Authority, Loopback, Reply, Request, Talker, closed_port
from tests.connectors.woocommerce.replay import (
    KEY,
    LOOPBACK,
    SECRET,
    Route,
    Shop,
    as_json,
    error,
    page,
    recorded,
    settings,
    way_in,
)
from xtnd.connectors.base import Check, Outcome, Report, Settings
from xtnd.connectors.http import Http, NetworkPolicy
from xtnd.connectors.woocommerce import verify as module
from xtnd.connectors.woocommerce.causes import CAUSES
from xtnd.connectors.woocommerce.client import Client
from xtnd.connectors.woocommerce.verify import FIELDS, GUIDE, MOST_REQUESTS, verify
from xtnd.ops.demo import faults
from xtnd.ops.demo.server import StoreServer
from xtnd.ops.demo.store import Key, Line, Store


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def http(authority: Authority) -> Iterator[Http]:
    with Http(LOOPBACK, ca_bundle=authority.bundle) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_secret_is_said(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert SECRET not in caplog.text
    assert KEY not in caplog.text


def walked(http: Http, given: Settings) -> Report:
    """A report that keeps the promises every report makes."""
    said: list[Check] = []
    report = verify(given, http, said.append)
    assert list(report.checks) == said
    names = [check.name for check in said]
    assert len(names) == len(set(names))
    text = json.dumps([check.as_json() for check in said]) + repr(report) + json.dumps(dict(report.options))
    for credential in given.credentials.values():
        assert len(credential.reveal()) < 8 or credential.reveal() not in text
    for check in said:
        str(check.detail), str(check.fix), str(check.label)  # every parameter is there
        assert "{" not in f"{check.detail}{check.fix}"
        if check.outcome in (Outcome.FAILED, Outcome.WARNING):
            assert check.cause in CAUSES
            assert str(check.detail)
            assert str(check.fix)
        else:
            assert not check.cause
    assert http.requests <= MOST_REQUESTS
    return report


def red(report: Report) -> tuple[str, str]:
    """(line, cause) of the only red line; what depends on it was skipped."""
    failed = [check for check in report.checks if check.outcome is Outcome.FAILED]
    assert not report.green
    assert len(failed) == 1, failed
    return failed[0].name, failed[0].cause


def line(report: Report, name: str) -> Check:
    return next(check for check in report.checks if check.name == name)


def at_shop(
    http: Http, routes: Mapping[str, Route] | None = None, *, tls: Any = None, path: str = "", **given: Any
) -> tuple[Report, list[Request]]:
    prefix = given.pop("prefix", "/wp-json")
    shop = Shop(routes, prefix=prefix)
    with Loopback(shop, tls=tls) as server:
        server.clock_offset = given.pop("clock", 0.0)
        shop.url = server.url
        return walked(http, settings(f"{server.url}{path}", **given)), server.requests


def at_store(http: Http, authority: Authority, store: Store | None = None, **how: Any) -> tuple[Report, StoreServer]:
    given = {name: how.pop(name) for name in ("key", "secret") if name in how}
    https = how.pop("https", True)
    path = how.pop("path", "")
    stocked = store or Store(keys=[Key(KEY, SECRET)])
    with StoreServer(stocked, tls=authority.context() if https else None, **how) as server:
        return walked(http, settings(f"{server.url}{path}", **given)), server


# ------------------------------------------------------------------ green


@pytest.mark.parametrize("modern", [True, False])
@pytest.mark.parametrize("https", [True, False])
@pytest.mark.parametrize("prefix", ["", "/butik"])
def test_green(http: Http, authority: Authority, modern: bool, https: bool, prefix: str) -> None:
    store = Store(keys=[Key(KEY, SECRET)], modern=modern)
    product = store.add_product(name="Mössa", sku="M-1", price="199.00")
    store.place_order(lines=[Line(product)])
    report, server = at_store(http, authority, store, https=https, prefix=prefix)
    assert report.green
    assert report.options["base"] == f"{server.url}/wp-json"
    assert report.options["auth"] == ("basic" if https else "oauth")
    for name in ("orders_modified_filter", "products_modified_filter", "refunds_route", "hpos"):
        assert report.options[name] is modern
    assert report.options["wc_version"] == ("9.9.5" if modern else "3.6.4")
    assert (report.options["currency"], report.options["time_zone"]) == ("SEK", "Europe/Stockholm")
    assert report.facts["orders"] == "1"
    assert line(report, "tls").cause == ("" if https else "no_https")
    # What verify found is what the client needs.
    assert {seen.method for seen in server.requests} <= {"GET", "POST"}
    assert [seen.path for seen in server.requests if seen.method == "POST"] == [
        f"{prefix}/wp-json/wc/v3/products/batch"
    ]
    assert len(server.requests) <= 12


def test_the_options_work_for_the_client(http: Http, authority: Authority) -> None:
    scripted = faults.always(faults.https_hidden())
    with StoreServer(Store(keys=[Key(KEY, SECRET)]), tls=authority.context(), faults=scripted) as server:
        given = settings(server.url)
        report = walked(http, given)
        assert Client(http, replace(given, options=report.options)).get("orders").body == b"[]"


def test_recorded_995(http: Http, authority: Authority) -> None:
    report, requests = at_shop(http, tls=authority.context())
    assert report.green
    assert report.facts["version"] == "9.9.5"
    assert report.facts["theme"] == "Twenty Twenty-Five 1.0"
    assert report.facts["orders"] == "610"
    assert str(line(report, "currency").detail) == "SEK (kr)"
    assert {way_in(request) for request in requests[1:]} == {"basic"}
    for name in (
        "version", "api_enabled", "force_ssl", "order_storage", "currency", "currency_position", "decimals", "theme",
        "child_theme", "theme_support", "time_zone", "tax", "webhooks",
    ):  # fmt: skip
        assert line(report, name).outcome is Outcome.INFO
        assert str(line(report, name).detail)


def test_the_legacy_option_fails_nothing(http: Http, authority: Authority) -> None:
    status = json.loads(recorded("system_status_fields").body)
    status["settings"]["api_enabled"] = False
    report, _ = at_shop(http, {"GET system_status": as_json(status)}, tls=authority.context())
    assert report.green
    assert line(report, "api_enabled").outcome is Outcome.INFO


def test_spoiled_json_is_read(http: Http, authority: Authority) -> None:
    for fault in (faults.bom(), faults.php_warning(), faults.json_as_html()):
        report, _ = at_store(http, authority, faults=faults.always(fault))
        assert report.green
        http.requests = 0


def test_order_start_is_counted_from(http: Http, authority: Authority) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    shop = Shop({"GET orders after": as_json([], **{"X-WP-Total": "0"})})
    with Loopback(shop, tls=authority.context()) as server:
        shop.url = server.url
        report = walked(http, replace(settings(server.url), order_start=start))
        asked = next(request.params["after"] for request in server.requests if "after" in request.params)
    assert asked == "2026-10-31T23:59:59Z"
    assert report.green
    assert line(report, "orders").cause == "no_orders"


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("{url}/", ""),
        ("{url}/wp-admin/", ""),
        ("{url}/wp-json/wc/v3/", ""),
        ("  {url}/butik/wp-login.php?x=1 ", "/butik"),
        ("{url}/butik/?utm=1#top", "/butik"),
        ("{url}/butik/index.php/wp-json/", "/butik"),
    ],
)
def test_what_people_paste(http: Http, authority: Authority, typed: str, path: str) -> None:
    with StoreServer(Store(keys=[Key(KEY, SECRET)]), tls=authority.context(), prefix=path) as server:
        given = typed.replace("{url}", server.url.removesuffix(path) if path else server.url)
        assert walked(http, settings(given)).options["base"] == f"{server.url}/wp-json"


# ------------------------------------------------------------------ address, network, TLS


@pytest.mark.parametrize(
    ("typed", "cause"),
    [
        ("ftp://shop.example", "bad_url"),
        ("", "bad_url"),
        ("https://", "bad_url"),
        ("https://shop.example:99999", "bad_url"),
        ("http://[::1", "bad_url"),
        ("https://admin:pw@shop.example", "url_with_credentials"),
        ("https://shop.example:25", "blocked_port"),
        ("http://10.0.0.1", "blocked_address"),
        ("169.254.169.254", "blocked_address"),
        ("http://[::ffff:10.0.0.1]/", "blocked_address"),
    ],
)
def test_addresses(http: Http, typed: str, cause: str) -> None:
    assert red(walked(http, settings(typed))) == ("address", cause)
    assert http.requests == 0


def test_dns(http: Http) -> None:
    assert red(walked(http, settings("https://no-such-shop.invalid"))) == ("reachable", "dns")


def test_refused(http: Http) -> None:
    assert red(walked(http, settings(f"http://127.0.0.1:{closed_port()}"))) == ("reachable", "refused")


def test_silence(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_STEP", 0.3)
    with Talker(lambda wire: time.sleep(2)) as shop:
        assert red(walked(http, settings(shop.url))) == ("reachable", "timeout")


def test_connection_closed(http: Http) -> None:
    with Loopback(lambda request: None) as shop:
        assert red(walked(http, settings(shop.url))) == ("reachable", "connection")


def test_cut_answer(http: Http) -> None:
    with Talker(lambda wire: wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")) as shop:
        assert red(walked(http, settings(shop.url))) == ("reachable", "cut")


def test_endless_answer() -> None:
    with Loopback(lambda request: Reply(200, b"x" * 50_000)) as shop, Http(LOOPBACK, max_body=10_000) as http:
        assert red(walked(http, settings(shop.url))) == ("reachable", "too_large")


@pytest.mark.parametrize(
    ("met", "cause"),
    [(OSError(errno.EHOSTUNREACH, "No route to host"), "unreachable"), (TimeoutError("timed out"), "connect_timeout")],
)
def test_no_way_there(http: Http, monkeypatch: pytest.MonkeyPatch, met: OSError, cause: str) -> None:
    def connect(self: socket.socket, target: object) -> None:
        raise met

    monkeypatch.setattr(socket.socket, "connect", connect)
    assert red(walked(http, settings("http://127.0.0.1:8080"))) == ("reachable", cause)


def test_the_walk_ends_in_time(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop that becomes slow in the middle: what was found stands, what was not is said."""
    monkeypatch.setattr(module, "LONGEST", 3.0)
    shop = Shop({"GET system_status": lambda request: time.sleep(5) or as_json({})})
    with Loopback(shop) as server:
        shop.url = server.url
        started = time.monotonic()
        report = walked(http, settings(server.url))
        assert time.monotonic() - started < 4
    assert report.green
    assert line(report, "status").cause == "timeout"
    assert line(report, "webhooks").outcome is Outcome.WARNING


@pytest.mark.parametrize(
    ("names", "times", "cause"),
    [
        (["other.test"], {}, "tls_name"),
        ([], {"not_after": datetime(2021, 1, 1, tzinfo=UTC)}, "tls_expired"),
        ([], {"not_before": datetime(2037, 1, 1, tzinfo=UTC)}, "tls_not_yet_valid"),
    ],
)
def test_certificates(http: Http, authority: Authority, names: list[str], times: Any, cause: str) -> None:
    report, requests = at_shop(http, tls=authority.context(*names, **times))
    assert red(report) == ("tls", cause)
    assert line(report, "reachable").outcome is Outcome.OK
    assert requests == []


def test_unknown_authority(authority: Authority) -> None:
    with Http(LOOPBACK) as stranger:
        assert red(at_shop(stranger, tls=authority.context())[0]) == ("tls", "tls_untrusted")


def test_a_bad_certificate_of_a_bare_host_is_not_answered_with_http(http: Http, authority: Authority) -> None:
    shop = Shop()
    with Loopback(shop, tls=authority.context("other.test")) as server:
        assert red(walked(http, settings(f"127.0.0.1:{server.port}"))) == ("tls", "tls_name")


def test_https_to_an_http_port(http: Http) -> None:
    with Loopback(Shop()) as server:
        assert red(walked(http, settings(f"https://127.0.0.1:{server.port}"))) == ("tls", "tls")


@pytest.mark.parametrize("https", [True, False])
def test_bare_host(http: Http, authority: Authority, https: bool) -> None:
    shop = Shop()
    with Loopback(shop, tls=authority.context() if https else None) as server:
        shop.url = server.url
        report = walked(http, settings(f"127.0.0.1:{server.port}/"))
        assert report.options["base"] == f"{server.url}/wp-json"


# ------------------------------------------------------------------ redirects


def moved(to: str) -> Reply:
    return Reply(301, b"", {"Location": to, "Content-Type": "text/html"})


def test_http_to_https(http: Http, authority: Authority) -> None:
    shop = Shop()
    with Loopback(shop, tls=authority.context()) as secure:
        shop.url = secure.url
        with Loopback(lambda request: moved(secure.url + request.uri)) as front:
            report = walked(http, settings(front.url))
            assert report.green
            assert report.options["base"] == f"{secure.url}/wp-json"
            assert secure.url in str(line(report, "redirects").detail)
            # No key went to the old address.
            assert [way_in(request) for request in front.requests] == ["none"]


def test_redirect_to_the_home_page_of_the_right_host(http: Http, authority: Authority) -> None:
    shop = Shop()
    with Loopback(shop, tls=authority.context()) as secure:
        shop.url = secure.url
        with Loopback(lambda request: moved(f"{secure.url}/")) as front:
            assert walked(http, settings(front.url)).options["base"] == f"{secure.url}/wp-json"


def test_https_to_http_is_said(http: Http, authority: Authority) -> None:
    shop = Shop()
    with Loopback(shop) as plain:
        shop.url = plain.url
        with Loopback(lambda request: moved(plain.url + request.uri), tls=authority.context()) as front:
            report = walked(http, settings(front.url))
            assert report.green
            assert line(report, "redirects").cause == "redirect_to_http"
            assert report.options["auth"] == "oauth"


def test_www(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    system = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: system("127.0.0.1" if "butik.test" in host else host, *a, **k)
    )
    shop = Shop()

    def answer(request: Request) -> Reply | None:
        host = request.headers["host"]
        return shop(request) if host.startswith("www.") else moved(f"http://www.{host}{request.uri}")

    with Loopback(answer) as server:
        shop.url = f"http://www.butik.test:{server.port}"
        report = walked(http, settings(f"http://butik.test:{server.port}"))
        assert report.options["base"] == f"{shop.url}/wp-json"
        assert {way_in(one) for one in server.requests if not one.headers["host"].startswith("www.")} == {"none"}


@pytest.mark.parametrize("to", ["http://127.0.0.2:{port}/wp-json/", "http://evil.test:{port}/wp-json/"])
def test_another_host_is_asked_about_not_followed(http: Http, to: str) -> None:
    with Loopback(lambda request: Reply(), host="127.0.0.2") as canary:
        report, _ = at_shop(http, {"*": moved(to.replace("{port}", str(canary.port)))})
        assert red(report) == ("redirects", "other_host")
        assert canary.requests == []
        assert to.split("/")[2].replace("{port}", str(canary.port)) in str(line(report, "redirects").fix)


def test_redirect_into_the_private_network(monkeypatch: pytest.MonkeyPatch) -> None:
    system = socket.getaddrinfo
    known = {"shop.test": "127.0.0.1", "www.shop.test": "127.0.0.2"}
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **k: system(known.get(host, host), *a, **k))
    with (
        Http(NetworkPolicy.parse(["127.0.0.1/32"])) as http,
        Loopback(lambda request: Reply(), host="127.0.0.2") as canary,
        Loopback(lambda request: moved(f"http://www.shop.test:{canary.port}/wp-json/")) as shop,
    ):
        assert red(walked(http, settings(f"http://shop.test:{shop.port}"))) == ("redirects", "blocked_address")
        assert canary.requests == []


def test_redirect_to_an_expired_certificate(http: Http, authority: Authority) -> None:
    old = authority.context(not_after=datetime(2021, 1, 1, tzinfo=UTC))
    with Loopback(Shop(), tls=old) as secure, Loopback(lambda request: moved(secure.url + request.uri)) as front:
        assert red(walked(http, settings(front.url))) == ("tls", "tls_expired")


@pytest.mark.parametrize(
    ("route", "cause"),
    [
        (lambda request: moved(request.uri), "redirect_loop"),
        (moved("/coming-soon/"), "redirect_elsewhere"),
        (moved("/wp-login.php?redirect_to=x"), "login_wall"),
        (Reply(302), "bad_redirect"),
        (moved("http://["), "bad_redirect"),
    ],
)
def test_redirects_that_lead_nowhere(http: Http, route: Route, cause: str) -> None:
    assert red(at_shop(http, {"*": route})[0]) == ("redirects", cause)


# ------------------------------------------------------------------ the API

LOGIN = {"Content-Type": "text/html", "WWW-Authenticate": 'Basic realm="staging"'}
CHALLENGE = page(403, "<!DOCTYPE html><title>Just a moment...</title>", **{"cf-mitigated": "challenge"})


@pytest.mark.parametrize(
    ("everything", "gate", "cause"),
    [
        (page(), "rest_index", "html_instead_of_json"),
        (as_json({"hello": "world"}), "rest_index", "not_wordpress"),
        (as_json([]), "rest_index", "not_wordpress"),
        (page(404), "rest_index", "no_api_here"),
        ("env/subdir_wrong_root", "rest_index", "no_api_here"),
        ("env/maintenance_mode_index", "rest_index", "maintenance"),
        ("env/maintenance_mode_accept_any", "rest_index", "maintenance"),
        ("env/too_many_requests_index", "rest_index", "too_many_requests"),
        ("env/db_down_index", "rest_index", "database_down"),
        ("env/php_fatal_index", "rest_index", "php_fatal"),
        ("env/php_fatal_accept_any", "rest_index", "php_fatal"),
        (page(502), "rest_index", "gateway"),
        (page(524), "rest_index", "gateway"),
        (page(500), "rest_index", "server_error"),
        (page(418), "rest_index", "unexpected_status"),
        ("env/blocked_rest_disabled_403_index", "rest_index", "rest_disabled"),
        ("env/blocked_403_html_index", "rest_index", "firewall"),
        (Reply(401, b"<h1>Authorization Required</h1>", LOGIN), "rest_index", "site_password"),
        (CHALLENGE, "rest_index", "bot_challenge"),
        (
            page(200, "<html><meta http-equiv=refresh content='0;/.well-known/sgcaptcha/'>"),
            "rest_index",
            "bot_challenge",
        ),
        ("env/plain_permalinks_wp_json_index", "permalinks", "plain_permalinks"),
    ],
)
def test_what_answers_instead_of_the_api(
    http: Http, authority: Authority, everything: Route, gate: str, cause: str
) -> None:
    report, _ = at_shop(http, {"*": everything}, tls=authority.context())
    assert red(report) == (gate, cause)
    assert line(report, "authentication").outcome is Outcome.SKIPPED
    assert line(report, "read").outcome is Outcome.SKIPPED


def test_waits_are_told(http: Http) -> None:
    report, _ = at_shop(http, {"*": "env/maintenance_mode_index"})
    assert "600" in str(line(report, "rest_index").detail)
    http.requests = 0
    report, _ = at_shop(http, {"*": "env/too_many_requests_index"})
    assert "30" in str(line(report, "rest_index").detail)


def test_plain_permalinks(http: Http, authority: Authority) -> None:
    report, server = at_store(http, authority, permalinks="plain")
    assert red(report) == ("permalinks", "plain_permalinks")
    assert "Settings > Permalinks" in str(line(report, "permalinks").fix)
    assert len(server.requests) == 1


def test_plain_permalinks_without_rewriting(http: Http) -> None:
    """nginx without a rule for WordPress: 404, and only ?rest_route= tells that WordPress is there."""

    def elsewhere(request: Request) -> Route:
        return "env/plain_permalinks_rest_route_index" if "rest_route" in request.params else page(404)

    report, _ = at_shop(http, {"GET /": "env/no_rewrite_server_wp_json", "elsewhere": elsewhere})
    assert red(report) == ("permalinks", "plain_permalinks")


def test_no_rewriting(http: Http) -> None:
    home = page(200, Link='<http://127.0.0.1:18080/wp-json/>; rel="https://api.w.org/"')
    report, _ = at_shop(http, {"GET /": page(404), "home": home, "elsewhere": page(404)})
    assert red(report) == ("permalinks", "no_rewrite")


def test_index_php_permalinks(http: Http, authority: Authority) -> None:
    """The front page announces the right base; when it does not, that form is tried anyhow."""
    for link in ({"Link": '<https://127.0.0.1:18443/index.php/wp-json/>; rel="https://api.w.org/"'}, {}):
        routes: dict[str, Route] = {"home": page(200, **link), "elsewhere": page(404)}
        report, _ = at_shop(http, routes, tls=authority.context(), prefix="/index.php/wp-json")
        assert report.green
        assert report.options["style"] == "index_php"
        assert str(report.options["base"]).endswith("/index.php/wp-json")
        http.requests = 0


def test_changed_rest_prefix_announced_on_the_front_page(http: Http, authority: Authority) -> None:
    tag = '<html><head><link rel="https://api.w.org/" href="https://127.0.0.1:18443/api/" /></head></html>'
    report, _ = at_shop(http, {"home": page(200, tag), "elsewhere": page(404)}, tls=authority.context(), prefix="/api")
    assert report.green
    assert str(report.options["base"]).endswith("/api")


def test_changed_rest_prefix_while_the_old_one_still_answers(http: Http, authority: Authority) -> None:
    """The index answers at both addresses, keys count at the announced one only (measured on 9.9.5)."""

    def old(request: Request) -> Route:
        return "env/rest_prefix_changed_orders" if "orders" in request.path else "env/rest_prefix_changed_index"

    report, _ = at_shop(http, {"elsewhere": old}, tls=authority.context(), prefix="/api")
    assert report.green
    assert str(report.options["base"]).endswith("/api")


def test_changed_rest_prefix_that_does_not_work_yet(http: Http, authority: Authority) -> None:
    routes: dict[str, Route] = {
        "GET /": "env/rest_prefix_changed_index",
        "*keyed": "env/rest_prefix_changed_orders",
        "elsewhere": page(404),
    }
    assert red(at_shop(http, routes, tls=authority.context())[0]) == ("authentication", "rest_prefix")


def test_wrong_subdirectory_of_a_wordpress(http: Http, authority: Authority) -> None:
    """The 404 page is WordPress' own and announces where the API is."""
    report, server = at_store(http, authority, path="/shop")
    assert report.green
    assert report.options["base"] == f"{server.url}/wp-json"


def test_shop_in_a_folder_entered_without_it(http: Http, authority: Authority) -> None:
    with StoreServer(Store(keys=[Key(KEY, SECRET)]), tls=authority.context(), prefix="/butik") as server:
        report = walked(http, settings(server.url.removesuffix("/butik")))
    assert red(report) == ("rest_index", "no_api_here")


def test_closed_to_strangers_open_to_the_key(http: Http, authority: Authority) -> None:
    report, _ = at_store(http, authority, faults=faults.always(faults.rest_not_logged_in()))
    assert report.green
    assert line(report, "rest_index").outcome is Outcome.OK
    assert line(report, "permalinks").outcome is Outcome.OK


def test_closed_to_strangers_and_a_wrong_key(http: Http, authority: Authority) -> None:
    report, _ = at_store(http, authority, key="ck_" + "0f" * 20, faults=faults.always(faults.rest_not_logged_in()))
    assert red(report) == ("authentication", "wrong_key")


@pytest.mark.parametrize(
    ("namespaces", "cause"),
    [(["wp/v2"], "no_woocommerce"), (["wp/v2", "wc/v1", "wc/v2"], "woocommerce_too_old")],
)
def test_woocommerce_is_missing(http: Http, namespaces: list[str], cause: str) -> None:
    report, _ = at_shop(http, {"GET /": as_json({"name": "x", "namespaces": namespaces})})
    assert red(report) == ("woocommerce", cause)


def test_woocommerce_inactive(http: Http, authority: Authority) -> None:
    report, _ = at_store(http, authority, faults=faults.always(faults.woocommerce_inactive()))
    assert red(report) == ("woocommerce", "no_woocommerce")
    http.requests = 0
    closed: dict[str, Route] = {
        "GET /": "env/blocked_rest_not_logged_in_index",
        "*keyed": "env/woocommerce_inactive_orders",
    }
    assert red(at_shop(http, closed, tls=authority.context())[0]) == ("woocommerce", "no_woocommerce")


# ------------------------------------------------------------------ the key

OTHER_KEY, OTHER_SECRET = "ck_" + "0f" * 20, "cs_" + "0f" * 20


@pytest.mark.parametrize("https", [True, False])
@pytest.mark.parametrize(
    ("key", "secret", "cause"),
    [
        (OTHER_KEY, SECRET, "wrong_key"),
        (KEY, OTHER_SECRET, "wrong_secret"),
        (SECRET, KEY, "swapped"),
        (KEY, KEY, "secret_is_key"),
        (SECRET, SECRET, "key_is_secret"),
        (KEY[:-3], SECRET, "incomplete_key"),
        (KEY + "  (XTND)", SECRET, "incomplete_key"),
        (KEY, SECRET[:-1], "incomplete_secret"),
        (KEY, SECRET[3:], "incomplete_secret"),
        (KEY[3:], SECRET, "no_prefix"),
        ("", SECRET, "no_key"),
        (KEY, " ", "no_secret"),
        ("admin", "abcd EFGH 1234 ijkl MNOP 5678", "application_password"),
        ("admin", "abcdEFGH1234ijklMNOP5678", "application_password"),
    ],
)
def test_keys(http: Http, authority: Authority, https: bool, key: str, secret: str, cause: str) -> None:
    report, _ = at_store(http, authority, https=https, key=key, secret=secret)
    assert red(report) == ("authentication", cause)
    assert line(report, "read").outcome is Outcome.SKIPPED


def test_swapped_without_prefixes_is_found_by_trial(http: Http, authority: Authority) -> None:
    store = Store(keys=[Key(KEY[3:], SECRET[3:])])
    report, _ = at_store(http, authority, store, key=SECRET[3:], secret=KEY[3:])
    assert red(report) == ("authentication", "swapped")


@pytest.mark.parametrize("https", [True, False])
@pytest.mark.parametrize(
    ("given", "cause"),
    [({"key": OTHER_KEY}, "wrong_key"), ({"secret": OTHER_SECRET}, "wrong_secret"), ({}, "write_only_key")],
)
def test_keys_of_a_shop_that_speaks_swedish(
    http: Http, authority: Authority, https: bool, given: dict[str, str], cause: str
) -> None:
    """The code is one and the same for five errors, and the words are translated."""
    words = {
        "Consumer key is invalid.": "Konsumentnyckeln är ogiltig.",
        "Consumer secret is invalid.": "Konsumenthemligheten är ogiltig.",
        "Invalid signature - provided signature does not match.": "Ogiltig signatur – angiven signatur stämmer inte.",
        "The API key provided does not have read permissions.": "API-nyckeln har inte läsrättighet.",
    }
    kind = "write" if cause == "write_only_key" else "read_write"
    store = Store(keys=[Key(KEY, SECRET, permissions=kind)])
    with StoreServer(store) as plain, StoreServer(store, tls=authority.context()) as secure:
        behind = secure if https else plain
        there = behind.url

        def translate(request: Request) -> Reply:
            with Http(LOOPBACK, ca_bundle=authority.bundle) as inner:
                answer = inner.request(request.method, there + request.uri, headers=_kept(request), body=request.body)
            body = answer.body.decode()
            for english, swedish in words.items():
                body = body.replace(json.dumps(english).strip('"'), swedish)
            headers = {"Content-Type": answer.headers["content-type"], "Date": answer.headers["date"]}
            return Reply(answer.status, body.encode(), headers)

        with Loopback(translate, tls=authority.context() if https else None) as front:
            # The store behind signs with its own address, as behind any proxy.
            behind._home = lambda secure: front.url if secure else front.url.replace("https:", "http:")  # type: ignore[method-assign]
            report = walked(http, settings(front.url, **given))
    assert red(report) == ("read" if cause == "write_only_key" else "authentication", cause)


def _kept(request: Request) -> dict[str, str]:
    return {
        name: value for name, value in request.headers.items() if name in ("authorization", "accept", "content-type")
    }


def test_stripped_authorization(http: Http, authority: Authority) -> None:
    report, _ = at_store(http, authority, faults=faults.always(faults.stripped_authorization()))
    assert report.green
    assert report.options["auth"] == "query"
    assert line(report, "authentication").cause == "stripped_authorization"


def test_stripped_authorization_and_a_wrong_secret(http: Http, authority: Authority) -> None:
    report, _ = at_store(http, authority, secret=OTHER_SECRET, faults=faults.always(faults.stripped_authorization()))
    assert red(report) == ("authentication", "wrong_secret")


def test_hidden_https(http: Http, authority: Authority) -> None:
    report, server = at_store(http, authority, faults=faults.always(faults.https_hidden()))
    assert report.green
    assert report.options["auth"] == "oauth"
    assert report.options["sign_as"] == server.url.replace("https:", "http:")
    assert line(report, "authentication").cause == "https_hidden"


@pytest.mark.parametrize(
    ("given", "cause"), [({"key": OTHER_KEY}, "wrong_key"), ({"secret": OTHER_SECRET}, "wrong_secret")]
)
def test_hidden_https_and_a_wrong_key(http: Http, authority: Authority, given: dict[str, str], cause: str) -> None:
    report, _ = at_store(http, authority, faults=faults.always(faults.https_hidden()), **given)
    assert red(report) == ("authentication", cause)


def test_http_but_the_shop_believes_in_https(http: Http) -> None:
    """HTTPS forced on in wp-config.php: the signature is checked against https."""
    with StoreServer(Store(keys=[Key(KEY, SECRET)])) as server:
        typed, home = server.url, server.url.replace("http:", "https:")
        server._home = lambda secure: home  # type: ignore[method-assign]
        report = walked(http, settings(typed))
    assert report.green
    assert report.options["sign_as"] == home
    assert line(report, "authentication").cause == "https_assumed"


def test_the_recorded_matrix(http: Http, authority: Authority) -> None:
    """What 9.9.5 answered, keyed request by keyed request."""
    key = "authentication"
    stripped = "env/auth_header_stripped_basic"
    cases: list[tuple[dict[str, str], str, str]] = [
        ({"basic": "auth/https_basic"}, "", ""),
        ({"basic": "auth/https_wrong_secret_basic"}, key, "wrong_secret"),
        ({"basic": "auth/https_wrong_key_basic", "oauth": "auth/http_oauth_unknown_key"}, key, "wrong_key"),
        ({"basic": "auth/https_customer_user_orders"}, "read", "user_without_rights"),
        ({"basic": "auth/https_writeonly_read"}, "read", "write_only_key"),
        ({"basic": stripped, "query": "env/auth_header_stripped_query"}, "", ""),
        ({"basic": stripped, "query": "auth/https_wrong_secret_query"}, key, "wrong_secret"),
        ({"oauth": "env/tls_proxy_without_xfp_oauth_signed_http"}, "", ""),
        ({"oauth": "auth/http_oauth_bad_signature"}, key, "wrong_secret"),
        ({"oauth": "auth/http_oauth_future_timestamp"}, key, "store_clock"),
        ({}, key, "keys_ignored"),
        ({"basic": "env/plain_permalinks_orders"}, key, "redirect_elsewhere"),
        ({"basic": "env/plain_permalinks_after_301"}, key, "html_instead_of_json"),
        ({"basic": "env/maintenance_mode_orders"}, key, "maintenance"),
        ({"basic": "env/too_many_requests_orders"}, key, "too_many_requests"),
        ({"basic": "env/php_fatal_orders"}, key, "php_fatal"),
        ({"basic": "env/db_down_orders"}, key, "database_down"),
        ({"basic": "env/woocommerce_inactive_orders"}, key, "no_woocommerce"),
        ({"basic": "env/subdir_wrong_root"}, key, "no_api_here"),
        ({"basic": "env/blocked_rest_disabled_403_orders"}, key, "rest_disabled"),
        (dict.fromkeys(("basic", "query", "oauth"), "env/blocked_403_html_orders"), key, "firewall"),
    ]  # fmt: skip
    for answers, gate, cause in cases:

        def orders(request: Request, answers: dict[str, str] = answers) -> str:
            return answers.get(way_in(request), "auth/https_none")

        report, _ = at_shop(http, {"GET orders": orders}, tls=authority.context())
        assert (report.green, "", "") == (True, gate, cause) if not gate else red(report) == (gate, cause), answers
        http.requests = 0


@pytest.mark.parametrize("offset", [-7200, 7200, 1200])
def test_a_clock_that_is_off_is_allowed_for(http: Http, authority: Authority, offset: int) -> None:
    """OAuth accepts ±15 minutes; the Date header tells the difference."""

    def clock() -> datetime:
        return datetime.fromtimestamp(time.time() + offset, UTC)

    report, _ = at_store(http, authority, Store(keys=[Key(KEY, SECRET)], clock=clock), https=False)
    assert report.green
    assert abs(int(str(report.options["clock_offset"])) - offset) <= 2
    assert line(report, "clock").cause == "clock_off"


def test_clocks_that_agree(http: Http) -> None:
    report, _ = at_shop(http)
    assert report.options["clock_offset"] == 0
    assert line(report, "clock").outcome is Outcome.OK


# ------------------------------------------------------------------ rights


@pytest.mark.parametrize(
    ("permissions", "role", "gate", "cause"),
    [
        ("read", "administrator", "write", "read_only_key"),
        ("write", "administrator", "read", "write_only_key"),
        ("read_write", "customer", "read", "user_without_rights"),
    ],
)
@pytest.mark.parametrize("https", [True, False])
def test_rights(
    http: Http, authority: Authority, https: bool, permissions: Any, role: Any, gate: str, cause: str
) -> None:
    store = Store(keys=[Key(KEY, SECRET, permissions=permissions, role=role)])
    report, _ = at_store(http, authority, store, https=https)
    assert red(report) == (gate, cause)
    assert line(report, "authentication").outcome is Outcome.OK
    if cause == "read_only_key":
        assert "Read/Write" in str(line(report, "write").fix)
        assert line(report, "version").outcome is Outcome.INFO  # what does not depend on writing goes on


def test_shop_manager(http: Http, authority: Authority) -> None:
    assert at_store(http, authority, Store(keys=[Key(KEY, SECRET, role="shop_manager")]))[0].green


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (error(401, "woocommerce_rest_authentication_error", "Ingen skrivrättighet."), "read_only_key"),
        (error(403, "woocommerce_rest_cannot_batch", "Sorry"), "user_cannot_write"),
        (page(403), "write_blocked"),
        (page(405), "write_blocked"),
        (moved("/wp-json/wc/v3/products/batch/"), "write_blocked"),
        (page(200), "write_unreadable"),
        ("env/maintenance_mode_orders", "maintenance"),
        ("env/too_many_requests_orders", "too_many_requests"),
        (page(500), "server_error"),
        (CHALLENGE, "write_blocked"),
    ],
)
def test_writes_that_do_not_get_through(http: Http, reply: Route, cause: str) -> None:
    report, requests = at_shop(http, {"POST products/batch": reply})
    assert red(report) == ("write", cause)
    assert [request.body for request in requests if request.method == "POST"] == [b"{}"]


def test_a_write_that_gets_no_answer(http: Http) -> None:
    assert red(at_shop(http, {"POST products/batch": lambda request: None})[0]) == ("write", "connection")


@pytest.mark.parametrize(
    ("routes", "cause"),
    [
        ({"GET orders": as_json({"id": 1})}, "unexpected_json"),
        ({"GET products": as_json({}), "GET products modified": as_json({})}, "unexpected_json"),
        ({"GET products modified": error(403, "woocommerce_rest_cannot_view", "Sorry")}, "products_forbidden"),
        ({"GET products modified": page()}, "html_instead_of_json"),
        ({"GET products modified": "env/php_fatal_orders"}, "php_fatal"),
    ],
)
def test_never_green_without_reading(http: Http, routes: dict[str, Route], cause: str) -> None:
    assert red(at_shop(http, routes)[0]) == ("read", cause)


@pytest.mark.parametrize("body", [b"", b"null", b"[", b"true", b'"[]"', b"<p>[]</p>", b"[]<script>[]</script>"])
def test_never_green_on_something_like_json(http: Http, body: bytes) -> None:
    report, _ = at_shop(http, {"GET orders": Reply(200, body, {"Content-Type": "application/json"})})
    assert not report.green


# ------------------------------------------------------------------ facts


@pytest.mark.parametrize(
    ("routes", "name", "cause"),
    [
        ({"GET system_status": error(403, "woocommerce_rest_cannot_view", "Sorry")}, "status", "status_unreadable"),
        ({"GET system_status": page()}, "status", "status_unreadable"),
        ({"GET orders modified": page(500)}, "changes", "probe_failed"),
        ({"GET system_status": lambda request: None}, "status", "connection"),
        ({"GET webhooks": lambda request: None}, "webhooks", "connection"),
    ],
)
def test_facts_that_cannot_be_had_are_yellow(http: Http, routes: dict[str, Route], name: str, cause: str) -> None:
    report, _ = at_shop(http, routes)
    assert report.green
    assert line(report, name).cause == cause


def test_orders_that_cannot_be_counted(http: Http) -> None:
    shop = Shop({"GET orders after": page(500)})
    with Loopback(shop) as server:
        shop.url = server.url
        report = walked(http, replace(settings(server.url), order_start=datetime(2026, 1, 1, tzinfo=UTC)))
    assert line(report, "orders").cause == "count_failed"


def test_webhooks_not_allowed(http: Http) -> None:
    report, _ = at_shop(http, {"GET webhooks": error(403, "woocommerce_rest_cannot_view", "Sorry")})
    assert report.green
    assert report.options["webhooks"] is False


def test_a_failed_probe_is_not_a_capability(http: Http) -> None:
    report, _ = at_shop(http, {"GET orders modified": page(500), "GET refunds": lambda request: None})
    assert report.green
    assert not report.options["orders_modified_filter"]
    assert not report.options["refunds_route"]


@pytest.mark.parametrize(
    ("index", "zone"),
    [
        ({"timezone_string": "Europe/Oslo", "gmt_offset": 1}, "Europe/Oslo"),
        ({"timezone_string": "", "gmt_offset": -3.5}, "-03:30"),
        ({"timezone_string": "", "gmt_offset": "5.75"}, "+05:45"),
        ({"gmt_offset": 0}, "+00:00"),
        ({"gmt_offset": "x"}, None),
        ({}, None),
    ],
)
def test_time_zones(http: Http, index: dict[str, object], zone: str | None) -> None:
    report, _ = at_shop(http, {"GET /": as_json({"namespaces": ["wc/v3"], **index})})
    assert report.green
    assert report.options.get("time_zone") == zone


@pytest.mark.parametrize(
    "status", [[], 5, {"settings": [], "theme": None, "environment": {"version": {}}}, {"settings": {}}]
)
def test_odd_status_pages(http: Http, status: object) -> None:
    assert at_shop(http, {"GET system_status": as_json(status)})[0].green


def test_a_shop_that_echoes_secrets(http: Http, authority: Authority) -> None:
    """Whatever the shop says, the report does not repeat the key (`walked` looks)."""

    def echo(request: Request) -> Reply:
        told = f"{request.uri} {request.headers.get('authorization')} {KEY} {SECRET}"
        return error(403, "woocommerce_rest_cannot_view", told)

    for routes in (
        {"GET orders": echo},
        {"*keyed": echo},
        {"POST products/batch": echo},
        {"GET products modified": echo},
    ):
        report, _ = at_shop(http, routes, tls=authority.context())
        assert not report.green
        http.requests = 0
    report, _ = at_shop(http, {"*": moved(f"https://evil.test/{quote(KEY)}/{SECRET}")}, tls=authority.context())
    assert red(report) == ("redirects", "other_host")


def test_the_longest_walk_has_at_most_twenty_requests(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    """Bare host, three redirects, another prefix, the last rung of the ladder, an old store, Order start."""
    shop = Shop(
        {
            "GET /": "env/rest_prefix_changed_index",
            "GET orders": lambda request: "auth/https_basic" if way_in(request) == "oauth" else "auth/https_none",
            "GET products modified": "orders/orderby_invalid",
            "GET orders modified": "orders/orderby_invalid",
        },
        prefix="/api",
    )
    hops = iter(range(1, 3))

    def answer(request: Request) -> Reply | None:
        if request.path == "/wp-json/":
            hop = next(hops, None)
            if hop is not None:
                return moved(f"/wp-json/?hop={hop}")
            return recorded("env/rest_prefix_changed_index")
        return shop(request)

    with Loopback(answer, tls=authority.context()) as server, Http(LOOPBACK, ca_bundle=authority.bundle) as http:
        shop.url = server.url
        report = walked(http, replace(settings(server.url), order_start=datetime(2026, 1, 1, tzinfo=UTC)))
        assert report.green
        assert len(server.requests) <= 18  # and two more for a bare host that is tried twice and one more redirect


# ------------------------------------------------------------------ texts


def test_every_cause_says_what_to_do() -> None:
    for cause in CAUSES.values():
        assert cause.fix


def test_form_and_guide() -> None:
    assert [(field.name, field.secret) for field in FIELDS] == [
        ("access_token", True),
        ("secret", True),
        ("api_url", False),
    ]
    paths = [step.path for step in GUIDE]
    assert ("Settings", "Permalinks") in paths
    assert ("WooCommerce", "Settings", "Advanced", "REST API", "Add key") in paths
    assert ("WooCommerce", "Status") in paths
    assert any("Read/Write" in step.text for step in GUIDE)


def test_recordings_are_there() -> None:
    assert (Path(__file__).parent / "recordings" / "index.json").exists()
