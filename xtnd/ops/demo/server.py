"""The store on the network: HTTP/1.1 with keep-alive on 127.0.0.1, permalinks, TLS and scripted faults."""

from __future__ import annotations

import json
import logging
import re
import socket
import ssl
import sys
import threading
import time
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from xtnd.ops.demo.auth import Asked, AuthError, Gate
from xtnd.ops.demo.calls import Answer, Call, RestError
from xtnd.ops.demo.faults import FaultResponse, Faults
from xtnd.ops.demo.query import Params, parse_query, text_of
from xtnd.ops.demo.routes import Rest
from xtnd.ops.demo.settings import http_date
from xtnd.ops.demo.shapes import Permalinks, Site, encode
from xtnd.ops.demo.store import Key, Store

logger = logging.getLogger(__name__)

JSON = "application/json; charset=UTF-8"
HTML = "text/html; charset=UTF-8"
REASONS = {
    200: "OK", 201: "Created", 301: "Moved Permanently", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 410: "Gone", 413: "Request Entity Too Large",
    429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable",
}  # fmt: skip
NO_FAULT = FaultResponse()
HANDSHAKE_SECONDS = 10.0
REQUEST_LINE = re.compile(r"/index\.php(?=/|$)")


class Seen(NamedTuple):
    """One request, as logged."""

    method: str
    path: str
    query: str


@dataclass(frozen=True)
class Heard:
    """A request off the wire. `uri` is raw, `secure` is what the store believes."""

    method: str
    uri: str
    headers: Message
    body: bytes
    site: Site
    secure: bool
    fault: FaultResponse = field(default=NO_FAULT)

    @property
    def path(self) -> str:
        return "/" + self.uri.partition("?")[0].lstrip("/")

    @property
    def params(self) -> Params:
        return parse_query(self.uri.partition("?")[2])

    @property
    def authorization(self) -> str:
        return "" if self.fault.strip_authorization else self.headers.get("Authorization", "")


class StoreServer:
    """Serves a store; use as a context manager, or start() and stop().

    `prefix` is the subdirectory WordPress is installed in, such as "/butik". `requests` logs what was asked.
    """

    def __init__(
        self,
        store: Store,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        prefix: str = "",
        permalinks: Permalinks = "pretty",
        faults: Faults | None = None,
    ) -> None:
        self.store = store
        self.faults = faults or Faults()
        self.requests: list[Seen] = []
        self._count = 0
        self._count_lock = threading.Lock()
        self._prefix, self._permalinks, self._secure = prefix.rstrip("/"), permalinks, tls is not None
        self._rest, self._gate = Rest(store), Gate(store)
        self._listener = _Listener(self, port, tls)
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def port(self) -> int:
        return int(self._listener.server_address[1])

    @property
    def url(self) -> str:
        """The address a user would enter: scheme, host, port and subdirectory, without a trailing slash."""
        return self._home(self._secure)

    def _home(self, secure: bool) -> str:
        return f"{'https' if secure else 'http'}://127.0.0.1:{self.port}{self._prefix}"

    def start(self) -> Self:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._serve, daemon=True, name="demo-store")
        self._thread.start()
        return self

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._listener.handle_request()

    def stop(self) -> None:
        """End at once, connections kept alive included; the port is free afterwards."""
        if self._thread:
            self._stopping.set()
            socket.create_connection(("127.0.0.1", self.port)).close()  # wakes the accepting thread
            self._thread.join()
            self._thread = None
        self._listener.server_close()
        self._listener.hang_up()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # -- one request -----------------------------------------------------------------------------------------------

    def note_request(self, method: str, uri: str) -> tuple[int, FaultResponse]:
        """Log it and ask the script what should go wrong."""
        path, _, query = uri.partition("?")
        with self._count_lock:
            self._count += 1
            number = self._count
            self.requests.append(Seen(method, path, query))
        return number, self.faults.before(number, method, path) or NO_FAULT

    def site(self, fault: FaultResponse) -> tuple[Site, bool]:
        """The address and scheme the store believes in."""
        secure = self._secure and not fault.hide_https
        return Site(self._home(secure), self._permalinks), secure

    def answer(self, heard: Heard) -> Answer:
        """WordPress' front door: redirects, pages, and the REST API behind its permalinks."""
        fault = heard.fault
        if fault.redirect is not None:
            return _page(301, "301 Moved Permanently", {"Location": fault.redirect + heard.uri})
        if fault.status is not None and not fault.anonymous_only:
            kind, body = fault.body(heard.headers.get("Accept", ""))
            return Answer(fault.status, body, {"Content-Type": kind, **fault.headers})
        if not (heard.path + "/").startswith(f"{self._prefix}/"):
            return _page(404, "404 Not Found")
        path = re.sub("/+", "/", heard.path[len(self._prefix) :] or "/")
        return self._behind_permalinks(heard, path)

    def _behind_permalinks(self, heard: Heard, path: str) -> Answer:
        route = text_of(heard.params, "rest_route")
        if route:
            if heard.method in ("PUT", "PATCH", "DELETE") and path == "/":
                return _page(405, "405 Not Allowed")  # nginx will not PUT to a directory
            return self._call(heard, route)
        under_index, path = bool(REQUEST_LINE.match(path)), REQUEST_LINE.sub("", path, count=1) or "/"
        if path.startswith("/wp-json/") or path == "/wp-json":
            if self._permalinks == "plain":
                return self._plain(heard, path, under_index)
            return self._call(heard, path.removeprefix("/wp-json"))
        home = path == "/"
        title = self.store.name if home else f"Page not found &#8211; {self.store.name}"
        return _page(200 if home else 404, title, _api_link(heard.site))

    def _plain(self, heard: Heard, path: str, under_index: bool) -> Answer:
        """Plain permalinks know no /wp-json/: a redirect to the slashed path, then the home page with a 200."""
        if heard.method in ("GET", "HEAD") and (under_index or not path.endswith("/")):
            query = heard.uri.partition("?")[2]
            target = f"{heard.site.home}{path.rstrip('/')}/{'?' if query else ''}{query}"
            return _page(301, "301 Moved Permanently", {"Location": target})
        return _page(200, self.store.name, _api_link(heard.site))

    def _call(self, heard: Heard, route: str) -> Answer:
        key, refusal = self._identify(heard)
        fault = heard.fault
        if refusal is not None:
            answer = refusal.answer()
        elif fault.anonymous_only and key is None:
            answer = Answer(fault.status or 401, encode(fault.json))
        else:
            method = _method(heard)
            body = _body(heard) if method not in ("GET", "HEAD") else {}
            call = Call(method, f"/{route.strip('/')}", heard.params, heard.site, body, key)
            answer = self._rest.answer(call, inactive=fault.woocommerce_inactive)
        return self._dressed(answer, heard.site, key)

    def _identify(self, heard: Heard) -> tuple[Key | None, RestError | None]:
        if heard.fault.woocommerce_inactive:
            return None, None
        asked = Asked(heard.method, heard.uri, heard.site.home, heard.secure, heard.params, heard.authorization)
        try:
            with self.store.lock:
                return self._gate.identify(asked, self.store.clock().timestamp()), None
        except AuthError as refused:
            return None, RestError(401, refused.code, refused.message)

    def _dressed(self, answer: Answer, site: Site, key: Key | None) -> Answer:
        headers = {"Content-Type": JSON, "X-Robots-Tag": "noindex", **_api_link(site), **answer.headers}
        if key is None:
            headers["Vary"] = "Origin"
        else:
            headers["Expires"] = "Wed, 11 Jan 1984 05:00:00 GMT"
            headers["Cache-Control"] = "no-cache, must-revalidate, max-age=0, no-store, private"
        return Answer(answer.status, answer.body, headers)


