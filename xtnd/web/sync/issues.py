"""Records that could not be taken: the table over all stores, and one of them with what came."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.connections.queries import connections
from xtnd.connections.services import Refused
from xtnd.connectors.base import Entity
from xtnd.database import keyset
from xtnd.sync import queries, services
from xtnd.sync.models import IssueState, RecordIssue
from xtnd.web.guard import Request, get_or_404, needs
from xtnd.web.lists import PAGE_SIZE, outward
from xtnd.web.sync import words
from xtnd.web.sync.filters import chosen, chosen_connection
from xtnd.web.sync.payload import Marked, marked

MOST_AT_ONCE = 500


@needs(Act.SEE)
def index(request: Request) -> HttpResponse:
    groups = access.groups(request.user)
    stores = list(connections(groups))
    connection = chosen_connection(request, stores)
    state = chosen(request, "state", IssueState.values, default=IssueState.OPEN)
    entity = chosen(request, "entity", Entity)
    rows = queries.issues(groups, state=state, connection=connection.pk if connection else None, entity=entity)
    shown = {
        "page": keyset.page(rows, order="-last_seen_at", token=request.GET.get("page", ""), size=PAGE_SIZE),
        "connections": stores,
        "connection": connection,
        "entities": words.ENTITIES.items(),
        "states": IssueState.choices,
        "asked": {"state": state, "entity": entity},
        "filtered": bool(connection or entity or state != IssueState.OPEN),
        "may_synchronise": access.may(request.user, Act.SYNCHRONISE),
    }
    return render(request, "sync/issues.html", shown)


@needs(Act.SEE)
def detail(request: Request, pk: int) -> HttpResponse:
    issue = get_or_404(
        queries.whole_issues(access.groups(request.user)),
        request.user,
        Act.SEE,
        group="connection__company_group",
        pk=pk,
    )
    shown = {
        "issue": issue,
        "payload": _payload(issue),
        "store_page": outward(queries.store_page(issue)),
        "may_synchronise": access.may(request.user, Act.SYNCHRONISE, issue.connection.company_group_id),
    }
    return render(request, "sync/issue.html", shown)


@require_POST
@needs(Act.SYNCHRONISE)
def act(request: Request) -> HttpResponse:
    """Retry, ignore or reopen the issues that were ticked, or the one of the page it was pressed on."""
    wanted = request.POST.get("act", "")
    ids = [int(said) for said in request.POST.getlist("issue")[:MOST_AT_ONCE] if said.isdecimal() and len(said) < 19]
    groups = access.groups(request.user, Act.SYNCHRONISE)
    chosen_issues = list(queries.whole_issues(groups).defer("payload").filter(pk__in=ids))
    if not chosen_issues:
        messages.warning(request, _("No record was chosen."))
        return _back(request)
    if wanted == "retry":
        _retry_all(request, chosen_issues)
    elif wanted == "ignore":
        _change(chosen_issues, services.ignore_issue, {IssueState.OPEN, IssueState.RETRIED})
        messages.success(request, _counted(len(chosen_issues), "ignore"))
    elif wanted == "reopen":
        _change(chosen_issues, services.reopen_issue, {IssueState.IGNORED})
        messages.success(request, _counted(len(chosen_issues), "reopen"))
    return _back(request)


def _change(issues: Sequence[RecordIssue], verb: Callable[[RecordIssue], None], states: set[IssueState]) -> None:
    for issue in issues:
        if issue.state in states:
            verb(issue)


def _retry_all(request: Request, issues: Sequence[RecordIssue]) -> None:
    done, refusals = 0, dict[str, None]()
    for issue in issues:
        if issue.state == IssueState.FIXED:
            continue
        try:
            services.retry_issue(issue, user=request.user)
            done += 1
        except Refused as refusal:
            refusals[f"{issue.connection}: {refusal}"] = None
    for words_ in refusals:
        messages.error(request, words_)
    if done:
        messages.success(request, _counted(done, "retry"))


def _counted(count: int, what: str) -> str:
    sentences = {
        "retry": ngettext("One record is being retried.", "%(count)s records are being retried.", count),
        "ignore": ngettext("One record is ignored from now on.", "%(count)s records are ignored from now on.", count),
        "reopen": ngettext("One record is open again.", "%(count)s records are open again.", count),
    }
    return sentences[what] % {"count": count}


def _payload(issue: RecordIssue) -> Sequence[Marked]:
    return marked(queries.payload(issue), issue.field_path)


def _back(request: Request) -> HttpResponse:
    onward = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(onward, {request.get_host()}, require_https=request.is_secure()):
        return redirect("record-issues")
    return redirect(onward)
