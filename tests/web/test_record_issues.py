"""The table of records that could not be taken, and one of them with what came."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests import builders
from xtnd.companies.models import Company, Role
from xtnd.connections.models import Connection, ConnectionState
from xtnd.sync.models import IssueState, RecordIssue, Run
from xtnd.web.sync.payload import marked


@pytest.fixture
def connection(company: Company) -> Connection:
    connection = builders.make_connection(group=company.group, name="Butiken")
    builders.make_schedule(connection=connection)
    return connection


def _ids(page: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'href="/record-issues/(\d+)/"', page)]


def test_open_ones_are_shown_with_the_reason_in_plain_words(browser: Client, connection: Connection) -> None:
    issue = builders.make_record_issue(connection=connection, external_id="77")
    builders.make_record_issue(connection=connection, state=IssueState.IGNORED)
    builders.make_record_issue()
    page = browser.get("/record-issues/").content.decode()
    assert _ids(page) == [issue.pk]
    assert "The field line_items[0].total is missing." in page


def test_filters(browser: Client, connection: Connection, company: Company) -> None:
    order = builders.make_record_issue(connection=connection)
    product = builders.make_record_issue(connection=connection, entity="products")
    ignored = builders.make_record_issue(
        connection=builders.make_connection(group=company.group), state=IssueState.IGNORED
    )
    assert _ids(browser.get("/record-issues/?entity=products").content.decode()) == [product.pk]
    assert _ids(browser.get("/record-issues/?state=ignored").content.decode()) == [ignored.pk]
    everything = browser.get("/record-issues/?state=").content.decode()
    assert sorted(_ids(everything)) == [order.pk, product.pk, ignored.pk]
    narrowed = browser.get(f"/record-issues/?state=&connection={connection.pk}").content.decode()
    assert sorted(_ids(narrowed)) == [order.pk, product.pk]


def test_nothing_wrong_says_so(browser: Client) -> None:
    assert "Every record could be taken" in browser.get("/record-issues/").content.decode()


def test_the_list_reads_no_payloads_and_costs_the_same_for_any_length(
    browser: Client, connection: Connection, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for _ in range(30):
        builders.make_record_issue(connection=connection)
    with django_assert_max_num_queries(9):
        browser.get("/record-issues/")


def test_the_detail_shows_the_payload_with_the_field_marked(browser: Client, connection: Connection) -> None:
    payload = {"order": {"number": "7", "line_items": [{"name": "<b>Mugg</b> åäö", "total": None}]}, "refunds": []}
    issue = builders.make_record_issue(connection=connection, payload=payload)
    page = browser.get(f"/record-issues/{issue.pk}/").content.decode()
    assert re.search(r"<mark>\s+&quot;total&quot;: null</mark>", page)
    assert "&lt;b&gt;Mugg&lt;/b&gt; åäö" in page


def test_open_in_the_store_when_an_earlier_version_was_taken(browser: Client, connection: Connection) -> None:
    issue = builders.make_record_issue(connection=connection, external_id="900")
    assert "Open in the store" not in browser.get(f"/record-issues/{issue.pk}/").content.decode()
    order = builders.make_order(connection=connection, external_id="900")
    assert "wp-admin/post.php?post=900" in browser.get(f"/record-issues/{issue.pk}/").content.decode()
    order.admin_url = "javascript:alert(1)"
    order.save()
    assert "javascript:" not in browser.get(f"/record-issues/{issue.pk}/").content.decode()


def test_ignore_and_reopen_in_bulk(browser: Client, connection: Connection) -> None:
    issues = [builders.make_record_issue(connection=connection) for _ in range(3)]
    chosen = [issue.pk for issue in issues[:2]]
    answer = browser.post("/record-issues/act/", {"act": "ignore", "issue": chosen, "next": "/record-issues/?entity="})
    assert answer["Location"] == "/record-issues/?entity="
    assert set(RecordIssue.objects.filter(state=IssueState.IGNORED).values_list("pk", flat=True)) == set(chosen)
    browser.post("/record-issues/act/", {"act": "reopen", "issue": chosen})
    assert not RecordIssue.objects.exclude(state=IssueState.OPEN).exists()


def test_retry_queues_one_run_for_all_of_a_schedule(browser: Client, connection: Connection) -> None:
    issues = [builders.make_record_issue(connection=connection) for _ in range(3)]
    browser.post("/record-issues/act/", {"act": "retry", "issue": [issue.pk for issue in issues]})
    assert Run.objects.count() == 1
    assert RecordIssue.objects.filter(state=IssueState.RETRIED).count() == 3


def test_retry_of_a_paused_store_says_why_not(browser: Client, connection: Connection) -> None:
    connection.state = ConnectionState.PAUSED
    connection.save()
    issue = builders.make_record_issue(connection=connection)
    page = browser.post("/record-issues/act/", {"act": "retry", "issue": issue.pk}, follow=True).content.decode()
    assert "Butiken: The connection is paused." in page
    assert not Run.objects.exists()


def test_other_groups_and_other_sites_are_out_of_reach(browser: Client, connection: Connection) -> None:
    foreign = builders.make_record_issue()
    answer = browser.post(
        "/record-issues/act/", {"act": "ignore", "issue": [foreign.pk, "x", "9" * 40], "next": "https://evil.example/"}
    )
    assert answer["Location"] == "/record-issues/"
    foreign.refresh_from_db()
    assert foreign.state == IssueState.OPEN
    assert browser.get(f"/record-issues/{foreign.pk}/").status_code == 404


def test_a_viewer_reads_only(connection: Connection, company: Company) -> None:
    issue = builders.make_record_issue(connection=connection)
    client = Client()
    client.force_login(builders.make_user(role=Role.VIEWER, group=company.group))
    for address in ("/record-issues/", f"/record-issues/{issue.pk}/"):
        page = client.get(address).content.decode()
        assert 'name="act"' not in page
    assert client.post("/record-issues/act/", {"act": "ignore", "issue": issue.pk}).status_code == 403


# ------------------------------------------------------------------ the payload


def _marked(payload: bytes, path: str) -> list[str]:
    return [line.text.strip() for line in marked(payload, path) if line.marked]


def test_marks_the_field_wherever_the_connector_wrapped_it() -> None:
    payload = b'{"id":1,"line_items":[{"total":"1.10"},{"total":1.10}]}'
    assert _marked(payload, "line_items[1].total") == ['"total": 1.10']  # with the digits that came
    assert _marked(payload, "$.line_items[0].total") == ['"total": "1.10"']
    assert _marked(b'{"order":' + payload + b"}", "line_items[1].total") == ['"total": 1.10']


def test_a_missing_field_marks_what_should_have_held_it() -> None:
    assert _marked(b'{"a":{"b":{"c":1}}}', "a.b.d") == ['"b": {', "}"]
    assert _marked(b'{"a":1}', "z") == []


def test_what_is_no_json_is_shown_as_it_came() -> None:
    assert [line.text for line in marked(b"<html>\n\xff", "a")] == ["<html>", "\ufffd"]
    deep = b"[" * 5000 + b"]" * 5000
    assert marked(deep, "a")
