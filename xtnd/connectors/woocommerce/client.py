"""WooCommerce over HTTP: where the API is, how a request is signed, and what an answer means.

A 200 proves nothing (with plain permalinks the home page answers every call, writes included: measured on 9.9.5),
so an answer counts only when it is JSON.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlsplit

import msgspec

from xtnd.connectors.base import Settings
from xtnd.connectors.http import Http, Response, is_json, json_part, with_retries
from xtnd.core.errors import (
    AuthenticationFailed,
    Forbidden,
    NotFound,
    RateLimited,
    Rejected,
    Unavailable,
    UnknownOutcome,
    Unreadable,
)
from xtnd.core.secrets import Secret
from xtnd.core.text import Text
from xtnd.core.text import gettext_noop as _

NAMESPACE = "wc/v3"
Params = Mapping[str, str] | Sequence[tuple[str, str]]
Pairs = list[tuple[str, str]]

_NOTHING_SENT = frozenset(
    {
        "dns",
        "refused",
        "unreachable",
        "connect_timeout",
        "tls",
        "tls_name",
        "tls_expired",
        "tls_not_yet_valid",
        "tls_untrusted",
    }
)
"""Codes of `Unavailable` that end before the request leaves us: a write has certainly not happened."""

_BLOCKERS = frozenset({"rest_disabled", "rest_api_disabled", "wp_die"})
"""Codes of a 401/403 with which a plugin closes the API for everyone: the keys were never looked at."""

_LONGEST_QUOTE = 200


# ------------------------------------------------------------------ answers


@dataclass(frozen=True, slots=True)
class Answer:
    """A judged answer: JSON, with a status of 200–299. `headers` keys are lower case, without `link`."""

    body: bytes = field(repr=False)
    """The JSON, without the byte order mark or the PHP notice that may have stood before it."""
    headers: Mapping[str, str] = field(repr=False)
    status: int
    store_time: datetime | None
    """The store's clock (its Date header), aware UTC."""

    @property
    def total(self) -> int | None:
        """`X-WP-Total`; None where the store does not say (notes, settings)."""
        return total_of(self.headers)


@dataclass(frozen=True, slots=True)
class Fault:
    """WordPress' error document: `{"code", "message", "data": {"params": …}}`. Empty when there was none."""

    code: str = ""
    message: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


def fault_of(response: Response) -> Fault:
    """What the store says went wrong, if it says so in JSON (whatever the Content-Type claims)."""
    try:
        document = msgspec.json.decode(json_part(response.body))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Fault()
    if not isinstance(document, dict) or not isinstance(document.get("code"), str):
        return Fault()
    data = document.get("data")
    params = data.get("params") if isinstance(data, dict) else None
    return Fault(
        re.sub(r"[^A-Za-z0-9_.-]", "", _CREDENTIALS.sub("", document["code"]))[:80],
        quotable(str(document.get("message") or "")),
        {str(name): quotable(str(why)) for name, why in params.items()} if isinstance(params, dict) else {},
    )


_CREDENTIALS = re.compile(
    r"""c[ks]_\w{6,}                                # keys and secrets
    | (?:consumer_(?:key|secret)|oauth_\w+)=\S*    # a query that was echoed
    | \bBasic\s+\S+                               # a header that was echoed
    | [0-9A-Fa-f]{32,} | [0-9A-Za-z+/=]{40,}       # keys without their prefix, signatures""",
    re.IGNORECASE | re.VERBOSE,
)


def quotable(said: str) -> str:
    """A store's own words, fit for a page and a log: no HTML, no credentials, one line, at most 200 characters."""
    plain = html.unescape(re.sub(r"<[^>]*>", " ", said[:4000]))
    plain = _CREDENTIALS.sub("…", " ".join(plain.split()))
    return plain if len(plain) <= _LONGEST_QUOTE else plain[: _LONGEST_QUOTE - 1] + "…"


def total_of(headers: Mapping[str, str]) -> int | None:
    stated = headers.get("x-wp-total", "")
    return int(stated) if stated.isascii() and stated.isdecimal() else None


