"""One schedule's row: the switch, the rhythm with its next three times, Synchronize now, and its live state."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from unittest.mock import patch

import pytest
from django.test import Client

from tests import builders
from xtnd.companies.models import Company, Role
from xtnd.connections.models import ConnectionState
from xtnd.core.time import now
from xtnd.sync.models import Run, RunState, Schedule, Trigger

HTMX = {"HX-Request": "true"}


@pytest.fixture
def schedule(company: Company) -> Schedule:
    return builders.make_schedule(connection=builders.make_connection(group=company.group), active=False)


def _rhythm(schedule: Schedule, **said: object) -> dict[str, object]:
    return {f"schedule-{schedule.pk}-{name}": value for name, value in said.items()}


def test_the_switch_says_the_state_it_wants(browser: Client, schedule: Schedule) -> None:
    address = f"/schedules/{schedule.pk}/switch/"
    for _ in range(2):
        row = browser.post(address, {"on": "1"}, headers=HTMX).content.decode()
        assert 'aria-checked="true"' in row
    schedule.refresh_from_db()
    assert schedule.active
    assert schedule.next_run_at is not None
    answer = browser.post(address, {"on": "0"})
    assert answer["Location"] == f"/connections/{schedule.connection_id}/#schedule-{schedule.pk}"
    schedule.refresh_from_db()
    assert not schedule.active


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ({"kind": "every", "count": "15", "unit": "minutes"}, (15, None, "")),
        ({"kind": "every", "count": "2", "unit": "hours"}, (120, None, "")),
        ({"kind": "daily", "at": "02:30"}, (None, time(2, 30), "")),
        ({"kind": "cron", "cron": " 0  6 * * 1-5 "}, (None, None, "0 6 * * 1-5")),
    ],
)
def test_the_rhythm_is_edited_and_the_cursor_stays(
    browser: Client, schedule: Schedule, said: dict[str, str], stored: tuple[int | None, time | None, str]
) -> None:
    Schedule.objects.filter(pk=schedule.pk).update(cursor="here")
    row = browser.post(f"/schedules/{schedule.pk}/edit/", _rhythm(schedule, **said), headers=HTMX)
    assert row.status_code == 200
    schedule.refresh_from_db()
    assert (schedule.every_minutes, schedule.daily_at, schedule.cron) == stored
    assert schedule.cursor == "here"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"kind": "every", "count": "4", "unit": "minutes"}, "between 5 minutes and 31 days"),
        ({"kind": "every", "count": "32", "unit": "days"}, "between 5 minutes and 31 days"),
        ({"kind": "every", "count": "9" * 30, "unit": "days"}, "less than or equal"),
        ({"kind": "every", "count": "", "unit": "hours"}, "Enter how often"),
        ({"kind": "daily", "at": ""}, "Choose a time"),
        ({"kind": "daily", "at": "25:00"}, "valid time"),
        ({"kind": "cron", "cron": "0 6 * *"}, "five fields"),
        ({"kind": "cron", "cron": "0 0 31 2 *"}, "five fields"),
        ({"kind": "cron", "cron": "* * * * *"}, "between 5 minutes and 31 days"),
        ({"kind": "sometimes"}, "valid choice"),
    ],
)
def test_a_rhythm_that_cannot_be_is_refused_in_the_preview_and_at_save(
    browser: Client, schedule: Schedule, said: dict[str, str], words: str
) -> None:
    preview = browser.get(f"/schedules/{schedule.pk}/preview/", _rhythm(schedule, **said), headers=HTMX)
    assert words in preview.content.decode()
    for headers in ({}, HTMX):
        answer = browser.post(f"/schedules/{schedule.pk}/edit/", _rhythm(schedule, **said), headers=headers)
        assert answer.status_code == 422
        assert words in answer.content.decode()
    schedule.refresh_from_db()
    assert schedule.every_minutes == 60


def test_the_preview_shows_the_next_three_times_in_the_companys_time_zone(browser: Client, schedule: Schedule) -> None:
    before_spring = datetime(2027, 3, 27, 12, 0, tzinfo=UTC)
    with patch("xtnd.web.connections.schedules.now", return_value=before_spring):
        said = _rhythm(schedule, kind="daily", at="02:30")
        page = browser.get(f"/schedules/{schedule.pk}/preview/", said, headers=HTMX).content.decode()
    assert "Europe/Stockholm" in page
    times = re.findall(r'class="time">([^<]+)<', page)
    assert times == ["2027-03-28 03:30", "2027-03-29 02:30", "2027-03-30 02:30"]


def test_the_edit_page_works_on_its_own(browser: Client, schedule: Schedule) -> None:
    page = browser.get(f"/schedules/{schedule.pk}/edit/").content.decode()
    assert "<html" in page
    assert "The next three times" in page


def test_synchronize_now_queues_one_run_however_often_it_is_pressed(browser: Client, schedule: Schedule) -> None:
    for _ in range(3):
        row = browser.post(f"/schedules/{schedule.pk}/run/", headers=HTMX).content.decode()
    run = Run.objects.get()
    assert run.trigger == Trigger.MANUAL
    assert run.requested_by is not None
    assert f"/runs/{run.pk}/" in row
    assert 'hx-trigger="every 2s"' in row


@pytest.mark.parametrize("state", [ConnectionState.PAUSED, ConnectionState.ATTENTION])
def test_a_connection_that_rests_is_not_synchronized(browser: Client, schedule: Schedule, state: str) -> None:
    schedule.connection.state = state
    schedule.connection.save()
    row = browser.post(f"/schedules/{schedule.pk}/run/", headers=HTMX)
    assert row.status_code == 422
    assert 'role="alert"' in row.content.decode()
    assert not Run.objects.exists()


def test_the_row_stops_asking_when_the_run_has_ended(browser: Client, schedule: Schedule) -> None:
    run = builders.make_run(schedule=schedule, state=RunState.RUNNING, started_at=now(), seen=12, expected=40)
    row = browser.get(f"/schedules/{schedule.pk}/", headers=HTMX).content.decode()
    assert "12 records" in row
    Run.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED, finished_at=now())
    row = browser.get(f"/schedules/{schedule.pk}/", headers=HTMX).content.decode()
    assert "every 2s" not in row
    assert 'data-state="succeeded"' in row


def test_the_warehouse_role_may_run_but_not_edit(schedule: Schedule, company: Company) -> None:
    client = Client()
    client.force_login(builders.make_user(role=Role.WAREHOUSE, group=company.group))
    page = client.get(f"/connections/{schedule.connection_id}/").content.decode()
    assert "Synchronize now" in page
    assert 'role="switch"' not in page
    assert client.post(f"/schedules/{schedule.pk}/run/").status_code == 302
    assert client.post(f"/schedules/{schedule.pk}/switch/", {"on": "1"}).status_code == 403