def _api_link(site: Site) -> dict[str, str]:
    return {"Link": f'<{site.rest("/")}>; rel="https://api.w.org/"'}


def _page(status: int, title: str, headers: dict[str, str] | None = None) -> Answer:
    text = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Answer(status, text.encode(), {"Content-Type": HTML, **(headers or {})})


def _method(heard: Heard) -> str:
    """WordPress lets a POST pass for another method."""
    override = text_of(heard.params, "_method") or heard.headers.get("X-HTTP-Method-Override", "")
    return override.upper() if heard.method == "POST" and override else heard.method


def _body(heard: Heard) -> dict[str, Any] | None:
    """The decoded body; None if it claims to be JSON and is not."""
    if not heard.body.strip():
        return {}
    if "json" not in heard.headers.get("Content-Type", ""):
        return dict(parse_query(heard.body.decode("utf-8", "replace")))
    try:
        found = json.loads(heard.body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else {}


class _Listener(ThreadingHTTPServer):
    """The socket; remembers open connections so that stop() can end those kept alive."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, owner: StoreServer, port: int, tls: ssl.SSLContext | None) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Connection)
        if tls is not None:
            # the handshake belongs in the connection's own thread, where a silent client blocks nobody
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def server_bind(self) -> None:
        # HTTPServer would look up the host's name here, which can take seconds without DNS
        socket_name = self.server_address
        self.socket.bind(socket_name)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        with self._open_lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that went away is not worth a stack trace
            logger.exception("the demo store failed to answer")


class _Connection(BaseHTTPRequestHandler):
    """One connection. Every answer leaves in a single send, or Nagle's algorithm would hold it for 40 ms."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(HANDSHAKE_SECONDS)
            self.request.do_handshake()
            self.request.settimeout(None)
        super().setup()

    def _respond(self) -> None:
        owner = self.server.owner
        number, fault = owner.note_request(self.command, self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        if fault.delay:
            time.sleep(fault.delay)
        if fault.drop_before:
            self._hang_up()
        else:
            site, secure = owner.site(fault)
            answer = owner.answer(Heard(self.command, self._raw_uri(), self.headers, body, site, secure, fault))
            self._send(answer, fault)
        owner.faults.after_response(number, self.command, urlsplit(self.path).path)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _respond

    def _raw_uri(self) -> str:
        """http.server collapses leading slashes; the store's own logs and signatures see them all."""
        words = self.requestline.split()
        return words[1] if len(words) > 1 and words[1].startswith("/") else self.path

    def _send(self, answer: Answer, fault: FaultResponse) -> None:
        if fault.drop_after:
            return self._hang_up()
        body = fault.prefix + answer.body
        headers = {"Server": "nginx/1.22.1", "Date": http_date(self.server.owner.store), **answer.headers}
        headers["Content-Length"] = str(len(body))
        if fault.content_type is not None:
            headers["Content-Type"] = fault.content_type
        head = f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        sent = b"" if self.command == "HEAD" else body
        if fault.cut is not None:
            sent = sent[: int(len(sent) * fault.cut)]
        self.wfile.write(head.encode("latin-1", "replace") + b"\r\n" + sent)
        if fault.cut is not None:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        """The request log is `StoreServer.requests`; nothing goes to stderr."""
