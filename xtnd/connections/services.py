"""Writes: verify requests, connections, credentials."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from xtnd.companies.models import User, Warehouse
from xtnd.connections.models import Connection, ConnectionState, Link, LinkKind, Verification, VerificationState
from xtnd.core.secrets import Secret
from xtnd.core.text import Text
from xtnd.core.time import now
from xtnd.database.bulk import chunks, insert_rows, update_rows

VERIFIED_FOR = timedelta(hours=1)
"""A green report is a fact about now; after an hour it must be made again before Save."""
INTERRUPTED_AFTER = timedelta(seconds=90)


class Refused(Exception):
    """Why a connection cannot be saved, in words for the user."""


# ------------------------------------------------------------------ credentials


def seal(credentials: Mapping[str, str]) -> bytes:
    """Encrypted with the newest key, for storage."""
    return _fernet().encrypt(msgspec.json.encode({name: value.strip() for name, value in credentials.items()}))


def unseal(sealed: bytes) -> dict[str, Secret]:
    """Raises `Refused` when no key fits: the key file is not the one this database was written with."""
    try:
        opened = msgspec.json.decode(_fernet().decrypt(bytes(sealed)), type=dict[str, str])
    except InvalidToken as error:
        raise Refused(
            _("The stored keys cannot be decrypted: credentials.key is not the one they were saved with.")
        ) from error
    return {name: Secret(value) for name, value in opened.items()}


def hints(credentials: Mapping[str, str]) -> dict[str, str]:
    """The last four characters, where there are enough of them to stay secret."""
    return {name: f"…{value.strip()[-4:]}" if len(value.strip()) >= 12 else "…" for name, value in credentials.items()}


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.CREDENTIAL_KEYS])


# ------------------------------------------------------------------ verify and save


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the form says. Credentials in clear only here, on their way in."""

    system: str
    api_url: str
    credentials: Mapping[str, str]
    order_start: date | None

    def fingerprint(self) -> str:
        """Equal only for the very same fields. Keyed: it says nothing about the credentials."""
        said = msgspec.json.encode(
            [self.system, self.api_url.strip(), sorted((k, v.strip()) for k, v in self.credentials.items()),
             self.order_start.isoformat() if self.order_start else ""]
        )  # fmt: skip
        return hmac.new(settings.SECRET_KEY.encode(), said, sha256).hexdigest()


def open_verification(
    *, wish: Wish, company_group_id: int, user: User | None, connection: Connection | None = None
) -> Verification:
    """Before the probes start: what is being verified, sealed."""
    return Verification.objects.create(
        company_group_id=company_group_id,
        connection=connection,
        system=wish.system,
        api_url=wish.api_url.strip(),
        order_start=wish.order_start,
        credentials=seal(wish.credentials),
        fingerprint=wish.fingerprint(),
        created_by=user,
    )


def note_check(verification: Verification, check: Mapping[str, object]) -> None:
    """One more line of the live report."""
    verification.checks = [*verification.checks, dict(check)]
    verification.save(update_fields=["checks", "updated_at"])


def close_verification(
    verification: Verification,
    *,
    green: bool,
    checks: Sequence[Mapping[str, object]],
    options: Mapping[str, object],
    facts: Mapping[str, str],
) -> None:
    verification.state = VerificationState.GREEN if green else VerificationState.RED
    verification.checks, verification.options, verification.facts = list(checks), dict(options), dict(facts)
    verification.save(update_fields=["state", "checks", "options", "facts", "updated_at"])


def forget_old_verifications(before: datetime) -> int:
    """They hold credentials, sealed: what was not saved is not kept. Returns how many."""
    deleted, _each = Verification.objects.filter(updated_at__lt=before).delete()
    return deleted


def refuse_unless_verified(verification: Verification | None, wish: Wish) -> Verification:
    """What is saved is what was verified. Raises `Refused`."""
    if verification is None:
        raise Refused(_("Verify the connection first."))
    if verification.state != VerificationState.GREEN:
        raise Refused(_("Only a connection with a green report can be saved."))
    if now() - verification.updated_at > VERIFIED_FOR:
        raise Refused(_("The report is more than an hour old. Verify again."))
    if not hmac.compare_digest(verification.fingerprint, wish.fingerprint()):
        raise Refused(_("Something was changed after the verification. Verify again."))
    return verification