def store_time(response: Response) -> datetime | None:
    try:
        said = parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)


def looks_like_html(response: Response) -> bool:
    return response.content_type in ("text/html", "application/xhtml+xml") or response.body.lstrip()[:1] == b"<"


# ------------------------------------------------------------------ signing


def numbered(params: Params) -> Pairs:
    """PHP's reading of lists: `status[]=a&status[]=b` is `status[0]`, `status[1]`, also in what is signed."""
    pairs = list(params.items()) if isinstance(params, Mapping) else list(params)
    seen: dict[str, int] = {}
    named: Pairs = []
    for name, value in pairs:
        if name.endswith("[]"):
            at = seen[name] = seen.get(name, -1) + 1
            name = f"{name[:-2]}[{at}]"
        named.append((name, value))
    return named


def encoded(pairs: Pairs) -> str:
    return "&".join(f"{_percent(name)}={_percent(value)}" for name, value in pairs)


def _percent(text: str) -> str:
    return quote(text, safe="~")


def _percent_twice(text: str) -> str:
    return _percent(_percent(text))


def signed_address(url: str, sign_as: str) -> str:
    """The address the store signs: its own home, with its own idea of http or https, plus the path below its home.

    Host and scheme of the request do not count: behind a TLS proxy that hides https from PHP only `http://…`
    verifies (measured on 9.9.5).
    """
    request = urlsplit(url)
    if not sign_as:
        return f"{request.scheme}://{request.netloc}{request.path}"
    below = urlsplit(sign_as).path.rstrip("/") + "/"
    path = request.path.removeprefix(below) if request.path.startswith(below) else request.path
    return f"{sign_as.rstrip('/')}/{path.lstrip('/')}"


def base_string(method: str, address: str, pairs: Pairs) -> str:
    """OAuth 1.0a's base string in WooCommerce's spelling: sorted by the name before any bracket, byte for byte,
    then name and value each encoded twice. Its `WC_REST_Authentication::check_oauth_signature` is the reference."""
    ordered = sorted(pairs, key=lambda pair: pair[0].split("[")[0].encode())
    joined = "%26".join(f"{_percent_twice(name)}%3D{_percent_twice(value)}" for name, value in ordered)
    return f"{method.upper()}&{_percent(address)}&{joined}"


def oauth(method: str, address: str, pairs: Pairs, *, key: Secret, secret: Secret, at: float) -> Pairs:
    """`pairs` with the OAuth parameters and their signature. Each call has a nonce of its own."""
    claimed = [
        *pairs,
        ("oauth_consumer_key", key.reveal()),
        ("oauth_nonce", secrets.token_hex(16)),
        ("oauth_signature_method", "HMAC-SHA256"),
        ("oauth_timestamp", str(int(at))),
    ]
    text = base_string(method, address, claimed)
    digest = hmac.new(f"{secret.reveal()}&".encode(), text.encode(), hashlib.sha256).digest()
    return [*claimed, ("oauth_signature", base64.b64encode(digest).decode())]


# ------------------------------------------------------------------ the client


