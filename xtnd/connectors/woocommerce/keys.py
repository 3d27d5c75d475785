"""Does the store know this key, by which method, and if not: why not? The causes are those of `causes.py`.

Which error means what was measured on 9.9.5 and 3.6.4, which agree. A store says it in its own language, so the
words are only a short cut: where they are not English, another request tells the cases apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from xtnd.connectors.http import Response, is_json, json_part
from xtnd.connectors.woocommerce.address import with_scheme
from xtnd.connectors.woocommerce.client import cause_of_5xx, fault_of, looks_like_html
from xtnd.core.secrets import Secret

ORDERS = {"per_page": "1", "_fields": "id"}

KEY_LENGTH = 43
"""ck_ or cs_ and 40 hexadecimal digits."""

_NOBODY = Secret("ck_" + "0" * 40)
_ERROR = "woocommerce_rest_authentication_error"
_CLOSED_TO_ALL = frozenset({"rest_disabled", "rest_api_disabled", "wp_die"})
_CHALLENGES = (
    b"<title>just a moment",
    b"/.well-known/sgcaptcha",
    b"_incapsula_resource",
    b"cf-browser-verification",
    b"imunify360",
)
_ENGLISH = (
    ("read permission", "write_only_key"),
    ("consumer key", "wrong_key"),
    ("consumer secret", "wrong_secret"),
    ("timestamp", "store_clock"),
    ("signature", "bad_signature"),
)


class Ask(Protocol):
    """One keyed request; GET of one order's id unless said otherwise."""

    def __call__(
        self,
        auth: str,
        sign_as: str = "",
        *,
        write: bool = False,
        credentials: Mapping[str, Secret] | None = None,
    ) -> Response: ...


@dataclass(frozen=True, slots=True)
class Found:
    response: Response
    auth: str
    sign_as: str = ""
    cause: str = ""
    """"" when orders were read; else a key of CAUSES."""
    warning: str = ""
    """It works, but not as it should."""

    @property
    def recognised(self) -> bool:
        """The key is right, whatever it may do."""
        return self.cause in ("", "user_without_rights", "write_only_key", "unexpected_json")


# ------------------------------------------------------------------ what an answer means


def trouble(response: Response) -> str:
    """The cause when an answer is not JSON with a status of 2xx, whatever was asked; "" when it is."""
    status, said = response.status, fault_of(response)
    if is_challenge(response):
        return "bot_challenge"
    if 200 <= status < 300:
        return "" if is_json(json_part(response.body)) else "html_instead_of_json"
    if 300 <= status < 400:
        return "redirect_elsewhere"
    if status in (401, 403):
        return _closed(response)
    if status == 404:
        return "no_woocommerce" if said.code == "rest_no_route" else "no_api_here"
    if status == 429:
        return "too_many_requests"
    return cause_of_5xx(response, said) if status >= 500 else "unexpected_status"


def is_challenge(response: Response) -> bool:
    """https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/"""
    if response.headers.get("cf-mitigated", "") == "challenge":
        return True
    if not looks_like_html(response):
        return False
    page = response.body[:20_000].lower()
    return any(mark in page for mark in _CHALLENGES)


def _closed(response: Response) -> str:
    if fault_of(response).code:
        return "rest_disabled"
    if response.headers.get("www-authenticate", "").lower().startswith("basic"):
        return "site_password"
    return "firewall"


def verdict(response: Response) -> str:
    """`trouble`, and for a keyed request also: anonymous (the key was not noticed), refused (it was), or
    user_without_rights."""
    code = fault_of(response).code
    if response.status == 401 and code and code not in _CLOSED_TO_ALL:
        return "refused" if code.startswith("woocommerce_rest_authentication") else "anonymous"
    if response.status == 403 and code.startswith("woocommerce_"):
        return "user_without_rights"
    problem = trouble(response)
    if not problem and not json_part(response.body).startswith(b"["):
        return "unexpected_json"
    return problem


# ------------------------------------------------------------------ the ladder


@dataclass(frozen=True, slots=True)
class Ladder:
    """Basic, then the query, then OAuth; over http only OAuth, which never shows the secret."""

    ask: Ask
    secure: bool
    home: str
    """The address the store believes it has; its scheme is tried, not believed."""

    def climb(self) -> Found:
        if not self.secure:
            return self._over_http()
        first = self._try("basic")
        if first.cause not in ("anonymous", "firewall"):
            return self._explained(first)
        second = self._try("query", warning="stripped_authorization")
        if second.cause not in ("anonymous", "firewall"):
            return self._explained(second)
        # An unknown key leaves no trace over https. OAuth tells: it names an unknown key, and it is all that
        # works when a proxy hides https from the store.
        third = self._try("oauth", with_scheme("http", self.home), warning="https_hidden")
        if third.cause == "anonymous":
            return replace(third, cause="firewall" if first.cause == "firewall" else "keys_ignored")
        found = self._explained(third)
        return replace(found, cause="wrong_secret") if found.cause == "bad_signature" else found

    def _over_http(self) -> Found:
        found = self._explained(self._try("oauth", with_scheme("http", self.home)))
        if found.cause == "bad_signature":
            other = self._try("oauth", with_scheme("https", self.home), warning="https_assumed")
            return replace(found, cause="wrong_secret") if other.cause == "refused" else self._explained(other)
        return replace(found, cause="keys_ignored") if found.cause == "anonymous" else found

    def _try(self, auth: str, sign_as: str = "", *, warning: str = "") -> Found:
        response = self.ask(auth, sign_as)
        return Found(response, auth, sign_as, verdict(response), warning)

    def _explained(self, found: Found) -> Found:
        return replace(found, cause=self._reason(found)) if found.cause == "refused" else found

    def _reason(self, found: Found) -> str:
        message = fault_of(found.response).message
        for words, cause in _ENGLISH:
            if words in message.lower():
                return cause
        # The store speaks another language. A key that may only write is no error when it writes.
        if self.ask(found.auth, found.sign_as, write=True).status == 200:
            return "write_only_key"
        if found.auth != "oauth":
            return "wrong_secret"
        unknown = self.ask("oauth", found.sign_as, credentials={"access_token": _NOBODY, "secret": _NOBODY})
        return "wrong_key" if fault_of(unknown).message == message else "bad_signature"


# ------------------------------------------------------------------ how it was pasted


def misplaced(key: str, secret: str) -> str:
    """What can be seen without asking the store: a cause, or ""."""
    if not key:
        return "no_key"
    if not secret:
        return "no_secret"
    if key.startswith("cs_"):
        return "swapped" if secret.startswith("ck_") else "key_is_secret"
    if secret.startswith("ck_"):
        return "secret_is_key"
    # WordPress shows an application password as six groups of four.
    if not key.startswith("ck_") and re.fullmatch(r"[A-Za-z0-9]{4}( ?[A-Za-z0-9]{4}){5}", secret):
        return "application_password"
    return ""


def refined(cause: str, key: str, secret: str) -> str:
    """A key the store does not know, or a secret it refuses, explained by how it looks."""
    if cause in ("wrong_key", "keys_ignored"):
        if not key.startswith("ck_"):
            return "no_prefix"
        if len(key) != KEY_LENGTH:
            return "incomplete_key"
    if cause == "wrong_secret" and (not secret.startswith("cs_") or len(secret) != KEY_LENGTH):
        return "incomplete_secret"
    return cause
