"""What goes wrong between a store and its callers, as recorded from real stores (and a few transport faults)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xtnd.ops.demo.shapes import encode

NGINX_403 = b"<!DOCTYPE html><html><head><title>403 Forbidden</title></head><body><h1>Forbidden</h1></body></html>"
CRITICAL = (
    "<p>There has been a critical error on this website.</p><p>"
    '<a href="https://wordpress.org/documentation/article/faq-troubleshooting/">'
    "Learn more about troubleshooting WordPress.</a></p>"
)
WARNING = (
    '<br />\n<b>Warning</b>:  Undefined array key "xtnd" in '
    "<b>/srv/www/wp-content/plugins/slarvig/slarvig.php</b> on line <b>42</b><br />\n"
)
WC_NAMESPACES = ("wc", "jetpack", "wccom")


@dataclass(frozen=True)
class FaultResponse:
    """One request's fault. With a `status` the store is never reached; without, it answers and the answer is spoiled.

    `html` is sent instead of `json` to callers that did not ask for application/json. `cut` ends the body after that
    share (0-1) while Content-Length still promises all of it. `drop_before` closes the connection unanswered without
    doing the work, `drop_after` with the work done. `redirect` is the start of the address to send the caller to.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    html: bytes | None = None
    anonymous_only: bool = False
    delay: float = 0.0
    prefix: bytes = b""
    content_type: str | None = None
    cut: float | None = None
    drop_before: bool = False
    drop_after: bool = False
    redirect: str | None = None
    strip_authorization: bool = False
    hide_https: bool = False
    woocommerce_inactive: bool = False

    def body(self, accept: str) -> tuple[str, bytes]:
        """(Content-Type, body) of a fault that answers for the store."""
        if self.json is not None and (self.html is None or "application/json" in accept):
            return self.content_type or "application/json; charset=UTF-8", encode(self.json)
        return self.content_type or "text/html; charset=UTF-8", self.html or b""


@dataclass
class Faults:
    """The hooks a test sets. `before(n, method, path)` is asked at every request, n counting from 1;
    `after_response(n, method, path)` runs when the answer has left, such as to change the store between pages."""

    before: Callable[[int, str, str], FaultResponse | None] = lambda number, method, path: None
    after_response: Callable[[int, str, str], None] = lambda number, method, path: None


def always(fault: FaultResponse) -> Faults:
    """The store has this fault from the start and keeps it."""
    return Faults(before=lambda number, method, path: fault)


def at(fault: FaultResponse, *numbers: int, path_part: str = "") -> Faults:
    """The fault strikes the requests with these numbers, counted among paths that contain `path_part`."""
    seen = 0

    def before(number: int, method: str, path: str) -> FaultResponse | None:
        nonlocal seen
        if path_part not in path:
            return None
        seen += 1
        return fault if seen in numbers else None

    return Faults(before=before)


def _wp_die(status: int, message: str) -> dict[str, object]:
    return {"code": "wp_die", "message": message, "data": {"status": status}, "additional_errors": []}


def _page(title: str, text: str) -> bytes:
    return f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{text}</body></html>\n".encode()


def maintenance() -> FaultResponse:
    text = "Briefly unavailable for scheduled maintenance. Check back in a minute."
    return FaultResponse(503, {"Retry-After": "600"}, _wp_die(503, text), _page("Maintenance", text))


def db_down() -> FaultResponse:
    text = "<h1>Error establishing a database connection</h1>"
    return FaultResponse(500, {}, _wp_die(500, text), _page("Database Error", text))


def fatal_500() -> FaultResponse:
    error = {
        "type": 1,
        "message": "Uncaught Error: plugin exploded in /srv/www/store/wp-content/plugins/boom/boom.php:3",
        "file": "/srv/www/store/wp-content/plugins/boom/boom.php",
        "line": 3,
    }
    told = {
        "code": "internal_server_error",
        "message": CRITICAL,
        "data": {"status": 500, "error": error},
        "additional_errors": [],
    }
    return FaultResponse(500, {}, told, _page("WordPress &rsaquo; Error", CRITICAL))


def rest_disabled() -> FaultResponse:
    text = "The REST API on this site has been disabled."
    return FaultResponse(403, {}, {"code": "rest_disabled", "message": text, "data": {"status": 403}})


def blocked_403_html() -> FaultResponse:
    return FaultResponse(403, {}, None, NGINX_403)


def rest_not_logged_in() -> FaultResponse:
    """A common plugin: keys work, but nobody else gets in, not even to the index."""
    told = {
        "code": "rest_not_logged_in",
        "message": "You are not currently logged in.",
        "data": {"status": 401},
    }
    return FaultResponse(401, {}, told, anonymous_only=True)


def too_many_requests(retry_after: int | str | None = 30) -> FaultResponse:
    """`retry_after`: seconds, an HTTP date, or None for no header."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return FaultResponse(429, headers, None, b"Too Many Requests")


def html_200() -> FaultResponse:
    return FaultResponse(200, {}, None, _page("Nordisk Friluft", "<h1>Nordisk Friluft</h1>"))


def answer(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> FaultResponse:
    """Any other answer, such as a bare 502 or an invalid or empty body."""
    return FaultResponse(status, headers or {}, None, body)


def redirect(start: str) -> FaultResponse:
    """301 to `start` plus the request's own path and query, whatever the method (http to https, or to www)."""
    return FaultResponse(301, redirect=start)


def php_warning() -> FaultResponse:
    """The work is done and the answer right, behind a line of HTML."""
    return FaultResponse(prefix=WARNING.encode())


def bom() -> FaultResponse:
    return FaultResponse(prefix=b"\xef\xbb\xbf")


def json_as_html() -> FaultResponse:
    return FaultResponse(content_type="text/html; charset=UTF-8")


def cut_body(share: float) -> FaultResponse:
    return FaultResponse(cut=share)


def slow(seconds: float) -> FaultResponse:
    return FaultResponse(delay=seconds)


def connection_closed() -> FaultResponse:
    return FaultResponse(drop_before=True)


def lost_answer() -> FaultResponse:
    """The store does the work, and the caller never hears of it."""
    return FaultResponse(drop_after=True)


def stripped_authorization() -> FaultResponse:
    """A web server that does not pass the Authorization header on to PHP."""
    return FaultResponse(strip_authorization=True)


def https_hidden() -> FaultResponse:
    """A TLS proxy that does not tell PHP: the store takes every request for http."""
    return FaultResponse(hide_https=True)


def woocommerce_inactive() -> FaultResponse:
    return FaultResponse(woocommerce_inactive=True)