class Client:
    """One store's API. `settings.options` is what verify found: `base`, `style`, `auth`, `sign_as`, `clock_offset`."""

    def __init__(self, http: Http, settings: Settings) -> None:
        options = settings.options
        self.base = str(options.get("base") or default_base(settings.api_url)).rstrip("/")
        self.style = str(options.get("style") or "pretty")
        self.auth = str(options.get("auth") or ("basic" if self.base.startswith("https://") else "oauth"))
        self.sign_as = str(options.get("sign_as") or "")
        offset = options.get("clock_offset")
        self.clock_offset = float(offset) if isinstance(offset, int | float) else 0.0
        # A space that came along with the paste is refused by the store (measured on 3.6.4 and 9.9.5).
        self._key = trimmed(settings.credentials.get("access_token"))
        self._secret = trimmed(settings.credentials.get("secret"))
        self._http = http

    def __repr__(self) -> str:
        return f"Client({self.base!r}, {self.style!r}, {self.auth!r})"

    def get(self, resource: str, params: Params = (), *, namespace: str = NAMESPACE) -> Answer:
        """Read `orders`, `orders/12/refunds`. Passing errors are tried again. Raises `ExternalError`."""
        return with_retries(lambda: judged(self.send("GET", resource, params, namespace=namespace)))

    def post(self, resource: str, payload: object) -> Answer:
        """Write, once. Raises `UnknownOutcome` when the store may have done it but no readable answer came."""
        try:
            response = self.send("POST", resource, payload=payload)
        except Unavailable as error:
            if error.code in _NOTHING_SENT:
                raise
            raise _unknown(error.code) from error
        return judged(response, writing=True)

    def send(
        self,
        method: str,
        resource: str,
        params: Params = (),
        *,
        payload: object = None,
        namespace: str = NAMESPACE,
        deadline: float | None = None,
    ) -> Response:
        """One signed request and its answer as it came, unjudged. Redirects are not followed.

        `payload` is sent as JSON unless None. An empty `namespace` is the API's index.
        """
        url, pairs = self._target(resource, namespace)
        pairs += numbered(params)
        headers = {"Accept": "application/json"}
        if self.auth == "basic":
            pair = f"{self._key.reveal()}:{self._secret.reveal()}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif self.auth == "query":
            pairs += [("consumer_key", self._key.reveal()), ("consumer_secret", self._secret.reveal())]
        elif self.auth == "oauth":
            address = signed_address(url, self.sign_as)
            at = time.time() + self.clock_offset
            pairs = oauth(method, address, pairs, key=self._key, secret=self._secret, at=at)
        body = None
        if payload is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        return self._http.request(method, _with_query(url, pairs), headers=headers, body=body, deadline=deadline)

    def _target(self, resource: str, namespace: str) -> tuple[str, Pairs]:
        route = "/" + "/".join(part for part in (namespace, resource.strip("/")) if part)
        if self.style != "query":
            return f"{self.base}{route}", []
        # With plain permalinks the keys count only when the URI spells wp-json/wc/ (measured on 9.9.5 and 3.6.4).
        return self.base, [("rest_route", route), ("x", "/wp-json/wc/")]


def trimmed(credential: Secret | None) -> Secret:
    return Secret(credential.reveal().strip() if credential else "")


def default_base(api_url: str) -> str:
    """Where the API is on most stores, for a connection that was not verified yet."""
    site = api_url.strip().rstrip("/")
    if "://" not in site:
        site = f"https://{site}"
    return f"{site}/wp-json"


def _with_query(url: str, pairs: Pairs) -> str:
    if not pairs:
        return url
    # rest_route and x keep their slashes: the store looks for the raw text.
    kept = [(name, value) for name, value in pairs if name in ("rest_route", "x")]
    rest = [pair for pair in pairs if pair not in kept]
    parts = [f"{name}={quote(value, safe='/~')}" for name, value in kept]
    return f"{url}?{'&'.join([*parts, encoded(rest)] if rest else parts)}"


# ------------------------------------------------------------------ judging


def judged(response: Response, *, writing: bool = False) -> Answer:
    """The answer, if it is one. Raises what it means otherwise; no error carries a URL, a header or a credential."""
    if 200 <= response.status < 300:
        return _read(response, writing)
    if 300 <= response.status < 400:
        raise Unavailable(_MOVED, code="redirected", status=response.status)
    said = fault_of(response)
    if response.status in (401, 403):
        raise _refused(response, said)
    if response.status == 429:
        raise RateLimited(_BUSY, code="too_many_requests", status=429, wait=response.retry_after)
    if response.status >= 500 or response.status == 408:
        raise _broken(response, said, writing)
    if response.status == 404:
        raise _missing(response, said)
    raise _rejected(response, said)


_MOVED = Text(_("The store's address has moved: it redirects the API elsewhere. Verify the connection again."))
_BUSY = Text(_("The store asks us to send fewer requests."))


