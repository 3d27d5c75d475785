"""Schedules, runs and record issues as their buttons change them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests import builders
from xtnd.connections.models import ConnectionState
from xtnd.connections.services import Refused
from xtnd.core.text import Text
from xtnd.core.time import now
from xtnd.sync import services
from xtnd.sync.models import IssueState, RecordIssue, Run, RunState, Schedule, Trigger
from xtnd.sync.queries import progress
from xtnd.sync.removing import delete_connection
from xtnd.sync.rhythm import Rhythm

pytestmark = pytest.mark.django_db


def test_schedules_are_off_at_birth_orders_hourly_the_rest_daily() -> None:
    connection = builders.make_connection()
    services.ensure_schedules(connection)
    services.ensure_schedules(connection)
    rows = {schedule.entity: schedule for schedule in connection.schedules.all()}
    assert len(rows) == 4
    assert not any(schedule.active for schedule in rows.values())
    assert rows["orders"].every_minutes == 60
    assert all(rows[entity].daily_at for entity in ("products", "customers", "stock"))


def test_an_hourly_schedule_runs_at_once_when_switched_on_a_daily_one_waits() -> None:
    hourly = builders.make_schedule(active=False)
    services.switch_on(hourly)
    assert hourly.next_run_at is not None
    assert hourly.next_run_at <= now()
    services.switch_off(hourly)
    assert hourly.next_run_at is None
    daily = builders.make_schedule(active=False, daily_at=now().time().replace(second=0, microsecond=0))
    services.switch_on(daily)
    assert daily.next_run_at is not None
    assert daily.next_run_at > now()


def test_editing_an_inactive_schedule_does_not_start_it() -> None:
    schedule = builders.make_schedule(active=False, cursor="here")
    services.set_rhythm(schedule, Rhythm(every_minutes=15))
    schedule.refresh_from_db()
    assert schedule.next_run_at is None
    assert schedule.cursor == "here"
    with pytest.raises(Refused):
        services.set_rhythm(schedule, Rhythm(every_minutes=1))


def test_one_of_many_ticks_claims_a_due_schedule() -> None:
    schedule = builders.make_schedule(next_run_at=now())
    same = Schedule.objects.get(pk=schedule.pk)
    assert services.claim_due(schedule, now()) is not None
    assert services.claim_due(same, now()) is None
    assert Run.objects.count() == 1


def test_a_second_wish_while_one_waits_is_the_same_wish() -> None:
    schedule = builders.make_schedule()
    assert services.synchronise_now(schedule).pk == services.queue_run(schedule, Trigger.SCHEDULE).pk


@pytest.mark.parametrize("state", [ConnectionState.PAUSED, ConnectionState.ATTENTION])
def test_a_connection_that_rests_refuses(state: str) -> None:
    schedule = builders.make_schedule(connection=builders.make_connection(state=state))
    with pytest.raises(Refused):
        services.synchronise_now(schedule)


def test_cancel_ends_a_queued_run_and_asks_a_running_one() -> None:
    queued, running, done = (
        builders.make_run(state=state) for state in (RunState.QUEUED, RunState.RUNNING, RunState.SUCCEEDED)
    )
    for run in (queued, running, done):
        services.request_cancel(run)
        run.refresh_from_db()
    assert queued.state == RunState.CANCELLED
    assert (running.state, running.cancel_requested) == (RunState.RUNNING, True)
    assert (done.state, done.cancel_requested) == (RunState.SUCCEEDED, False)


def test_a_silent_run_is_lost_and_gone_on_with_unless_nobody_wants_it() -> None:
    old = now() - timedelta(minutes=5)
    wanted = builders.make_run(state=RunState.RUNNING, beat_at=old)
    unwanted = builders.make_run(state=RunState.RUNNING, beat_at=old, cancel_requested=True)
    alive = builders.make_run(state=RunState.RUNNING, beat_at=now())
    lost = services.lose_silent_runs(timedelta(seconds=30))
    assert {run.pk for run in lost} == {wanted.pk, unwanted.pk}
    assert Run.objects.get(schedule=wanted.schedule_id, state=RunState.QUEUED).trigger == Trigger.RETRY
    assert not Run.objects.filter(schedule=unwanted.schedule_id, state=RunState.QUEUED).exists()
    alive.refresh_from_db()
    assert alive.state == RunState.RUNNING


def _kept(run: Run) -> RecordIssue:
    services.record_issue(
        run=run,
        external_id="7",
        payload=b"{}",
        content_hash=b"\0" * 16,
        path="total",
        code="unreadable",
        reason=Text("The field {path} is missing.", {"path": "total"}),
        at=now(),
    )
    return RecordIssue.objects.get(connection=run.connection_id, external_id="7")


def test_the_same_record_again_is_one_attempt_more() -> None:
    schedule = builders.make_schedule()
    assert _kept(builders.make_run(schedule=schedule)).attempts == 1
    assert _kept(builders.make_run(schedule=schedule)).attempts == 2


def test_what_was_ignored_stays_ignored_and_what_was_retried_opens_again() -> None:
    schedule = builders.make_schedule()
    issue = _kept(builders.make_run(schedule=schedule))
    services.ignore_issue(issue)
    assert _kept(builders.make_run(schedule=schedule)).state == IssueState.IGNORED
    services.reopen_issue(issue)
    services.retry_issue(issue)
    assert issue.state == IssueState.RETRIED
    assert _kept(builders.make_run(schedule=schedule)).state == IssueState.OPEN


def test_a_record_that_was_taken_is_fixed() -> None:
    run = builders.make_run()
    issue = _kept(run)
    services.settle_issues(run, ["7"], now())
    issue.refresh_from_db()
    assert issue.state == IssueState.FIXED
    assert issue.resolved_at is not None


def test_progress_needs_what_the_store_told() -> None:
    at = now()
    run = builders.make_run(state=RunState.RUNNING, started_at=at - timedelta(seconds=10), seen=100, expected=400)
    assert progress(run, at=at).share == 25
    assert progress(run, at=at).left == timedelta(seconds=30)
    run.expected = None
    assert progress(run, at=at).share is None
    run.expected, run.seen = 50, 100  # the store counted before it sold more
    assert (progress(run, at=at).share, progress(run, at=at).left) == (100, timedelta(0))


def test_a_connection_with_orders_is_not_deleted() -> None:
    order = builders.make_order()
    with pytest.raises(Refused, match="one order"):
        delete_connection(order.connection)
    empty = builders.make_connection()
    builders.make_run(schedule=builders.make_schedule(connection=empty))
    delete_connection(empty)
    assert not Run.objects.exists()
