"""The one HTTP client. The address is what a user typed, so every connection is checked before it is made.

A name is resolved once, every address it has is held against the network policy, and the connection goes to
the address that was checked (with the right SNI and Host), so a name that changes its mind between the check and
the connection gains nothing. Redirects are answers like others: the caller sees them, credentials never travel.
"""

from __future__ import annotations

import contextlib
import ipaddress
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    IncompleteRead,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from xtnd.core.errors import ExternalError, Unavailable
from xtnd.core.text import Text
from xtnd.core.text import gettext_noop as _
from xtnd.core.time import now

MAX_BODY = 64 * 1024 * 1024
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 70.0
"""A real WooCommerce needs up to 8 s for 100 orders on a quiet machine; hosts cut at 60 s."""
DEADLINE = 120.0
USER_AGENT = "XTND-Backend/0.1"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# `is_global` is not enough: it lets multicast and NAT64 through. https://www.iana.org/assignments/iana-ipv4-special-registry
_DENIED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(net)
    for net in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/128", "::1/128", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
        "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_WEB_PORTS = frozenset({80, 443})
_FIRST_USER_PORT = 1024


class BlockedAddress(ExternalError):
    """The address is one we do not connect to. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """Which addresses may be connected to. `allowed`: the operator's networks (XTND_ALLOWED_PRIVATE_NETS)."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, nets: Sequence[str]) -> NetworkPolicy:
        """Raises ValueError on something that is not a network."""
        return cls(tuple(ipaddress.ip_network(net.strip(), strict=False) for net in nets if net.strip()))

    def permits(self, address: Address) -> bool:
        if any(address in net for net in self.allowed if net.version == address.version):
            return True
        if isinstance(address, ipaddress.IPv6Address):
            inner = address.ipv4_mapped
            if inner is None and address in _NAT64:
                inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
            if inner is not None:
                return self.permits(inner)
        return not any(address in net for net in _DENIED if net.version == address.version)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whatever its status. `headers` keys are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float
    url_without_query: str

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def retry_after(self) -> float | None:
        """Seconds, from a number or a date; None when absent or unreadable. Never negative, at most a day."""
        stated = self.headers.get("retry-after", "").strip()
        if not stated:
            return None
        if stated.isdigit():
            return min(float(stated), 86_400.0)
        with contextlib.suppress(ValueError, TypeError):
            return min(max((parsedate_to_datetime(stated) - now()).total_seconds(), 0.0), 86_400.0)
        return None


def json_part(body: bytes) -> bytes:
    """The JSON in an answer that PHP put a byte order mark or a printed warning before. For reading only:
    after a write such an answer means "unknown", not "failed". Returns `body` unchanged when there is no JSON."""
    body = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if body[:1] in (b"{", b"["):
        return body
    # A notice ends with its line; the document starts on a line of its own.
    for opening in (b"\n[", b"\n{", b">[", b">{"):
        at = body.find(opening)
        if at >= 0:
            return body[at + 1 :]
    return body


