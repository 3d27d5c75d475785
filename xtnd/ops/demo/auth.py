"""Who is asking: WooCommerce's REST authentication, step by step as its WC_REST_Authentication does it.

Basic and query keys count only over TLS; OAuth 1.0a counts everywhere; an unknown key over TLS leaves no trace.
Measured on 3.6.4 and 9.9.5 (identical).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from xtnd.ops.demo.query import Params, text_of
from xtnd.ops.demo.store import Key, Store

OAUTH_REQUIRED = (
    "oauth_consumer_key",
    "oauth_timestamp",
    "oauth_nonce",
    "oauth_signature",
    "oauth_signature_method",
)
DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
WINDOW = 15 * 60


class AuthError(Exception):
    """A 401 with WooCommerce's code and words."""

    def __init__(self, message: str, code: str = "woocommerce_rest_authentication_error") -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Asked:
    """What authentication looks at. `uri` is the raw request URI; `home` is the store's own address with the scheme
    the store believes in, and `secure` that belief: behind some TLS proxies both are wrong."""

    method: str
    uri: str
    home: str
    secure: bool
    params: Params
    authorization: str


@dataclass
class Gate:
    """Recognises keys, and remembers used nonces as WooCommerce does: one per key and second."""

    store: Store
    nonces: dict[str, dict[int, str]] = field(default_factory=dict)

    def identify(self, asked: Asked, now: float) -> Key | None:
        """The key that signed the request, None for an anonymous one; AuthError when it is refused."""
        if "wp-json/wc/" not in asked.uri:  # the raw text: a percent-encoded slash does not count
            return None
        key = self._by_keys(asked) if asked.secure else None
        return key or self._by_oauth(asked, now)

    def _find(self, consumer_key: str) -> Key | None:
        wanted = consumer_key.strip()  # WordPress trims the key, but never the secret
        return next((key for key in self.store.keys if key.consumer_key == wanted), None)

    def _by_keys(self, asked: Asked) -> Key | None:
        name, secret = text_of(asked.params, "consumer_key"), text_of(asked.params, "consumer_secret")
        if not (name and secret):
            name, secret = _basic(asked.authorization)
        key = self._find(name) if name and secret else None
        if key is not None and not hmac.compare_digest(key.consumer_secret.encode(), secret.encode()):
            raise AuthError("Consumer secret is invalid.")
        return key

    def _by_oauth(self, asked: Asked, now: float) -> Key | None:
        params: Params = {**asked.params, **_oauth_header(asked.authorization)}
        missing = [name for name in OAUTH_REQUIRED if not text_of(params, name)]
        if len(missing) == len(OAUTH_REQUIRED):
            return None
        if missing:
            word = "parameter" if len(missing) == 1 else "parameters"
            code = "woocommerce_rest_authentication_missing_parameter"
            raise AuthError(f"Missing OAuth {word} {', '.join(missing)}", code)
        key = self._find(text_of(params, "oauth_consumer_key"))
        if key is None:
            raise AuthError("Consumer key is invalid.")
        _check_signature(asked, params, key)
        self._check_freshness(key, text_of(params, "oauth_timestamp"), text_of(params, "oauth_nonce"), now)
        return key

    def _check_freshness(self, key: Key, timestamp: str, nonce: str, now: float) -> None:
        moment = int(timestamp) if timestamp.isdigit() else 0
        if abs(now - moment) > WINDOW:
            raise AuthError("Invalid timestamp.")
        used = self.nonces.setdefault(key.consumer_key, {})
        if nonce in used.values():
            raise AuthError("Invalid nonce - nonce has already been used.")
        used[moment] = nonce
        for old in [one for one in used if one < now - WINDOW]:
            del used[old]


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        return "", ""
    return user, password


def _oauth_header(authorization: str) -> Mapping[str, str]:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "oauth":
        return {}
    pairs = (part.strip().partition("=") for part in rest.split(","))
    return {name: unquote(value.strip('"')) for name, _, value in pairs if name.startswith("oauth_")}


def _check_signature(asked: Asked, params: Params, key: Key) -> None:
    digest = DIGESTS.get(text_of(params, "oauth_signature_method"))
    if digest is None:
        raise AuthError("Invalid signature - signature method is invalid.")
    given = unquote(text_of(params, "oauth_signature").replace(" ", "+"))
    text = base_string(asked.method, asked.home, asked.uri, params)
    made = hmac.new(f"{key.consumer_secret}&".encode(), text.encode(), digest).digest()
    if not hmac.compare_digest(base64.b64encode(made), given.encode()):
        raise AuthError("Invalid signature - provided signature does not match.")


def base_string(method: str, home: str, uri: str, params: Params) -> str:
    """The text WooCommerce signs. A request for exactly "/" is signed without its slash: a quirk of get_home_url."""
    path = urlsplit(uri).path if not uri.startswith("//") else uri.partition("?")[0]
    prefix = urlsplit(home).path + "/"
    if path.startswith(prefix):
        path = path[len(prefix) :]
    address = f"{home}/{path.lstrip('/')}" if path.strip("/") else home
    pairs = "%26".join(f"{name}%3D{value}" for name, value in sorted(_normalized(params)))
    return f"{method}&{quote(address, safe='')}&{pairs}"


def _normalized(params: Params) -> Iterable[tuple[str, str]]:
    for name, value in params.items():
        if name == "oauth_signature":
            continue
        if isinstance(value, list):
            yield from ((_twice(f"{name}[{index}]"), _twice(one)) for index, one in enumerate(value))
        else:
            yield _twice(name), _twice(value)


def _twice(text: str) -> str:
    return quote(quote(unquote(text), safe="~"), safe="~")
