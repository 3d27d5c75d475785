"""The one HTTP client. The address is what a user typed, so every connection is checked before it is made.

A name is resolved once, every address it has is held against the network policy, and the connection goes to
the address that was checked (with the right SNI and Host), so a name that changes its mind between the check and
the connection gains nothing. Redirects are answers like others: the caller sees them, credentials never travel.
One deadline covers the whole request, byte by byte: a server that answers a letter a minute is given up like a
silent one.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import io
import ipaddress
import logging
import queue
import random
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import msgspec
import urllib3
import urllib3.connection
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
LOOKUP_TIMEOUT = 10.0
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
_HOST = re.compile(r"(?!.*\.\.)[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")
_ADDRESSES_TRIED = 4

# urllib3 writes request targets and headers to its logs (at WARNING when headers are malformed), and those may hold
# keys. A filter of the parent logger would not see its children's records.
for _name in ("connection", "connectionpool", "poolmanager", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(lambda record: False)


class BlockedAddress(ExternalError):
    """The address is one we do not connect to. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """Which addresses may be connected to. `allowed`: the operator's networks (XTND_ALLOWED_PRIVATE_NETS);
    `endpoints`: single doors on this machine, address and port (the demo store's)."""

    allowed: tuple[Network, ...] = ()
    endpoints: frozenset[tuple[str, int]] = frozenset()

    @classmethod
    def parse(cls, nets: Sequence[str], endpoints: Iterable[tuple[str, int]] = ()) -> NetworkPolicy:
        """Raises ValueError on something that is not a network."""
        allowed = tuple(ipaddress.ip_network(net.strip(), strict=False) for net in nets if net.strip())
        return cls(allowed, frozenset(endpoints))

    def permits(self, address: Address, port: int = 0) -> bool:
        if (str(address), port) in self.endpoints:
            return True
        if any(address in net for net in self.allowed if net.version == address.version):
            return True
        if isinstance(address, ipaddress.IPv6Address):
            inner = address.ipv4_mapped
            if inner is None and address in _NAT64:
                inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
            if inner is not None:
                return self.permits(inner, port)
        return not any(address in net for net in _DENIED if net.version == address.version)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whatever its status. `headers` keys are lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """WooCommerce repeats keys in `Link`: neither headers nor body belong in a log."""
    body: bytes = field(repr=False)
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
        if stated.isascii() and stated.isdecimal():
            return min(float(stated), 86_400.0)
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            return min(max((parsedate_to_datetime(stated) - now()).total_seconds(), 0.0), 86_400.0)
        return None


def json_part(body: bytes) -> bytes:
    """The JSON in an answer that PHP put a byte order mark or a printed warning before.

    Returns `body` unchanged when what is found does not read as JSON to its very end: a web page with a script in it
    is not JSON.
    """
    bare = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if bare[:1] in (b"{", b"["):
        return bare
    for at in _openings(bare):
        if is_json(bare[at:]):
            return bare[at:]
    return body


def is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return bool(body)


def _openings(body: bytes) -> Iterator[int]:
    """Where a document may begin: at the start of a line or right after a tag. The first few are enough."""
    for found, _match in zip(re.finditer(rb"(?<=[>\n])\s*(?=[\[{])", body), range(50), strict=False):
        yield found.end()


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
    try:
        ascii_host(parts.hostname)
    except ValueError as error:
        raise BlockedAddress(Text(_("The address is not a valid web address.")), code="bad_url") from error
    return parts


def ascii_host(host: str) -> str:
    """The name as DNS, TLS and the Host header spell it. Raises ValueError on what cannot be a host's name."""
    if ":" in host:
        return str(ipaddress.IPv6Address(host if "%" not in host else ""))
    name = (host if host.isascii() else host.encode("idna").decode()).lower().rstrip(".")
    if not _HOST.fullmatch(name):
        raise ValueError("not a host name")
    return name


# ------------------------------------------------------------------ one deadline for every wait

_ends: ContextVar[float] = ContextVar("xtnd_request_ends")
"""When the request that this thread is in must be over (monotonic)."""