def checked_url(url: str) -> SplitResult:
    """Raises `BlockedAddress` unless `url` is plain http(s) to a host and a port a web server may have."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise BlockedAddress(Text(_("The address is not a valid web address.")), code="bad_url") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BlockedAddress(
            Text(_("The address must begin with https:// (or http://) and name a host.")), code="bad_url"
        )
    if parts.username is not None or parts.password is not None:
        raise BlockedAddress(
            Text(_("The address must not contain a user name or a password.")), code="url_with_credentials"
        )
    if port is not None and port not in _WEB_PORTS and port < _FIRST_USER_PORT:
        raise BlockedAddress(Text(_("Port {port} is not one a web shop uses."), {"port": port}), code="blocked_port")
    return parts


class Http:
    """One store's HTTP client: pooled, policed, counted. Safe to share between threads.

    `limit` bounds the requests in flight towards the store over everything that shares it.
    """

    def __init__(
        self,
        policy: NetworkPolicy,
        *,
        ca_bundle: str | None = None,
        limit: threading.Semaphore | None = None,
        read_timeout: float = READ_TIMEOUT,
        deadline: float = DEADLINE,
        max_body: int = MAX_BODY,
        connections: int = 4,
    ) -> None:
        self._policy = policy
        self._limit = limit
        self._read_timeout = read_timeout
        self._deadline = deadline
        self._max_body = max_body
        self._connections = connections
        self._ca_bundle = ca_bundle
        self._context: ssl.SSLContext | None = None
        self._pools: dict[tuple[str, str, int], urllib3.HTTPConnectionPool] = {}
        self._lock = threading.Lock()
        self.requests = 0
        self.bytes_received = 0

    def close(self) -> None:
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline: float | None = None,
    ) -> Response:
        """One request, one answer. Any status is an answer. Raises `Unavailable` when there is none, with code
        dns, refused, connect_timeout, timeout, tls_name, tls_expired, tls_untrusted, tls, connection, cut, too_large;
        `BlockedAddress` when we do not go there."""
        parts = checked_url(url)
        ends = time.monotonic() + (deadline or self._deadline)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"Host": _host_header(parts), "User-Agent": USER_AGENT, "Accept-Encoding": "gzip"}
        sent.update(headers or {})
        with self._limit or contextlib.nullcontext():
            pool = self._pool(parts)
            started = time.monotonic()
            try:
                answer = self._send(pool, method, path, sent, body, ends)
            except HTTPError as error:
                raise _unavailable(error, parts.hostname or "") from error
        status, received, content = answer
        with self._lock:
            self.requests += 1
            self.bytes_received += len(content)
        return Response(
            status,
            received,
            content,
            time.monotonic() - started,
            f"{parts.scheme}://{parts.netloc}{parts.path}",
        )

    def _send(
        self,
        pool: urllib3.HTTPConnectionPool,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        ends: float,
    ) -> tuple[int, dict[str, str], bytes]:
        wait = max(1.0, min(self._read_timeout, ends - time.monotonic()))
        raw = pool.urlopen(
            method,
            path,
            headers=headers,
            body=body,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=wait),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=True,
            assert_same_host=False,
        )
        whole = False
        try:
            content = self._read(raw, ends)
            whole = True
        finally:
            # A connection whose answer was not read to its end must not serve the next request.
            if whole:
                raw.release_conn()
            else:
                raw.close()
        return raw.status, {name.lower(): value for name, value in raw.headers.items()}, content

    def _read(self, raw: urllib3.BaseHTTPResponse, ends: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in raw.stream(65_536, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._max_body:
                raise Unavailable(
                    Text(
                        _("The answer is larger than {limit} MB and was not read."),
                        {"limit": self._max_body // (1024 * 1024)},
                    ),
                    code="too_large",
                )
            if time.monotonic() > ends:
                raise Unavailable(Text(_("The answer came too slowly and was given up.")), code="timeout")
        return b"".join(chunks)

    def _pool(self, parts: SplitResult) -> urllib3.HTTPConnectionPool:
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        key = (parts.scheme, host, port)
        with self._lock:
            pool = self._pools.get(key)
        if pool is not None:
            return pool
        address = self._checked_address(host, port)
        made: urllib3.HTTPConnectionPool
        if parts.scheme == "https":
            made = urllib3.HTTPSConnectionPool(
                address,
                port,
                maxsize=self._connections,
                ssl_context=self._tls(),
                server_hostname=host,
                assert_hostname=host,
            )
        else:
            made = urllib3.HTTPConnectionPool(address, port, maxsize=self._connections)
        with self._lock:
            return self._pools.setdefault(key, made)

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            context = ssl.create_default_context()
            if self._ca_bundle:
                context.load_verify_locations(cafile=self._ca_bundle)
            self._context = context
        return self._context

    def _checked_address(self, host: str, port: int) -> str:
        addresses = resolve(host, port)
        for address in addresses:
            if not self._policy.permits(address):
                raise BlockedAddress(
                    Text(
                        _(
                            "{host} is at {address}, which is inside a private or reserved network. "
                            "XTND does not connect there unless the operator allows it."
                        ),
                        {"host": host, "address": str(address)},
                    ),
                    code="blocked_address",
                )
        return _first_that_answers(addresses, port)


def resolve(host: str, port: int) -> list[Address]:
    """Every address of `host`, IPv4 first. Raises `Unavailable` (code dns)."""
    try:
        ascii_host = host.encode("idna").decode() if not host.isascii() else host
        found = socket.getaddrinfo(ascii_host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable(Text(_("There is no server by the name {host}."), {"host": host}), code="dns") from error
    addresses = {ipaddress.ip_address(str(sockaddr[0]).split("%")[0]) for *_rest, sockaddr in found}
    return sorted(addresses, key=lambda address: (address.version, int(address)))


def _first_that_answers(addresses: Sequence[Address], port: int) -> str:
    """With several addresses, one that takes a connection; otherwise the first (its error is then the news)."""
    if len(addresses) > 1:
        for address in addresses:
            with (
                contextlib.suppress(OSError),
                socket.create_connection((str(address), port), timeout=3),
            ):
                return str(address)
    return str(addresses[0])


def _host_header(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if not host.isascii():
        host = host.encode("idna").decode()
    default = 443 if parts.scheme == "https" else 80
    return host if parts.port in (None, default) else f"{host}:{parts.port}"


def _unavailable(error: HTTPError, host: str) -> Unavailable:
    code, message = _cause(error)
    return Unavailable(Text(message, {"host": host} if "{host}" in message else {}), code=code)


def _cause(error: BaseException) -> tuple[str, str]:
    if isinstance(error, SSLError):
        return _tls_cause(error)
    if isinstance(error, ConnectTimeoutError):
        return "connect_timeout", _("{host} did not take the connection in time.")
    if isinstance(error, NewConnectionError):
        return "refused", _("{host} refused the connection.")
    if isinstance(error, ReadTimeoutError):
        return "timeout", _("{host} took the request but did not answer in time.")
    if isinstance(error, IncompleteRead | DecodeError):
        return "cut", _("The answer of {host} was cut off.")
    if isinstance(error, ProtocolError):
        inner = error.args[1] if len(error.args) > 1 else None
        if isinstance(inner, IncompleteRead):
            return "cut", _("The answer of {host} was cut off.")
        return "connection", _("{host} closed the connection without an answer.")
    return "connection", _("The connection to {host} failed.")


def _tls_cause(error: SSLError) -> tuple[str, str]:
    said = str(error).lower()
    if "hostname mismatch" in said or "doesn't match" in said or "ip address mismatch" in said:
        return "tls_name", _("The certificate of {host} is made out to another name.")
    if "expired" in said:
        return "tls_expired", _("The certificate of {host} has expired.")
    if "certificate_verify_failed" in said or "certificate verify failed" in said:
        return "tls_untrusted", _("The certificate of {host} is not issued by a known authority.")
    return "tls", _("{host} does not speak https correctly.")


Answer = TypeVar("Answer")


def with_retries(
    call: Callable[[], Answer],
    *,
    attempts: int = 3,
    longest_wait: float = 15.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Call again after a passing error: exponential backoff with jitter, Retry-After obeyed.

    A wait longer than `longest_wait` is not slept here: the error goes up, and the engine waits durably.
    """
    for attempt in range(1, attempts + 1):
        try:
            return call()
        except Unavailable as error:
            if attempt == attempts or error.code in _NOT_WORTH_REPEATING:
                raise
            wait = error.wait if error.wait is not None else 2.0 ** (attempt - 1)
            if wait > longest_wait:
                raise
            sleep(wait + random.uniform(0, 0.3 * wait + 0.1))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable")


_NOT_WORTH_REPEATING = frozenset({"tls_name", "tls_expired", "tls_untrusted", "too_large"})
