"""The one HTTP client: what it refuses to reach, what it calls a failure, and what it never says."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.connectors.loopback import Authority, Loopback, Reply, Talker, closed_port
from xtnd.connectors.http import (
    BlockedAddress,
    Http,
    NetworkPolicy,
    Response,
    ascii_host,
    checked_url,
    json_part,
    resolve,
    with_retries,
)
from xtnd.core.errors import RateLimited, Rejected, Unavailable

LOOPBACK = NetworkPolicy.parse(["127.0.0.0/8"])
OPEN_POLICY = NetworkPolicy()


@pytest.fixture
def http() -> Iterator[Http]:
    with Http(LOOPBACK) as client:
        yield client


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


# ------------------------------------------------------------------ addresses we do not go to (B4)

NAMES = {
    "metadata.google.internal": ["169.254.169.254"],
    "intranet.shop.test": ["10.1.2.3"],
    "loop.shop.test": ["127.0.0.1"],
    "six.shop.test": ["::1"],
    "mixed.shop.test": ["93.184.216.34", "127.0.0.1"],
    "mixed6.shop.test": ["93.184.216.34", "fd00::1"],
    "mapped.shop.test": ["::ffff:127.0.0.1"],
    "nat64.shop.test": ["64:ff9b::7f00:1"],
    "scoped.shop.test": ["fe80::1%eth0"],
}

HOSTILE = [
    # loopback in every spelling
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://127.0.1:{port}/", "http://127.255.255.254:{port}/",
    "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://0x7f.0.0.1:{port}/", "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/", "http://017700000001:{port}/", "http://0177.1:{port}/", "http://0:{port}/",
    "http://0.0.0.0:{port}/", "http://localhost:{port}/", "http://LOCALHOST:{port}/", "http://localhost.:{port}/",
    "http://127.0.0.1.:{port}/", "http://[::1]:{port}/", "http://[0:0:0:0:0:0:0:1]:{port}/", "http://[::]:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/", "http://１２７.０.０.１:{port}/", "http://127。0。0。1:{port}/",
    # IPv4 inside IPv6
    "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/", "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/", "http://[64:ff9b:1::1]:{port}/",
    "http://[2002:7f00:1::]:{port}/", "http://[2001:0:7f00:1::]:{port}/", "http://[::ffff:169.254.169.254]/",
    # metadata services
    "http://169.254.169.254/latest/meta-data/", "http://2852039166/latest/", "http://0xa9fea9fe/",
    "http://[fd00:ec2::254]/latest/", "http://metadata.google.internal/computeMetadata/v1/", "http://100.100.100.200/",
    # private and reserved networks
    "http://10.0.0.1/", "http://10.255.255.255:8080/", "http://172.16.0.1/", "http://172.31.255.255/",
    "http://192.168.1.1/", "http://100.64.0.1/", "http://192.0.0.192/", "http://198.18.0.1/", "http://224.0.0.1/",
    "http://239.255.255.250:1900/", "http://255.255.255.255/", "http://240.0.0.1/", "http://192.0.2.1/",
    "http://[fc00::1]/", "http://[fd12:3456::1]/", "http://[fe80::1]/", "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/", "http://[fec0::1]/", "http://[ff02::1]/", "http://[2001:db8::1]/", "http://[100::1]/",
    # names that lead there
    "https://intranet.shop.test/", "http://loop.shop.test:{port}/", "http://six.shop.test:{port}/",
    "http://mixed.shop.test:{port}/", "http://mixed6.shop.test:{port}/", "http://mapped.shop.test:{port}/",
    "http://nat64.shop.test:{port}/", "http://scoped.shop.test:{port}/",
    # user names, ports, schemes, nonsense
    "http://user:pw@127.0.0.1:{port}/", "http://shop.test@127.0.0.1:{port}/", "http://127.0.0.1:{port}@shop.test/",
    "http://127.0.0.1:{port}\\@shop.test/", "http://shop.test:22/", "http://shop.test:25/", "http://shop.test:0/",
    "http://shop.test:99999/", "http://shop.test:-1/", "http://shop.test:6e1/", "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd", "gopher://127.0.0.1:{port}/_x", "dict://127.0.0.1:{port}/", "javascript:alert(1)",
    "//127.0.0.1:{port}/", "127.0.0.1:{port}", "http:///127.0.0.1:{port}/", "http://", "", "http://[::1",
    "http://127.0.0.1\x00.shop.test:{port}/", "http://a b.test/", "http://a..b.test/", "http://%31%32%37.0.0.1:{port}/",
    "http://" + "å" * 70 + ".test/", "http://\ud800.test/", "http://shop.test\r\nHost: x/",
]  # fmt: skip


def looked_up(names: dict[str, list[str]]) -> Callable[..., list[Any]]:
    """`socket.getaddrinfo` that knows `names`; numbers are left to the system, as an attacker would."""
    system = socket.getaddrinfo

    def look(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host in names:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in names[host]]
        if not any(letter in "ghijklmnopqrstuvwyz" for letter in host.lower().replace("0x", "")) or "localhost" in host:
            return system(host, port, *args, **kwargs)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    return look


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every connection anything tries to make. None is made."""
    tried: list[Any] = []

    def connect(self: socket.socket, target: Any) -> None:
        tried.append(target)
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