class _Timed(io.RawIOBase):
    """A socket's stream whose every wait is cut to what is left of the request. A read timeout alone starts anew
    with each byte."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = _ends.get() - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request's deadline has passed")
        longest = self._sock.gettimeout()
        self._sock.settimeout(left if longest is None else min(left, longest))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedAnswer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Timed(sock, self.fp.detach()))


class _Connection(urllib3.connection.HTTPConnection):
    response_class = _TimedAnswer


class _TlsConnection(urllib3.connection.HTTPSConnection):
    response_class = _TimedAnswer


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


# ------------------------------------------------------------------ the client


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
        dns, refused, unreachable, connect_timeout, timeout, tls_name, tls_expired, tls_not_yet_valid, tls_untrusted,
        tls, connection, cut, too_large; `BlockedAddress` when we do not go there. `deadline`: seconds for all of it."""
        parts = checked_url(url)
        sent = {"Host": _host_header(parts), "User-Agent": USER_AGENT, "Accept-Encoding": "gzip"}
        sent.update(headers or {})
        with self._limit or contextlib.nullcontext():
            answer = self._attempt(parts, method, sent, body, deadline or self._deadline)
        if isinstance(answer, Unavailable):
            # Not from within the except block: urllib3's errors know the request's target, which may hold keys.
            raise answer
        return answer

    def _attempt(
        self, parts: SplitResult, method: str, headers: Mapping[str, str], body: bytes | None, deadline: float
    ) -> Response | Unavailable:
        started = time.monotonic()
        pool = self._pool(parts, started + deadline)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with self._lock:
            self.requests += 1
        try:
            status, received, content = self._send(pool, method, path, headers, body, started + deadline)
        except (HTTPError, OSError, http.client.HTTPException) as error:
            failure = _unavailable(error, parts.hostname or "")
            if failure.code in _ADDRESS_MAY_HAVE_CHANGED:
                self._forget(parts)
            return failure
        with self._lock:
            self.bytes_received += len(content)
        took = time.monotonic() - started
        return Response(status, received, content, took, f"{parts.scheme}://{parts.netloc}{parts.path}")

    def _send(
        self,
        pool: urllib3.HTTPConnectionPool,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        ends: float,
    ) -> tuple[int, dict[str, str], bytes]:
        _ends.set(ends)
        left = max(0.1, ends - time.monotonic())
        raw = pool.urlopen(
            method,
            path,
            headers=headers,
            body=body,
            timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT, left), read=min(self._read_timeout, left)),
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
        # A header that comes twice (WordPress sends several Link) keeps both values.
        return raw.status, {name.lower(): raw.headers[name] for name in raw.headers}, content

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

    def _pool(self, parts: SplitResult, ends: float) -> urllib3.HTTPConnectionPool:
        key = scheme, host, port = _origin(parts)
        with self._lock:
            pool = self._pools.get(key)
        if pool is not None:
            return pool
        address = self._checked_address(host, port, ends)
        made: urllib3.HTTPConnectionPool
        if scheme == "https":
            # The certificate is held against `server_hostname`, not against the address connected to.
            made = _TlsPool(address, port, maxsize=self._connections, ssl_context=self._tls(), server_hostname=host)
        else:
            made = _Pool(address, port, maxsize=self._connections)
        with self._lock:
            return self._pools.setdefault(key, made)

    def _forget(self, parts: SplitResult) -> None:
        """The next request looks the name up again, and checks the addresses again."""
        with self._lock:
            self._pools.pop(_origin(parts), None)

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            context = ssl.create_default_context()
            if self._ca_bundle:
                context.load_verify_locations(cafile=self._ca_bundle)
            self._context = context
        return self._context

    def _checked_address(self, host: str, port: int, ends: float) -> str:
        addresses = resolve(host, port, timeout=min(LOOKUP_TIMEOUT, max(0.1, ends - time.monotonic())))
        for address in addresses:
            if not self._policy.permits(address, port):
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
        return _first_that_answers(addresses[:_ADDRESSES_TRIED], port)


def resolve(host: str, port: int, *, timeout: float = LOOKUP_TIMEOUT) -> list[Address]:
    """Every address of `host`, IPv4 first. Raises `Unavailable` (code dns)."""
    found = _looked_up(host, port, timeout)
    if isinstance(found, list) and found:
        return sorted(found, key=lambda address: (address.version, int(address)))
    if isinstance(found, socket.gaierror) and found.errno != socket.EAI_AGAIN:
        raise Unavailable(Text(_("There is no server by the name {host}."), {"host": host}), code="dns")
    raise Unavailable(Text(_("The name {host} could not be looked up."), {"host": host}), code="dns")