def create_connection(
    *,
    verification: Verification,
    wish: Wish,
    name: str,
    company_group_id: int,
    warehouse: Warehouse | None,
    user: User | None,
    is_demo: bool = False,
) -> Connection:
    """Save. The caller also makes its schedules (`sync.services.ensure_schedules`). Raises `Refused`."""
    refuse_unless_verified(verification, wish)
    _refuse_foreign(company_group_id, verification, warehouse)
    connection = Connection(
        company_group_id=company_group_id,
        created_by=user,
        system=wish.system,
        is_demo=is_demo,
        state=ConnectionState.ACTIVE,
    )
    _fill(connection, verification, wish, name, warehouse)
    return connection


def update_connection(
    connection: Connection, *, verification: Verification, wish: Wish, name: str, warehouse: Warehouse | None
) -> Connection:
    """Edit. Needs a new green report. The system and the company group stay. Raises `Refused`."""
    refuse_unless_verified(verification, wish)
    if wish.system != connection.system:
        raise Refused(_("A connection cannot change its external system."))
    _refuse_foreign(connection.company_group_id, verification, warehouse)
    _fill(connection, verification, wish, name, warehouse)
    return connection


def adopt_report(connection: Connection, verification: Verification) -> None:
    """Re-verify without an edit: the report is the connection's own from now on, and a green one heals it."""
    connection.report, connection.verified_at = verification.checks, now()
    if verification.state == VerificationState.GREEN:
        connection.options, connection.facts = verification.options, verification.facts
        if connection.state == ConnectionState.ATTENTION:
            connection.state, connection.attention = ConnectionState.ACTIVE, {}
    connection.save()


def _fill(
    connection: Connection, verification: Verification, wish: Wish, name: str, warehouse: Warehouse | None
) -> None:
    connection.name, connection.warehouse = name.strip(), warehouse
    connection.api_url, connection.order_start = wish.api_url.strip(), wish.order_start
    connection.credentials, connection.credential_hints = seal(wish.credentials), hints(wish.credentials)
    connection.options, connection.facts = verification.options, verification.facts
    connection.report, connection.verified_at = verification.checks, now()
    if connection.state == ConnectionState.ATTENTION:
        connection.state, connection.attention = ConnectionState.ACTIVE, {}
    try:
        with transaction.atomic():
            connection.save()
    except IntegrityError as error:
        raise Refused(_("There is already a connection by that name.")) from error


def _refuse_foreign(group_id: int, verification: Verification, warehouse: Warehouse | None) -> None:
    if verification.company_group_id != group_id:
        raise Refused(_("The company group was changed after the verification. Verify again."))
    if warehouse and warehouse.company.group_id != group_id:
        raise Refused(_("The warehouse belongs to another company group."))


# ------------------------------------------------------------------ state


def pause(connection: Connection) -> None:
    """Schedules stop; cursors stay."""
    connection.state = ConnectionState.PAUSED
    connection.save(update_fields=["state"])


def activate(connection: Connection) -> None:
    connection.state, connection.attention = ConnectionState.ACTIVE, {}
    connection.save(update_fields=["state", "attention"])


def needs_attention(connection_id: int, reason: Text, code: str) -> None:
    """The credentials stopped working, or the address moved: nothing more is sent until a person has looked."""
    Connection.objects.filter(pk=connection_id, state=ConnectionState.ACTIVE).update(
        state=ConnectionState.ATTENTION, attention={**reason.as_json(), "code": code, "at": now().isoformat()}
    )


# ------------------------------------------------------------------ links


@dataclass(frozen=True, slots=True)
class Known:
    """What we have of an external id."""

    link_id: int
    object_id: int
    content_hash: bytes


def known(connection: Connection, kind: LinkKind, external_ids: Iterable[str]) -> dict[str, Known]:
    found: dict[str, Known] = {}
    for chunk in chunks(list(external_ids)):
        rows = Link.objects.filter(connection=connection, kind=kind, external_id__in=chunk)
        for link_id, external_id, object_id, content_hash in rows.values_list(
            "id", "external_id", "object_id", "content_hash"
        ):
            found[external_id] = Known(link_id, object_id, bytes(content_hash))
    return found


def link(connection: Connection, kind: LinkKind, rows: Iterable[tuple[str, int, bytes]], at: Any) -> None:
    """New links: (external id, our id, content hash)."""
    insert_rows(
        Link,
        ("connection", "kind", "external_id", "object_id", "content_hash", "seen_at"),
        [(connection.pk, kind.value, external_id, object_id, digest, at) for external_id, object_id, digest in rows],
    )


def relink(rows: Iterable[tuple[int, int, bytes]], at: Any) -> None:
    """Changed content: (link id, our id, content hash)."""
    update_rows(Link, ("id", "object_id", "content_hash", "seen_at"), [(*row, at) for row in rows])
