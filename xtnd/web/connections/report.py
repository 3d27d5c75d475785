"""The verify report as people read it, and as they send it to somebody who can help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from xtnd.connections.models import Connection, Verification
from xtnd.connections.services import Refused, unseal
from xtnd.connectors.base import Outcome
from xtnd.connectors.http import USER_AGENT
from xtnd.connectors.registry import CONNECTORS
from xtnd.core.text import Text

_LOOKS: dict[str, tuple[str, str, str | Promise]] = {
    Outcome.OK: ("circle-check", "success", _("OK")),
    Outcome.FAILED: ("circle-x", "danger", _("Failed")),
    Outcome.WARNING: ("alert-triangle", "warning", _("Warning")),
    Outcome.INFO: ("info-circle", "info", _("Fact")),
    Outcome.SKIPPED: ("circle-dashed", "secondary", _("Skipped")),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One check."""

    name: str
    outcome: str
    label: Text
    detail: Text
    cause: str
    fix: Text

    @property
    def icon(self) -> str:
        return _LOOKS[self.outcome][0]

    @property
    def colour(self) -> str:
        return _LOOKS[self.outcome][1]

    @property
    def word(self) -> str | Promise:
        return _LOOKS[self.outcome][2]

    @property
    def troubled(self) -> bool:
        return self.outcome in (Outcome.FAILED, Outcome.WARNING)


def lines(checks: Sequence[Mapping[str, object]]) -> list[Line]:
    """From `Check.as_json`."""
    return [_line(check) for check in checks]


def _line(check: Mapping[str, object]) -> Line:
    outcome = str(check.get("outcome", ""))
    label, detail, fix = (Text.from_json(check.get(name)) for name in ("label", "detail", "fix"))  # type: ignore[arg-type]
    return Line(
        name=str(check.get("name", "")),
        outcome=outcome if outcome in _LOOKS else Outcome.INFO.value,
        label=label,
        detail=detail,
        cause=str(check.get("cause", "")),
        fix=fix,
    )


def support_text(what: Verification | Connection) -> str:
    """The report in English, for whoever looks after the store. Holds no key, no secret and no query."""
    connector = CONNECTORS[what.system]
    at = what.updated_at if isinstance(what, Verification) else what.verified_at
    checks = what.checks if isinstance(what, Verification) else what.report
    told = [
        f"{USER_AGENT.replace('/', ' ')}: verification of a connection to {connector.label}",
        f"Address: {without_query(what.api_url)}",
        f"Time: {at.isoformat(timespec='seconds') if at else '-'}",
        *(f"{name.replace('_', ' ')}: {value}" for name, value in sorted(what.facts.items())),
        "",
    ]
    for line in lines(checks):
        cause = f" ({line.cause})" if line.cause else ""
        told.append(f"[{line.outcome.upper()}] {line.label}{cause}: {line.detail}".rstrip(": "))
        if line.troubled and line.fix.message:
            told.append(f"    Fix: {line.fix}")
    return _redacted("\n".join(told), what)


def without_query(address: str) -> str:
    """`https://shop.example/butik`, whatever came before the host or after the path."""
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "(unreadable)"
    if not host:
        return address.strip().partition("?")[0].rpartition("@")[2]
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path}"


def _redacted(text: str, what: Verification | Connection) -> str:
    """A net under the connectors' own care: what the user typed as a key appears nowhere."""
    try:
        hidden = [secret.reveal() for secret in unseal(bytes(what.credentials)).values()]
    except Refused:
        return text
    for value in sorted(hidden, key=len, reverse=True):
        if len(value) >= 4:
            text = text.replace(value, "•••")
    return text
