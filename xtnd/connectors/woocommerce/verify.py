"""Verify connection: a walk of at most 20 requests that says after each step what it found, and what to do about it.

It changes nothing in the store: the right to write is tried with an empty batch, which a read/write key may send
(200 `[]`), a read-only key may not (401), and which does nothing (measured on 9.9.5 and 3.6.4).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC
from typing import NoReturn
from urllib.parse import urlsplit

from xtnd.connectors.base import Check, Outcome, Report, Settings
from xtnd.connectors.http import BlockedAddress, Http, Response, checked_url, is_json, json_part
from xtnd.connectors.woocommerce import address
from xtnd.connectors.woocommerce.causes import CAUSES, OTHER, WITH_WAIT
from xtnd.connectors.woocommerce.client import NAMESPACE, Client, fault_of, quotable, store_time, total_of, trimmed
from xtnd.connectors.woocommerce.facts import Document, StoreFacts, document, info, text, time_zone
from xtnd.connectors.woocommerce.form import FIELDS, GUIDE
from xtnd.connectors.woocommerce.keys import ORDERS, Found, Ladder, is_challenge, misplaced, refined, trouble
from xtnd.core.errors import ExternalError, Unavailable
from xtnd.core.secrets import Secret
from xtnd.core.text import Text
from xtnd.core.text import gettext_noop as _
from xtnd.core.time import SECOND, now

__all__ = ["FIELDS", "GUIDE", "verify"]

LONGEST = 55.0
LONGEST_STEP = 20.0
MOST_REQUESTS = 20
MOST_REDIRECTS = 3
CLOCKS_AGREE = 60.0
"""Seconds. OAuth allows ±15 minutes; allowing for less than this would only add the noise of slow answers."""

_INDEX_FIELDS = "?_fields=name,url,home,namespaces,gmt_offset,timezone_string"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_HTTP = frozenset({"refused", "unreachable", "connect_timeout", "connection", "tls"})
"""A bare host that fails so over https may still be there over http. A bad certificate is no reason to do without."""

_GATES = {
    "address": _("Address"),
    "reachable": _("Site reachable"),
    "redirects": _("Redirects"),
    "tls": _("Secure connection (https)"),
    "rest_index": _("WordPress API"),
    "permalinks": _("Permalinks"),
    "woocommerce": _("WooCommerce"),
    "authentication": _("API key"),
    "read": _("Read orders and products"),
    "write": _("Write (nothing is changed)"),
    "status": _("Status page"),
    "tax": _("Prices entered with tax"),
    "changes": _("List what changed"),
    "webhooks": _("Webhooks"),
    "clock": _("Clock"),
    "orders": _("Orders since Order start"),
}
"""Every line that can be red, yellow or skipped, in order."""


def verify(settings: Settings, http: Http, say: Callable[[Check], None]) -> Report:
    """Never raises for anything the other side does. Ends within 60 seconds."""
    walk = _Walk(settings, http, say)
    try:
        walk.run()
    except _Stop:
        walk.skip_the_rest()
    return Report(tuple(walk.checks), walk.options, walk.shown)


class _Stop(Exception):
    """A red line was said: the walk is over."""


class _Walk:
    def __init__(self, settings: Settings, http: Http, say: Callable[[Check], None]) -> None:
        self.settings = settings
        self.http = http
        self.say_aloud = say
        self.checks: list[Check] = []
        self.options: dict[str, object] = {}
        self.shown: dict[str, str] = {}
        self.ends = time.monotonic() + LONGEST
        self.asked = 0
        self.site = ""
        self.base = ""
        self.index: Document = {}
        self.closed: Response | None = None
        """The index's refusal, when only the API's front page is closed (perhaps)."""
        self.dead_prefix = ""
        """An API address that is announced but does not answer."""
        self.skew: float | None = None
        self.best_trip = float("inf")
        self.order_total: int | None = None

    def run(self) -> None:
        self._at("reachable", self._reach)
        self._at("authentication", self._recognise)
        self._at("read", self._read)
        self._at("write", self._write, stop=False)
        self._at("status", self._status, stop=False)
        self._at("tax", self._tax, stop=False)
        self._at("changes", self._changes, stop=False)
        self._at("webhooks", self._webhooks, stop=False)
        self._clock()
        self._at("orders", self._orders, stop=False)

    def _at(self, gate: str, step: Callable[[], None], *, stop: bool = True) -> None:
        try:
            step()
        except ExternalError as error:
            if stop or gate == "write":
                self._fail(gate, error.code, error.text)
            else:
                self._warn(gate, error.code, error.text)
            if stop:
                raise _Stop from None

    # -------------------------------------------------------------- saying

    def _say(self, check: Check) -> None:
        self.checks.append(check)
        self.say_aloud(check)

    def _good(self, gate: str, detail: str = "", **params: str | int) -> None:
        self._say(Check(gate, Text(_GATES[gate]), Outcome.OK, Text(detail, params)))

    def _judge(
        self, outcome: Outcome, gate: str, cause: str, met: Text | None, params: Mapping[str, str | int]
    ) -> None:
        known = CAUSES.get(cause, OTHER)
        detail = met or Text(known.detail, params)
        self._say(Check(gate, Text(_GATES[gate]), outcome, detail, cause, Text(known.fix, params)))

    def _warn(self, gate: str, cause: str, met: Text | None = None, **params: str | int) -> None:
        self._judge(Outcome.WARNING, gate, cause, met, params)

    def _fail(self, gate: str, cause: str, met: Text | None = None, **params: str | int) -> None:
        self._judge(Outcome.FAILED, gate, cause, met, params)

    def _red(self, gate: str, cause: str, met: Text | None = None, **params: str | int) -> NoReturn:
        self._fail(gate, cause, met, **params)
        raise _Stop

    def _red_answer(self, gate: str, cause: str, response: Response) -> NoReturn:
        """A red line about an answer: its status, the store's words, where it leads."""
        said = fault_of(response)
        path = urlsplit(address.target_of(response, self.base)).path if response.status in _REDIRECTS else ""
        met = None
        if cause in WITH_WAIT and response.retry_after is not None:
            met = Text(WITH_WAIT[cause], {"seconds": round(response.retry_after)})
        params: dict[str, str | int] = {
            "status": response.status,
            "message": said.message or said.code or f"HTTP {response.status}",
            "path": quotable(path),
            "address": self.site,
        }
        self._red(gate, cause, met, **params)

    def skip_the_rest(self) -> None:
        said = {check.name for check in self.checks}
        for gate, label in _GATES.items():
            if gate not in said:
                self._say(Check(gate, Text(label), Outcome.SKIPPED))

    # -------------------------------------------------------------- asking

    def _limits(self) -> float:
        """Seconds the next request may take."""
        left = self.ends - time.monotonic()
        self.asked += 1
        if left < 1 or self.asked > MOST_REQUESTS:
            raise Unavailable(Text(_("The shop is so slow that the walk was given up.")), code="timeout")
        return min(left, LONGEST_STEP)

    def _visit(self, url: str) -> Response:
        """As a stranger: no key goes along."""
        deadline = self._limits()
        started = now()
        response = self.http.request("GET", url, headers={"Accept": "application/json"}, deadline=deadline)
        self._note_time(response, started.timestamp())
        return response

    def _call(
        self,
        resource: str,
        params: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        payload: object = None,
        options: Mapping[str, object] | None = None,
        credentials: Mapping[str, Secret] | None = None,
    ) -> Response:
        settings = replace(
            self.settings,
            options={**self.options, **(options or {})},
            credentials=credentials or self.settings.credentials,
        )
        deadline = self._limits()
        started = now()
        response = Client(self.http, settings).send(method, resource, params or {}, payload=payload, deadline=deadline)
        self._note_time(response, started.timestamp())
        return response

    def _note_time(self, response: Response, started: float) -> None:
        """The quickest answer tells the store's clock best. A cached one (Age) tells nothing."""
        theirs = store_time(response)
        if theirs is None or response.headers.get("age") or response.elapsed >= self.best_trip:
            return
        self.best_trip = response.elapsed
        # The header has whole seconds: on average half a second has passed since.
        self.skew = theirs.timestamp() + 0.5 - (started + response.elapsed / 2)

    # -------------------------------------------------------------- address to index

    def _reach(self) -> None:
        response = self._first_answer()
        self._good("address", "{address}", address=self.site)
        self._good("reachable", _("Answered in {milliseconds} ms"), milliseconds=round(response.elapsed * 1000))
        response = self._follow(response)
        if self.site.startswith("https://"):
            self._good("tls", _("The certificate is valid"))
        elif self.checks[-1].cause != "redirect_to_http":
            self._warn("tls", "no_https")
        else:
            self._say(info("tls", _GATES["tls"], _("Not used")))
        self._at("rest_index", lambda: self._find_api(response))

    def _first_answer(self) -> Response:
        met: Unavailable | None = None
        for site in address.candidates(self.settings.api_url):
            self.site = site
            try:
                checked_url(site)
                return self._visit(f"{site}/wp-json/{_INDEX_FIELDS}")
            except BlockedAddress as error:
                self._red("address", error.code, error.text)
            except Unavailable as error:
                met = met or error
                if error.code not in _TRY_HTTP:
                    break
        assert met is not None  # noqa: S101 - there is at least one candidate
        self._good("address")
        self._red_network(met)

    def _red_network(self, error: Unavailable) -> NoReturn:
        if error.code.startswith("tls"):
            if not any(check.name == "reachable" for check in self.checks):
                self._good("reachable")
            self._red("tls", error.code, error.text)
        self._red("reachable", error.code, error.text)

    def _follow(self, response: Response) -> Response:
        """Redirects are followed without a key, to the same host (www or not) only, and once: the final address is
        what is stored."""
        typed = self.site
        asked = f"{typed}/wp-json/{_INDEX_FIELDS}"
        for _hop in range(MOST_REDIRECTS):
            if response.status not in _REDIRECTS:
                break
            asked = self._next_address(response, asked)
            try:
                checked_url(asked)
                response = self._visit(asked)
            except BlockedAddress as error:
                self._red("redirects", error.code, error.text)
            except Unavailable as error:
                self._red("tls" if error.code.startswith("tls") else "redirects", error.code, error.text)
        if response.status in _REDIRECTS:
            self._red("redirects", "redirect_loop")
        if typed.startswith("https://") and self.site.startswith("http://"):
            self._warn("redirects", "redirect_to_http")
        elif typed == self.site:
            self._good("redirects", _("None"))
        else:
            self._good("redirects", _("Leads to {address}, which is used from now on"), address=self.site)
        return response

    def _next_address(self, response: Response, asked: str) -> str:
        target = address.target_of(response, asked)
        if not address.parts_of(target).hostname:
            self._red("redirects", "bad_redirect")
        if not address.same_shop(target, asked):
            self._red("redirects", "other_host", address=quotable(address.site_of(target)))
        if address.names_the_api(target):
            self.site = address.site_of(target)
            return target
        if "wp-login" in target:
            self._red("redirects", "login_wall")
        origin, path = target.partition("://")[0] + "://" + urlsplit(target).netloc, urlsplit(self.site).path
        if f"{origin}{path}" == self.site:
            self._red("redirects", "redirect_elsewhere", path=quotable(urlsplit(target).path))
        # Everything is sent to the home page of the right host: ask for the API there.
        self.site = f"{origin}{path}"
        return f"{self.site}/wp-json/{_INDEX_FIELDS}"

    # -------------------------------------------------------------- index, permalinks, WooCommerce

    def _find_api(self, response: Response) -> None:
        self.base = f"{self.site}/wp-json"
        found, api = _index_of(response), address.announced(response)
        if found:
            self._use_index(found, api)
        elif response.status in (401, 403):
            self._note_closed(response, api)
        elif trouble(response) in ("", "html_instead_of_json", "no_api_here", "no_woocommerce"):
            self._search(response, api)
        else:
            self._red_answer("rest_index", trouble(response), response)

    def _use_index(self, found: Document, api: str) -> None:
        """A changed REST prefix still answers at the old address, but keys count only at the new one."""
        elsewhere = address.base_on(self.site, api) if api and not address.is_plain(api) else self.base
        if elsewhere != self.base:
            other = _index_of(self._visit(f"{elsewhere}/{_INDEX_FIELDS}"))
            if other:
                self.base, found = elsewhere, other
            else:
                self.dead_prefix = elsewhere
        self._settle(found)

    def _note_closed(self, response: Response, api: str) -> None:
        """Many shops close the API to strangers; the key may open it all the same (measured), so that decides."""
        cause = trouble(response)
        if cause in ("site_password", "bot_challenge"):
            self._red_answer("rest_index", cause, response)
        if api and address.is_plain(api):
            self._red("permalinks", "plain_permalinks")
        if api:
            self.base = address.base_on(self.site, api)
        self.closed = response
        self._keep_base({})

    def _search(self, first: Response, api: str) -> None:
        """Nothing at /wp-json/: ask the home page where the API is, then try the two forms that need no rewriting."""
        home = first if api else self._visit(f"{self.site}/")
        api = api or address.announced(home)
        if api and address.is_plain(api):
            self._plain()
        elsewhere = address.base_on(self.site, api) if api else self.base
        for base in dict.fromkeys((elsewhere, f"{self.site}/index.php/wp-json")):
            if base == self.base:
                continue
            found = _index_of(self._visit(f"{base}/{_INDEX_FIELDS}"))
            if found:
                self.base = base
                return self._settle(found)
        if api:
            self._red("permalinks", "no_rewrite", address=elsewhere)
        if _index_of(self._visit(f"{self.site}/?rest_route=/&{_INDEX_FIELDS[1:]}")):
            self._plain()
        cause = "bot_challenge" if is_challenge(home) else trouble(first) or "not_wordpress"
        self._red_answer("rest_index", "no_api_here" if cause == "no_woocommerce" else cause, first)

    def _plain(self) -> NoReturn:
        self._good("rest_index", _("WordPress answers"))
        self._red("permalinks", "plain_permalinks")

    def _settle(self, found: Document) -> None:
        self.index = found
        self._good("rest_index", _("{name} answers at {address}"), name=text(found, "name"), address=self.base)
        self._good("permalinks", _("The API is at {path}"), path=urlsplit(self.base).path)
        names = found.get("namespaces")
        names = [str(name) for name in names] if isinstance(names, list) else []
        if NAMESPACE not in names:
            old = any(name.startswith("wc/v") for name in names)
            self._red("woocommerce", "woocommerce_too_old" if old else "no_woocommerce")
        self._good("woocommerce", _("Active"))
        self._keep_base(found)

    def _keep_base(self, found: Document) -> None:
        self.options["base"] = self.base
        self.options["style"] = "index_php" if "/index.php/" in self.base else "pretty"
        home = text(found, "home")
        self.options["home"] = home if address.parts_of(home).hostname else self.site

    # -------------------------------------------------------------- the key

    def _recognise(self) -> None:
        key = trimmed(self.settings.credentials.get("access_token")).reveal()
        secret = trimmed(self.settings.credentials.get("secret")).reveal()
        cause = misplaced(key, secret)
        if cause:
            self._red("authentication", cause)
        if self.skew is not None and abs(self.skew) > CLOCKS_AGREE:
            self.options["clock_offset"] = round(self.skew)
        found = Ladder(self._ask, self.base.startswith("https://"), str(self.options["home"])).climb()
        if self.closed is not None:
            self._settle_closed(self.closed, found)
        if not found.recognised:
            self._red_key(found, key, secret)
        self._accept(found)
        if found.cause:
            self._red_answer("read", found.cause, found.response)
        self.order_total = total_of(found.response.headers)

    def _ask(
        self,
        auth: str,
        sign_as: str = "",
        *,
        write: bool = False,
        credentials: Mapping[str, Secret] | None = None,
    ) -> Response:
        options = {"auth": auth, "sign_as": sign_as}
        if write:
            return self._call("products/batch", method="POST", payload={}, options=options, credentials=credentials)
        return self._call("orders", ORDERS, options=options, credentials=credentials)

    def _settle_closed(self, closed: Response, found: Found) -> None:
        if found.cause in ("rest_disabled", "firewall"):
            self._red_answer("rest_index", trouble(closed), closed)
        self._good("rest_index", _("Closed to strangers, open to the key"))
        self._good("permalinks", _("The API is at {path}"), path=urlsplit(self.base).path)
        if found.cause == "no_woocommerce":
            self._red("woocommerce", "no_woocommerce")
        if found.cause == "keys_ignored":
            self._say(info("woocommerce", _GATES["woocommerce"], _("Not to be seen without a key that works")))
        else:
            self._good("woocommerce", _("Active"))

    def _red_key(self, found: Found, key: str, secret: str) -> NoReturn:
        if found.cause == "keys_ignored" and self.dead_prefix:
            self._red("authentication", "rest_prefix", address=self.dead_prefix)
        cause = refined(found.cause, key, secret)
        if cause == "no_prefix" and self._swapped():
            cause = "swapped"
        if cause in ("no_prefix", "incomplete_key", "incomplete_secret"):
            self._red("authentication", cause, length=len(key))
        self._red_answer("authentication", cause, found.response)

    def _swapped(self) -> bool:
        """Without prefixes only a trial tells; over https only, where nobody else reads it."""
        if not self.base.startswith("https://"):
            return False
        given = self.settings.credentials
        turned = {"access_token": given["secret"], "secret": given["access_token"]}
        return self._ask("basic", credentials=turned).status == 200

    def _accept(self, found: Found) -> None:
        self.options["auth"] = found.auth
        if found.sign_as and found.sign_as != address.with_scheme(urlsplit(self.base).scheme, self.site):
            self.options["sign_as"] = found.sign_as
        method = {
            "basic": _("Accepted, sent in the Authorization header"),
            "query": _("Accepted, sent in the address"),
            "oauth": _("Accepted, with signed requests (OAuth)"),
        }[found.auth]
        if found.warning:
            self._warn("authentication", found.warning)
        else:
            self._good("authentication", method)
        self.shown["authentication"] = found.auth

    # -------------------------------------------------------------- rights

    def _read(self) -> None:
        """Orders were read when the key was recognised; products are read here, by change if the store can."""
        response = self._call("products", {"orderby": "modified", **ORDERS})
        by_change = _is_list(response)
        if response.status == 400:
            response = self._call("products", ORDERS)
        cause = trouble(response)
        if fault_of(response).code.startswith("woocommerce_") and response.status in (401, 403):
            cause = "products_forbidden"
        if not cause and not _is_list(response):
            cause = "unexpected_json"
        if cause:
            self._red_answer("read", cause, response)
        self.options["products_modified_filter"] = by_change
        self._good("read", _("Orders and products can be read"))

    def _write(self) -> None:
        response = self._call("products/batch", method="POST", payload={})
        code = fault_of(response).code
        cause = trouble(response)
        if response.status == 401 and code:
            cause = "read_only_key"
        elif response.status == 403 and code.startswith("woocommerce_"):
            cause = "user_cannot_write"
        elif cause == "html_instead_of_json":
            cause = "write_unreadable"
        elif 300 <= response.status < 500 and response.status != 429:
            cause = "write_blocked"
        if not cause:
            self._good("write", _("The key may write"))
            return
        self._fail("write", cause, status=response.status, message=fault_of(response).message)

    # -------------------------------------------------------------- facts

    def _status(self) -> None:
        response = self._call("system_status", {"_fields": "environment,settings,theme"})
        status = document(response) if response.status == 200 else {}
        zone = time_zone(self.index)
        facts = StoreFacts(status, self.index)
        if status:
            self._good("status")
            for line in facts.lines():
                self._say(line)
        else:
            self._warn("status", "status_unreadable", status=response.status)
        self.options |= facts.options
        self.shown |= facts.shown
        if zone:
            self.options["time_zone"] = self.shown["time_zone"] = zone
        self._say(info("time_zone", _("Time zone"), "{zone}" if zone else _("Not told"), zone=zone))

    def _tax(self) -> None:
        response = self._call("settings/tax/woocommerce_prices_include_tax", {"_fields": "id,value"})
        value = text(document(response), "value") if response.status == 200 else ""
        if value in ("yes", "no"):
            self.options["prices_include_tax"] = value == "yes"
        said = {"yes": _("Yes"), "no": _("No")}.get(value, _("Not told"))
        self._say(info("tax", _GATES["tax"], said))

    def _changes(self) -> None:
        """`modified` is probed, never guessed: a store without it ignores the date filter and lists everything
        (measured on 3.6.4), but refuses to order by it."""
        self.options |= {"orders_modified_filter": False, "modified_filter": False, "refunds_route": False}
        orders = self._call("orders", {"orderby": "modified", **ORDERS})
        refunds = self._call("refunds", ORDERS)
        by_change = _is_list(orders)
        self.options |= {
            "orders_modified_filter": by_change,
            "modified_filter": by_change,
            "refunds_route": _is_list(refunds),
        }
        if by_change:
            self._good("changes", _("The shop lists what changed since last time"))
        elif orders.status == 400:
            detail = _("This older WooCommerce cannot list what changed: everything is read each time")
            self._say(info("changes", _GATES["changes"], detail))
        else:
            self._warn("changes", "probe_failed")

    def _webhooks(self) -> None:
        allowed = _is_list(self._call("webhooks", ORDERS))
        self.options["webhooks"] = allowed
        detail = _("The key may set up webhooks") if allowed else _("The key may not set up webhooks; polling is used")
        self._say(info("webhooks", _GATES["webhooks"], detail))

    def _clock(self) -> None:
        if self.skew is None:
            self._say(info("clock", _GATES["clock"], _("The shop does not tell the time")))
        elif abs(self.skew) > CLOCKS_AGREE:
            self.options["clock_offset"] = round(self.skew)
            self._warn("clock", "clock_off", seconds=abs(round(self.skew)))
        else:
            self.options["clock_offset"] = 0
            self._good("clock", _("The shop's clock and ours agree"))

    def _orders(self) -> None:
        start, count = self.settings.order_start, self.order_total
        if start is not None:
            # `after` is exclusive; with Z and without dates_are_gmt every version reads it alike (measured).
            after = (start.astimezone(UTC) - SECOND).strftime("%Y-%m-%dT%H:%M:%SZ")
            response = self._call("orders", {"after": after, **ORDERS})
            if not _is_list(response):
                return self._warn("orders", "count_failed")
            count = total_of(response.headers)
            if count is None:  # the header was lost on the way
                count = 1 if json_part(response.body) != b"[]" else 0
        if count == 0:
            self._warn("orders", "no_orders")
        elif count is None:
            self._good("orders", _("There are orders"))
        else:
            self.shown["orders"] = str(count)
            self._good("orders", _("{count} orders"), count=count)


def _index_of(response: Response) -> Document:
    """WordPress' index, or nothing. A status of 200 does not make one, nor does any other JSON."""
    found = document(response) if response.status == 200 else {}
    return found if isinstance(found.get("namespaces"), list) else {}


def _is_list(response: Response) -> bool:
    body = json_part(response.body)
    return response.status == 200 and body.startswith(b"[") and is_json(body)