def _looked_up(host: str, port: int, timeout: float) -> list[Address] | Exception | None:
    """In a thread of its own: the system's lookup knows no deadline."""
    answer: queue.SimpleQueue[list[Address] | Exception] = queue.SimpleQueue()

    def look() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put(list({ipaddress.ip_address(str(sockaddr[0]).split("%")[0]) for *_rest, sockaddr in found}))
        except (OSError, ValueError) as error:
            answer.put(error)

    threading.Thread(target=look, daemon=True, name="lookup").start()
    with contextlib.suppress(queue.Empty):
        return answer.get(timeout=timeout)
    return None


def _first_that_answers(addresses: Sequence[Address], port: int) -> str:
    """With several addresses, one that takes a connection; otherwise the first (its error is then the news)."""
    if len(addresses) > 1:
        for address in addresses:
            with (
                contextlib.suppress(OSError),
                socket.create_connection((str(address), port), timeout=2),
            ):
                return str(address)
    return str(addresses[0])


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, ascii_host(parts.hostname or ""), parts.port or (443 if parts.scheme == "https" else 80)


def _host_header(parts: SplitResult) -> str:
    scheme, host, port = _origin(parts)
    if ":" in host:
        host = f"[{host}]"
    return host if port == (443 if scheme == "https" else 80) else f"{host}:{port}"


_ADDRESS_MAY_HAVE_CHANGED = frozenset({"refused", "unreachable", "connect_timeout"})


def _unavailable(error: Exception, host: str) -> Unavailable:
    code, message = _cause(error)
    return Unavailable(Text(message, {"host": host}), code=code)


def _cause(error: BaseException) -> tuple[str, str]:
    if isinstance(error, SSLError):
        return _tls_cause(error)
    if isinstance(error, NewConnectionError):  # first: urllib3 counts it among the time-outs
        reason = error.__cause__ or error.__context__
        if isinstance(reason, OSError) and reason.errno not in (None, errno.ECONNREFUSED):
            return "unreachable", _("There is no way to {host} from here.")
        return "refused", _("{host} refused the connection.")
    if isinstance(error, ConnectTimeoutError):
        return "connect_timeout", _("{host} did not take the connection in time.")
    if isinstance(error, ReadTimeoutError | TimeoutError):
        return "timeout", _("{host} took the request but did not answer in time.")
    if isinstance(error, IncompleteRead | DecodeError):
        return "cut", _("The answer of {host} was cut off.")
    if isinstance(error, ProtocolError):
        inner = error.args[1] if len(error.args) > 1 else None
        if isinstance(inner, IncompleteRead | http.client.IncompleteRead):
            return "cut", _("The answer of {host} was cut off.")
        return "connection", _("{host} closed the connection without an answer.")
    return "connection", _("The connection to {host} failed.")


# OpenSSL's verification results, from its x509_vfy.h.
_NOT_YET_VALID, _EXPIRED, _WRONG_NAME, _WRONG_ADDRESS = 9, 10, 62, 64


def _tls_cause(error: SSLError) -> tuple[str, str]:
    refused = next((arg for arg in error.args if isinstance(arg, ssl.SSLCertVerificationError)), None)
    if refused is None:
        return "tls", _("{host} does not speak https correctly.")
    if refused.verify_code in (_WRONG_NAME, _WRONG_ADDRESS):
        return "tls_name", _("The certificate of {host} is made out to another name.")
    if refused.verify_code == _EXPIRED:
        return "tls_expired", _("The certificate of {host} has expired.")
    if refused.verify_code == _NOT_YET_VALID:
        return "tls_not_yet_valid", _("The certificate of {host} is not valid yet, or our clock is wrong.")
    return "tls_untrusted", _("The certificate of {host} is not issued by a known authority.")


Answer = TypeVar("Answer")
pause = time.sleep
"""Looked up at each call: tests do not wait."""


def with_retries(
    call: Callable[[], Answer],
    *,
    attempts: int = 3,
    longest_wait: float = 15.0,
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
            pause(wait + random.uniform(0, 0.3 * wait + 0.1))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable")


_NOT_WORTH_REPEATING = frozenset(
    # A page that came too slowly is asked for again in halves, not whole.
    {"timeout", "tls_name", "tls_expired", "tls_not_yet_valid", "tls_untrusted", "too_large", "redirected", "no_api"}
)