def _read(response: Response, writing: bool) -> Answer:
    body = json_part(response.body)
    if is_json(body):
        headers = {name: value for name, value in response.headers.items() if name != "link"}
        return Answer(body, headers, response.status, store_time(response))
    if writing:
        raise _unknown("unreadable_answer", response.status)
    if looks_like_html(response):
        raise Unreadable(
            Text(_("The store answered with a web page instead of data. Verify the connection again.")),
            code="html_instead_of_json",
        )
    if not body:
        raise Unreadable(Text(_("The store's answer was empty.")), code="empty_answer")
    raise Unreadable(Text(_("The store's answer was not the data it should be.")), code="unreadable")


def _unknown(code: str, status: int | None = None) -> UnknownOutcome:
    return UnknownOutcome(
        Text(_("The store gave no readable answer to a change we sent. It may have been made.")),
        code=code,
        status=status,
    )


def _quoted(message: str, said: Fault, status: int) -> Text:
    return Text(message, {"message": said.message or said.code or f"HTTP {status}"})


def _refused(response: Response, said: Fault) -> AuthenticationFailed | Forbidden:
    if not said.code or said.code in _BLOCKERS:
        return Forbidden(
            Text(
                _("Something in front of the store (a firewall or a security plugin) turned us away: {message}"),
                {"message": said.message or f"HTTP {response.status}"},
            ),
            code="blocked",
            status=response.status,
        )
    if response.status == 401:
        text = _quoted(_("The store did not accept the API key: {message}"), said, 401)
        return AuthenticationFailed(text, code=said.code, status=401)
    text = _quoted(_("The user behind the API key may not do this: {message}"), said, 403)
    return Forbidden(text, code=said.code, status=403)


def _broken(response: Response, said: Fault, writing: bool) -> Unavailable | Rejected | UnknownOutcome:
    """5xx. WooCommerce says no with 500 to some writes (a refund larger than the order, measured on 9.9.5)."""
    if writing and response.status == 500 and said.code.startswith("woocommerce_"):
        return _rejected(response, said)
    cause = cause_of_5xx(response, said)
    if writing and cause not in ("maintenance", "database_down"):
        return _unknown(cause, response.status)
    text = Text(_BROKEN[cause], {"status": response.status} if "{status}" in _BROKEN[cause] else {})
    return Unavailable(text, code=cause, status=response.status, wait=response.retry_after)


def cause_of_5xx(response: Response, said: Fault) -> str:
    """maintenance, database_down, php_fatal, gateway or server_error."""
    page = said.message.lower() or response.body[:20_000].decode(errors="replace").lower()
    if "database connection" in page:
        return "database_down"
    if said.code == "internal_server_error" or "critical error" in page or "fatal error" in page:
        return "php_fatal"
    if response.status == 503:
        return "maintenance"
    if response.status in (502, 504) or response.status >= 520:
        return "gateway"
    return "server_error"


_BROKEN = {
    "maintenance": _("The store is down for maintenance."),
    "database_down": _("The store cannot reach its database."),
    "php_fatal": _("The store broke down while answering (a PHP error)."),
    "gateway": _("The store's web server got no answer from the store (HTTP {status})."),
    "server_error": _("The store answered with an error (HTTP {status})."),
}


def _missing(response: Response, said: Fault) -> NotFound | Unavailable:
    if said.code:
        return NotFound(_quoted(_("The store does not have this: {message}"), said, 404), code=said.code, status=404)
    # A web server's own 404 says nothing about the order: the API is not where it was.
    return Unavailable(
        Text(_("There is no API at the store's address any more. Verify the connection again.")),
        code="no_api",
        status=404,
    )


def _rejected(response: Response, said: Fault) -> Rejected:
    reasons = "; ".join(said.params.values())
    message = f"{said.message} ({reasons})" if reasons else said.message or f"HTTP {response.status}"
    return Rejected(
        Text(_("The store did not accept it: {message}"), {"message": quotable(message)}),
        code=said.code or f"http_{response.status}",
        status=response.status,
    )