def test_there_are_enough_hostile_addresses() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 60


@pytest.mark.parametrize("template", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_address_reaches_nobody(template: str, attempts: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", looked_up(NAMES))
    with Http(OPEN_POLICY) as http, pytest.raises((BlockedAddress, Unavailable)) as caught:
        http.request("GET", template.replace("{port}", "8080"), deadline=5)
    assert attempts == []
    assert caught.value.code in ("bad_url", "url_with_credentials", "blocked_port", "blocked_address", "dns")


@pytest.mark.parametrize("template", [one for one in HOSTILE if "{port}" in one])
def test_hostile_address_reaches_no_canary(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with a real server behind them, which hears nothing."""
    monkeypatch.setattr(socket, "getaddrinfo", looked_up(NAMES))
    with Loopback(lambda request: Reply(200, b"secret")) as canary, Http(OPEN_POLICY) as http:
        with pytest.raises((BlockedAddress, Unavailable)):
            http.request("GET", template.replace("{port}", str(canary.port)), deadline=5)
        assert canary.requests == []


def test_a_name_that_changes_its_mind_gains_nothing(attempts: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: public when checked, private when connected to."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]

    def look(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        addresses = answers.pop(0) if answers else ["127.0.0.1"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    system = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: (look if host == "evil.test" else system)(host, *a, **k)
    )
    with Http(OPEN_POLICY) as http:
        with pytest.raises(Unavailable):
            http.request("GET", "http://evil.test:8080/")
        # The failed connection makes it look again, and check again.
        with pytest.raises(BlockedAddress):
            http.request("GET", "http://evil.test:8080/")
    assert [target[0] for target in attempts] == ["93.184.216.34"]


def test_redirects_are_answers(http: Http) -> None:
    with Loopback(lambda request: Reply(200)) as canary:
        with Loopback(lambda request: Reply(302, headers={"Location": canary.url})) as shop:
            assert http.request("GET", shop.url).status == 302
        assert canary.requests == []


@pytest.mark.parametrize(
    ("allowed", "address", "permitted"),
    [
        ("", "93.184.216.34", True),
        ("", "2606:2800:220:1::1", True),
        ("", "64:ff9b::5db8:d822", True),
        ("", "::ffff:93.184.216.34", True),
        ("127.0.0.0/8", "127.0.0.1", True),
        ("127.0.0.0/8", "::ffff:127.0.0.1", True),
        ("127.0.0.0/8", "::1", False),
        ("192.168.7.0/24", "192.168.8.1", False),
        ("fd00::/8", "fd00::1", True),
    ],
)
def test_the_operator_allows_networks(allowed: str, address: str, permitted: bool) -> None:
    import ipaddress

    assert NetworkPolicy.parse([allowed]).permits(ipaddress.ip_address(address)) is permitted


def test_ordinary_addresses_pass() -> None:
    for url in ("https://shop.example", "http://shop.example:8080/butik/", "https://bücher.example/ö?x=1"):
        checked_url(url)
    assert ascii_host("Bücher.Example.") == "xn--bcher-kva.example"


# ------------------------------------------------------------------ what goes wrong, by name


def failure(http: Http, url: str, **kwargs: Any) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        http.request("GET", url, **kwargs)
    return caught.value


def test_no_such_name(http: Http) -> None:
    error = failure(http, "https://no-such-shop.invalid/?consumer_secret=cs_1", deadline=8)
    assert error.code == "dns"
    assert "cs_1" not in str(error)


def test_a_name_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: gone.wait(10) and [])
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        resolve("shop.test", 443, timeout=0.2)
    gone.set()
    assert caught.value.code == "dns"
    assert time.monotonic() - started < 2


def test_nobody_listens(http: Http) -> None:
    assert failure(http, f"http://127.0.0.1:{closed_port()}/").code == "refused"


def test_connection_closed_without_an_answer(http: Http) -> None:
    with Loopback(lambda request: None) as shop:
        assert failure(http, shop.url).code == "connection"


def test_cut_answer(http: Http) -> None:
    with Talker(lambda wire: wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{")) as shop:
        assert failure(http, shop.url).code == "cut"


def test_broken_gzip(http: Http) -> None:
    with Loopback(lambda request: Reply(200, b"not gzip", {"Content-Encoding": "gzip"})) as shop:
        assert failure(http, shop.url).code == "cut"


def test_silence(http: Http) -> None:
    with Talker(lambda wire: time.sleep(3)) as shop:
        started = time.monotonic()
        assert failure(http, shop.url, deadline=0.4).code == "timeout"
        assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"])
def test_one_letter_at_a_time_is_given_up(http: Http, head: bytes) -> None:
    """A read timeout begins anew with each byte; the deadline does not."""

    def drip(wire: socket.socket) -> None:
        wire.sendall(head)
        for _ in range(100):
            wire.sendall(b"x")
            time.sleep(0.05)

    with Talker(drip) as shop:
        started = time.monotonic()
        assert failure(http, shop.url, deadline=0.6).code == "timeout"
        assert time.monotonic() - started < 2


def test_endless_interim_answers_are_given_up(http: Http) -> None:
    def talk(wire: socket.socket) -> None:
        for _ in range(200):
            wire.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.02)

    with Talker(talk) as shop:
        assert failure(http, shop.url, deadline=0.5).code in ("timeout", "connection")


def test_too_large() -> None:
    bomb = gzip.compress(b"0" * 3_000_000)
    reply = Reply(200, bomb, {"Content-Encoding": "gzip"})
    with Loopback(lambda request: reply) as shop, Http(LOOPBACK, max_body=1_048_576) as http:
        assert failure(http, shop.url).code == "too_large"
        assert failure(http, shop.url).code == "too_large"


def test_not_http_at_all(http: Http) -> None:
    with Talker(lambda wire: wire.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")) as shop:
        assert failure(http, shop.url).code == "connection"


# ------------------------------------------------------------------ TLS


@pytest.mark.parametrize(
    ("names", "times", "code"),
    [
        (["other.test"], {}, "tls_name"),
        (["shop.test"], {}, "tls_name"),
        ([], {"not_after": datetime(2021, 1, 1, tzinfo=UTC)}, "tls_expired"),
        ([], {"not_before": datetime(2037, 1, 1, tzinfo=UTC)}, "tls_not_yet_valid"),
    ],
)
def test_certificates_that_do_not_hold(authority: Authority, names: list[str], times: Any, code: str) -> None:
    with Loopback(lambda request: Reply(), tls=authority.context(*names, **times)) as shop:
        with Http(LOOPBACK, ca_bundle=authority.bundle) as http:
            assert failure(http, shop.url).code == code
        assert shop.requests == []


def test_unknown_authority(authority: Authority, http: Http) -> None:
    with Loopback(lambda request: Reply(), tls=authority.context()) as shop:
        assert failure(http, shop.url).code == "tls_untrusted"


def test_https_to_a_server_that_speaks_http(http: Http) -> None:
    with Loopback(lambda request: Reply()) as shop:
        assert failure(http, shop.url.replace("http:", "https:")).code == "tls"


def test_a_good_certificate_by_name(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", looked_up({"shop.test": ["127.0.0.1"]}))
    tls = authority.context("shop.test")
    with Loopback(lambda request: Reply(), tls=tls) as shop, Http(LOOPBACK, ca_bundle=authority.bundle) as http:
        assert http.request("GET", f"https://shop.test:{shop.port}/").status == 200
        assert shop.requests[0].headers["host"] == f"shop.test:{shop.port}"
        assert failure(http, f"https://www.shop.test:{shop.port}/").code == "dns"


def test_the_bundle_does_not_replace_the_known_authorities(authority: Authority) -> None:
    with Http(LOOPBACK, ca_bundle=authority.bundle) as own, Http(LOOPBACK) as plain:
        assert own._tls().verify_mode == plain._tls().verify_mode
        assert own._tls().check_hostname


# ------------------------------------------------------------------ answers


def test_gzip_and_counts(http: Http) -> None:
    packed = gzip.compress(b'{"a": 1}')
    with Loopback(lambda request: Reply(200, packed, {"Content-Encoding": "gzip"})) as shop:
        assert http.request("GET", f"{shop.url}/a?b=c").body == b'{"a": 1}'
        assert shop.requests[0].uri == "/a?b=c"
    assert (http.requests, http.bytes_received) == (1, 8)


def test_a_header_that_comes_twice_keeps_both_values(http: Http) -> None:
    reply = b"HTTP/1.1 200 OK\r\nLink: <a>; rel=x\r\nLink: <b>; rel=y\r\nContent-Length: 0\r\n\r\n"
    with Talker(lambda wire: wire.sendall(reply)) as shop:
        assert http.request("GET", shop.url).headers["link"] == "<a>; rel=x, <b>; rel=y"


def test_connections_are_kept_but_not_after_a_partial_read() -> None:
    replies = iter([Reply(200, b"ok"), Reply(200, b"ok"), Reply(200, b"x" * 200_000), Reply(200, b"ok")])
    with Loopback(lambda request: next(replies)) as shop, Http(LOOPBACK, max_body=100_000) as http:
        assert [http.request("GET", shop.url).body for _ in range(2)] == [b"ok", b"ok"]
        assert failure(http, shop.url).code == "too_large"
        assert http.request("GET", shop.url).body == b"ok"


def test_the_limit_holds_over_threads() -> None:
    busy, most = 0, 0
    lock = threading.Lock()

    def answer(request: Any) -> Reply:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.05)
        with lock:
            busy -= 1
        return Reply()

    with Loopback(answer) as shop, Http(LOOPBACK, limit=threading.Semaphore(2)) as http:
        threads = [threading.Thread(target=http.request, args=("GET", shop.url)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(shop.requests) == 8
    assert most <= 2


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [("30", 30.0), ("0", 0.0), ("999999999", 86_400.0), ("", None), ("soon", None), ("²", None), ("-5", None)],
)
def test_retry_after(stated: str, seconds: float | None) -> None:
    assert Response(429, {"retry-after": stated}, b"", 0.0, "").retry_after == seconds


def test_retry_after_dates() -> None:
    assert Response(503, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, b"", 0.0, "").retry_after == 0.0
    assert Response(503, {"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}, b"", 0.0, "").retry_after == 86_400.0


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'[{"id":1}]', b'[{"id":1}]'),
        (b"\xef\xbb\xbf[1]", b"[1]"),
        (b"\xef\xbb\xbf\n {}", b"{}"),
        (b"<br />\n<b>Warning</b>: x in <b>/a.php</b> on line <b>4</b><br />\n[1]", b"[1]"),
        (b'<b>Notice</b>: y<br />{"html":"<p>[x]</p>"}', b'{"html":"<p>[x]</p>"}'),
        (b"Notice: Array\n[0] is odd\n[1]", b"[1]"),
        (b'<html><script>{"a":1}</script></html>', b'<html><script>{"a":1}</script></html>'),
        (b"<!DOCTYPE html>\n<p>no</p>", b"<!DOCTYPE html>\n<p>no</p>"),
        (b"", b""),
    ],
)
def test_json_part(body: bytes, found: bytes) -> None:
    assert json_part(body) == found


# ------------------------------------------------------------------ silence about secrets

SECRET = "cs_veryverysecret"


def test_nothing_secret_is_said(http: Http, caplog: pytest.LogCaptureFixture) -> None:
    """Not even by urllib3, which logs the target of a request whose answer has malformed headers."""
    caplog.set_level(logging.DEBUG)
    malformed = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nno colon here\r\nLink: <?consumer_secret=%s>\r\n\r\n[]"
    with Talker(lambda wire: wire.sendall(malformed % SECRET.encode())) as shop:
        response = http.request("GET", f"{shop.url}/x?consumer_secret={SECRET}", headers={"Authorization": SECRET})
        assert SECRET not in repr(response)
        assert SECRET not in response.url_without_query
    for talk in (lambda wire: time.sleep(1), lambda wire: wire.sendall(b"nonsense\r\n\r\n")):
        with Talker(talk) as shop:
            error = failure(http, f"{shop.url}/x?consumer_secret={SECRET}", deadline=0.3)
            assert SECRET not in f"{error} {error!r} {error.text.as_json()} {error.__cause__!r} {error.__context__!r}"
    assert SECRET not in caplog.text


# ------------------------------------------------------------------ trying again


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("xtnd.connectors.http.pause", slept.append)
    return slept


def test_retries_obey_the_stated_wait(waits: list[float]) -> None:
    errors = [RateLimited("busy", code="too_many_requests", wait=3.0), Unavailable("down", code="refused")]

    def call() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    assert with_retries(call) == "done"
    assert 3.0 <= waits[0] <= 4.1
    assert 2.0 <= waits[1] <= 2.8


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (Unavailable("x", code="maintenance", wait=600), 1),
        (Unavailable("x", code="tls_expired"), 1),
        (Unavailable("x", code="redirected"), 1),
        (Unavailable("x", code="timeout"), 1),
        (Rejected("x", code="no"), 1),
        (Unavailable("x", code="gateway"), 3),
    ],
)
def test_what_is_not_worth_repeating(error: Exception, tries: int, waits: list[float]) -> None:
    made = 0

    def call() -> None:
        nonlocal made
        made += 1
        raise error

    with pytest.raises(type(error)):
        with_retries(call)
    assert (made, len(waits)) == (tries, tries - 1)
