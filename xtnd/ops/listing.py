"""`xtnd runs` and `xtnd issues`."""

from __future__ import annotations

from argparse import Namespace

from xtnd.core.text import Text
from xtnd.ops.main_job import run_document
from xtnd.ops.say import as_json, out
from xtnd.ops.upkeep import bring_up_to_date
from xtnd.sync.models import IssueState, RecordIssue, Run


def runs(arguments: Namespace) -> int:
    bring_up_to_date()
    wanted = Run.objects.select_related("connection").order_by("-queued_at", "-id")
    if arguments.connection:
        wanted = wanted.filter(connection__name__iexact=arguments.connection)
    found = list(wanted[: max(arguments.limit, 1)])
    if arguments.json:
        as_json([run_document(run) for run in found])
        return 0
    for run in found:
        counts = f"{run.seen} seen, {run.created} new, {run.updated} changed, {run.failed} failed"
        when = run.queued_at.strftime("%Y-%m-%d %H:%M:%S")
        out(
            f"{when}  {run.connection.name}  {run.entity:<9}  {run.state:<9}  {counts}"
            f"  {Text.from_json(run.error)}".rstrip()
        )
    if not found:
        out("There are no runs yet.")
    return 0


def issues(arguments: Namespace) -> int:
    """Exit code 1 while any is open: for scripts that watch."""
    bring_up_to_date()
    wanted = RecordIssue.objects.select_related("connection").filter(state__in=(IssueState.OPEN, IssueState.RETRIED))
    if arguments.connection:
        wanted = wanted.filter(connection__name__iexact=arguments.connection)
    count = wanted.count()
    found = list(wanted.order_by("-last_seen_at", "-id")[: max(arguments.limit, 1)])
    if arguments.json:
        as_json([_document(issue) for issue in found])
    else:
        for issue in found:
            where = f" at {issue.field_path}" if issue.field_path else ""
            reason = Text.from_json(issue.reason)
            out(
                f"{issue.connection.name}  {issue.entity} {issue.external_id or '?'}{where}:"
                f" {reason} ({issue.attempts}×)"
            )
        out(f"{count} open." if count else "No record is waiting.")
    return 1 if count else 0


def _document(issue: RecordIssue) -> dict[str, object]:
    return {
        "connection": issue.connection.name,
        "entity": issue.entity,
        "external_id": issue.external_id,
        "field_path": issue.field_path,
        "code": issue.code,
        "reason": str(Text.from_json(issue.reason)),
        "attempts": issue.attempts,
        "state": issue.state,
        "first_seen_at": issue.first_seen_at,
        "last_seen_at": issue.last_seen_at,
    }
