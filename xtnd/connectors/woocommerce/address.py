"""Shop addresses: from what people type, from redirects, and from what WordPress announces. Pure functions."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from xtnd.connectors.http import Response

_BELOW_SITE = frozenset(
    {"wp-json", "wp-admin", "wp-login.php", "wp-content", "wp-includes", "wc-api", "index.php", "xmlrpc.php"}
)
"""Where WordPress itself begins: a pasted address is cut here."""


def candidates(typed: str) -> tuple[str, ...]:
    """The sites that a typed address may mean, best first. A bare host is tried with https, then with http."""
    text = typed.strip().strip("\"'<>").strip()
    if "://" in text:
        return (site_of(text),)
    bare = text.lstrip("/")
    return (site_of(f"https://{bare}"), site_of(f"http://{bare}"))


def site_of(url: str) -> str:
    """The site an address below it belongs to: without WordPress' own paths, query, fragment and trailing slash.

    An address that cannot be read comes back as it is, for `checked_url` to refuse.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url.strip()
    kept: list[str] = []
    for segment in parts.path.split("/"):
        if segment.lower() in _BELOW_SITE:
            break
        kept.append(segment)
    return urlunsplit((parts.scheme.lower(), parts.netloc, "/".join(kept).rstrip("/"), "", ""))


def target_of(response: Response, asked: str) -> str:
    """Where a redirect leads, absolute; "" when it does not say or cannot be read."""
    location = response.headers.get("location", "").strip()
    try:
        return urljoin(asked, location) if location else ""
    except ValueError:
        return ""


def parts_of(url: str) -> SplitResult:
    """Never raises: an unreadable address has no host."""
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def same_shop(one: str, other: str) -> bool:
    """The same host, with or without www. Everything else is for a person to decide."""
    names = {(parts_of(url).hostname or "").removeprefix("www.").rstrip(".") for url in (one, other)}
    return len(names) == 1 and "" not in names


def names_the_api(url: str) -> bool:
    return "/wp-json" in parts_of(url).path or "rest_route=" in parts_of(url).query


_LINK_HEADER = re.compile(r"""<([^<>]*)>\s*;[^<]*?rel=["']?https://api\.w\.org/""", re.IGNORECASE)
_LINK_TAG = re.compile(rb"""<link\b[^>]*\brel=["']https://api\.w\.org/["'][^>]*>""", re.IGNORECASE)
_HREF = re.compile(rb"""\bhref=["']([^"']+)["']""", re.IGNORECASE)


def announced(response: Response) -> str:
    """The API address that WordPress announces on its pages and its API answers; "" when there is none.

    https://developer.wordpress.org/rest-api/using-the-rest-api/discovery/
    """
    found = _LINK_HEADER.search(response.headers.get("link", ""))
    if found:
        return found[1]
    tag = _LINK_TAG.search(response.body[:500_000])
    href = _HREF.search(tag[0]) if tag else None
    return href[1].decode(errors="replace").replace("&amp;", "&") if href else ""


def is_plain(api: str) -> bool:
    """An announced address of the form `/?rest_route=/`: permalinks are Plain."""
    return "rest_route=" in unquote(parts_of(api).query)


def base_on(site: str, api: str) -> str:
    """The announced API address, on the host we use: behind a proxy the store may believe in another scheme."""
    here, there = parts_of(site), parts_of(api)
    return urlunsplit((here.scheme, here.netloc, there.path.rstrip("/"), "", ""))


def with_scheme(scheme: str, url: str) -> str:
    parts = parts_of(url)
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
