"""The list of runs, and one run while it works."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests import builders
from xtnd.companies.models import Company, Role
from xtnd.connections.models import ConnectionState
from xtnd.core.text import Text
from xtnd.core.time import now
from xtnd.sync.models import Run, RunState, Schedule, Trigger

HTMX = {"HX-Request": "true"}


@pytest.fixture
def schedule(company: Company) -> Schedule:
    return builders.make_schedule(connection=builders.make_connection(group=company.group, name="Butiken"))


def _ids(page: str) -> list[str]:
    return re.findall(r'<a href="/runs/([0-9a-f-]{36})/"', page)


def test_nothing_has_run(browser: Client) -> None:
    assert "Nothing has run yet" in browser.get("/runs/").content.decode()


def test_newest_first_over_all_stores_but_no_other_groups(
    browser: Client, schedule: Schedule, company: Company
) -> None:
    other = builders.make_schedule(connection=builders.make_connection(group=company.group), entity="products")
    runs = [
        builders.make_run(schedule=one, queued_at=now() - timedelta(minutes=minutes))
        for minutes, one in ((3, schedule), (2, other), (1, schedule))
    ]
    builders.make_run()
    assert _ids(browser.get("/runs/").content.decode()) == [str(run.pk) for run in reversed(runs)]


def test_filters(browser: Client, schedule: Schedule, company: Company) -> None:
    wanted = builders.make_run(schedule=schedule, state=RunState.FAILED, trigger=Trigger.MANUAL)
    builders.make_run(schedule=schedule)
    products = builders.make_schedule(connection=builders.make_connection(group=company.group), entity="products")
    builders.make_run(schedule=products, state=RunState.FAILED)
    for query in (
        f"connection={schedule.connection_id}&state=failed",
        "entity=orders&state=failed",
        "trigger=manual",
    ):
        assert _ids(browser.get(f"/runs/?{query}").content.decode()) == [str(wanted.pk)], query
    page = browser.get("/runs/?state=lost").content.decode()
    assert "No run fits these filters" in page
    assert len(_ids(browser.get("/runs/?state=nonsense&connection=x").content.decode())) == 3


def test_pages_follow_each_other_without_gaps(
    browser: Client, schedule: Schedule, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    at = now()
    for number in range(120):
        builders.make_run(schedule=schedule, queued_at=at - timedelta(seconds=number // 3))  # equal times, too
    seen: list[str] = []
    address = "/runs/"
    while address:
        with django_assert_max_num_queries(12):
            page = browser.get(address).content.decode()
        seen += _ids(page)
        onward = re.search(r'rel="next" href="([^"]+)"', page)
        address = f"/runs/{onward[1]}" if onward else ""
    assert len(seen) == len(set(seen)) == 120
    assert browser.get("/runs/?page=rubbish").status_code == 200


def test_an_open_run_is_live(browser: Client, schedule: Schedule) -> None:
    run = builders.make_run(
        schedule=schedule,
        state=RunState.RUNNING,
        started_at=now() - timedelta(seconds=30),
        beat_at=now(),
        seen=300,
        created=290,
        expected=1200,
    )
    page = browser.get(f"/runs/{run.pk}/").content.decode()
    assert 'hx-trigger="every 1s"' in page
    assert 'aria-valuenow="25"' in page
    assert re.search(r"about 1 min (29|30|31) s left", page)
    assert "Cancel the run" in page
    part = browser.get(f"/runs/{run.pk}/?state=queued", headers=HTMX).content.decode()
    assert "<html" not in part
    assert "The run: Running" in part
    assert "The run:" not in browser.get(f"/runs/{run.pk}/?state=running", headers=HTMX).content.decode()
    Run.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED, finished_at=now())
    part = browser.get(f"/runs/{run.pk}/?state=running", headers=HTMX).content.decode()
    assert "every 1s" not in part
    assert "Cancel the run" not in part


def test_cancel(browser: Client, schedule: Schedule) -> None:
    queued = builders.make_run(schedule=schedule, state=RunState.QUEUED)
    assert browser.post(f"/runs/{queued.pk}/cancel/").status_code == 302
    queued.refresh_from_db()
    assert queued.state == RunState.CANCELLED
    running = builders.make_run(schedule=schedule, state=RunState.RUNNING)
    part = browser.post(f"/runs/{running.pk}/cancel/", headers=HTMX).content.decode()
    assert "Ending after this page" in part
    running.refresh_from_db()
    assert running.cancel_requested


def test_a_failed_run_says_why_and_what_to_do(browser: Client, schedule: Schedule) -> None:
    error = Text("The shop asks us to wait {seconds} seconds.", {"seconds": 30}).as_json()
    run = builders.make_run(schedule=schedule, state=RunState.FAILED, error_code="too_many_requests", error=error)
    page = browser.get(f"/runs/{run.pk}/").content.decode()
    assert "wait 30 seconds" in page
    assert "The next run tries again by itself" in page
    schedule.connection.state = ConnectionState.ATTENTION
    schedule.connection.save()
    page = browser.get(f"/runs/{run.pk}/").content.decode()
    assert "Verify the connection again" in page
    assert f"/connections/{schedule.connection_id}/#verify" in page


def test_a_run_with_issues_leads_to_them(browser: Client, schedule: Schedule) -> None:
    run = builders.make_run(schedule=schedule, state=RunState.PARTIAL, failed=1)
    builders.make_record_issue(connection=schedule.connection)
    page = browser.get(f"/runs/{run.pk}/").content.decode()
    assert f"/record-issues/?connection={schedule.connection_id}&amp;entity=orders" in page


def test_a_viewer_cannot_cancel(schedule: Schedule, company: Company) -> None:
    run = builders.make_run(schedule=schedule, state=RunState.RUNNING)
    client = Client()
    client.force_login(builders.make_user(role=Role.VIEWER, group=company.group))
    assert "Cancel the run" not in client.get(f"/runs/{run.pk}/").content.decode()
    assert client.post(f"/runs/{run.pk}/cancel/").status_code == 403
