"""Runs the probes of Verify and keeps the report growing line by line."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from uuid import UUID

from django.db import connection as database

from xtnd.companies.models import Company
from xtnd.connections.models import Verification, VerificationState
from xtnd.connections.services import INTERRUPTED_AFTER, adopt_report, close_verification, note_check, unseal
from xtnd.connectors.base import Check, Outcome, Report
from xtnd.core.errors import ExternalError
from xtnd.core.text import Text
from xtnd.core.text import gettext_noop as _
from xtnd.core.time import now
from xtnd.sync.stores import http_client, make_connector

log = logging.getLogger(__name__)


def start(verification: Verification) -> threading.Thread:
    """In the background of this process; the page asks the row how far it is."""
    thread = threading.Thread(target=_in_thread, args=(verification.pk,), name="verify", daemon=True)
    thread.start()
    return thread


def verify(verification: Verification) -> Report:
    """Walk all checks now, storing each as it comes. Always ends with a closed verification."""

    def say(check: Check) -> None:
        note_check(verification, check.as_json())

    report = _walk(verification, say)
    checks = [check.as_json() for check in report.checks]
    close_verification(verification, green=report.green, checks=checks, options=report.options, facts=report.facts)
    _adopt_if_same(verification)
    log.info("verified", extra={"system": verification.system, "green": report.green})
    return report


def settled(verification: Verification) -> Verification:
    """A report whose process died is not left turning for ever."""
    if verification.state == VerificationState.RUNNING and now() - verification.updated_at > INTERRUPTED_AFTER:
        _close_broken(verification, Text(_("The verification was interrupted.")), "interrupted")
    return verification


def _walk(verification: Verification, say: Callable[[Check], None]) -> Report:
    company = Company.objects.filter(group_id=verification.company_group_id).order_by("id").first()
    try:
        with http_client(read_timeout=20) as http:
            connector = make_connector(
                system=verification.system,
                api_url=verification.api_url,
                credentials=unseal(bytes(verification.credentials)),
                order_start=verification.order_start,
                time_zone=company.time_zone if company else "UTC",
                options={},
                http=http,
            )
            return connector.verify(say)
    except ExternalError as error:
        return Report((_broken(error.text, error.code),))


def _broken(reason: Text, code: str) -> Check:
    return Check("verify", Text(_("Verification")), Outcome.FAILED, reason, code, Text(_("Press Verify again.")))


def _adopt_if_same(verification: Verification) -> None:
    """A re-verify of the stored fields says something about the connection; an edit on its way does not."""
    connection = verification.connection
    if connection is None or connection.api_url != verification.api_url:
        return
    same = {name: s.reveal() for name, s in unseal(bytes(connection.credentials)).items()} == {
        name: s.reveal() for name, s in unseal(bytes(verification.credentials)).items()
    }
    if same:
        adopt_report(connection, verification)


def _in_thread(verification_id: UUID) -> None:
    verification = Verification.objects.select_related("connection").get(pk=verification_id)
    try:
        verify(verification)
    finally:
        # Whatever broke, and the log says what, the page must not wait for ever.
        if Verification.objects.filter(pk=verification_id, state=VerificationState.RUNNING).exists():
            reason = Text(_("Something in XTND went wrong while verifying. The log has the details."))
            _close_broken(verification, reason, "internal")
        database.close()


def _close_broken(verification: Verification, reason: Text, code: str) -> None:
    checks = [*verification.checks, _broken(reason, code).as_json()]
    close_verification(verification, green=False, checks=checks, options={}, facts={})
