"""The tick and the engine: what is due is claimed once, what hangs is freed, what waits holds up nobody."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time as clock
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection as database

from tests import builders
from tests.installation import Installation, export_differences, installation, wait_until
from tests.sync.shops import attempt, connect, shop
from xtnd.connections.models import ConnectionState
from xtnd.core.time import now
from xtnd.ops.demo import faults
from xtnd.ops.demo.server import StoreServer
from xtnd.orders.models import Order
from xtnd.sync import engine, runner
from xtnd.sync.models import RecordIssue, Run, RunState, Schedule, Trigger
from xtnd.sync.services import claim_due, lose_silent_runs, queue_run, request_cancel

MINUTE = timedelta(minutes=1)


# ------------------------------------------------------------------ what is due


@dataclass
class Workflow:
    workflow_id: str
    status: str


class Engine:
    """What the engine would be asked and told."""

    def __init__(self) -> None:
        self.workflows: list[Workflow] = []
        self.cancelled: list[str] = []

    def list_workflows(self, **asked: object) -> list[Workflow]:
        return [one for one in self.workflows if one.workflow_id not in self.cancelled]

    def cancel_workflows(self, ids: list[str]) -> None:
        self.cancelled += ids


@pytest.fixture
def dbos(monkeypatch: pytest.MonkeyPatch) -> Engine:
    fake = Engine()
    monkeypatch.setattr(engine, "DBOS", fake)
    monkeypatch.setattr(engine, "_suspected", {})
    return fake


@pytest.fixture
def enqueued(dbos: Engine, monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    """Which runs the tick gives the engine."""
    given: list[uuid.UUID] = []
    monkeypatch.setattr(engine, "_enqueue", lambda run: given.append(run.pk))
    return given


@pytest.mark.django_db
def test_a_due_schedule_is_claimed_once() -> None:
    """Both ticks have read it as due; one of them gets it."""
    due = now() - MINUTE
    schedule = builders.make_schedule(next_run_at=due)
    here, there = Schedule.objects.get(pk=schedule.pk), Schedule.objects.get(pk=schedule.pk)
    at = now()
    assert claim_due(here, at) is not None
    assert claim_due(there, at) is None
    run = Run.objects.get()
    assert (run.state, run.trigger, run.connection_id) == (RunState.QUEUED, Trigger.SCHEDULE, schedule.connection_id)
    schedule.refresh_from_db()
    assert schedule.next_run_at == at + timedelta(hours=1)


@pytest.mark.django_db
def test_a_schedule_that_was_down_for_days_runs_once(enqueued: list[uuid.UUID]) -> None:
    builders.make_schedule(every_minutes=5, next_run_at=now() - timedelta(days=3))
    engine.tick()
    engine.tick()
    assert Run.objects.count() == 1
    assert Schedule.objects.get().next_run_at > now()
    assert set(enqueued) == {Run.objects.get().pk}


@pytest.mark.django_db
def test_a_daily_schedule_moves_to_the_next_day_of_the_company(enqueued: list[uuid.UUID]) -> None:
    company = builders.make_company(time_zone="Europe/Stockholm")
    connection = builders.make_connection(warehouse=builders.make_warehouse(company=company))
    schedule = builders.make_schedule(connection=connection, daily_at=clock(3, 0), next_run_at=now() - MINUTE)
    engine.tick()
    schedule.refresh_from_db()
    assert schedule.next_run_at is not None
    from xtnd.core.time import zone

    local = schedule.next_run_at.astimezone(zone("Europe/Stockholm"))
    assert (local.hour, local.minute) == (3, 0)
    assert timedelta(0) < schedule.next_run_at - now() <= timedelta(hours=25)


@pytest.mark.django_db
@pytest.mark.parametrize("state", [ConnectionState.PAUSED, ConnectionState.ATTENTION])
def test_a_connection_that_is_not_active_is_left_alone(state: str, enqueued: list[uuid.UUID]) -> None:
    connection = builders.make_connection(state=state)
    builders.make_schedule(connection=connection, next_run_at=now() - MINUTE)
    engine.tick()
    assert not Run.objects.exists()


@pytest.mark.django_db
def test_what_is_off_or_not_yet_due_is_left_alone(enqueued: list[uuid.UUID]) -> None:
    builders.make_schedule(active=False, next_run_at=now() - MINUTE)
    builders.make_schedule(next_run_at=now() + MINUTE)
    builders.make_schedule(active=True, next_run_at=None)
    engine.tick()
    assert not Run.objects.exists()


@pytest.mark.django_db
def test_one_wish_while_one_waits() -> None:
    schedule = builders.make_schedule()
    assert queue_run(schedule, Trigger.MANUAL) == queue_run(schedule, Trigger.SCHEDULE)
    assert Run.objects.count() == 1


# ------------------------------------------------------------------ who has gone silent

LIMIT = timedelta(seconds=30)


@pytest.mark.django_db
def test_a_silent_run_is_lost_and_another_one_goes_on() -> None:
    silent, lively = now() - timedelta(seconds=31), now() - timedelta(seconds=5)
    fence = uuid.uuid4()
    schedule = builders.make_schedule(fence=fence, cursor="so far")
    lost = builders.make_run(schedule=schedule, state=RunState.RUNNING, beat_at=silent)
    other = builders.make_run(state=RunState.RUNNING, beat_at=lively, schedule=builders.make_schedule())
    assert lose_silent_runs(LIMIT) == [lost]
    lost.refresh_from_db()
    other.refresh_from_db()
    schedule.refresh_from_db()
    assert (lost.state, lost.error_code, other.state) == (RunState.LOST, "interrupted", RunState.RUNNING)
    assert lost.finished_at is not None
    assert (schedule.fence, schedule.cursor) == (None, "so far")
    again = Run.objects.get(schedule=schedule, state=RunState.QUEUED)
    assert again.trigger == Trigger.RETRY
    assert lose_silent_runs(LIMIT) == []


@pytest.mark.django_db
def test_a_lost_run_that_was_cancelled_is_not_done_again() -> None:
    run = builders.make_run(state=RunState.RUNNING, beat_at=now() - MINUTE, cancel_requested=True)
    assert lose_silent_runs(LIMIT) == [run]
    assert not Run.objects.filter(state=RunState.QUEUED).exists()


@pytest.mark.django_db
def test_a_run_that_waits_for_its_store_is_not_silent() -> None:
    builders.make_run(
        state=RunState.WAITING, beat_at=now() - timedelta(minutes=20), not_before=now() + timedelta(minutes=5)
    )
    assert lose_silent_runs(LIMIT) == []


@pytest.mark.django_db
def test_cancel_ends_what_nobody_works_on_at_once() -> None:
    queued = builders.make_run(state=RunState.QUEUED)
    waiting = builders.make_run(state=RunState.WAITING, not_before=now() + timedelta(hours=1))
    running = builders.make_run(state=RunState.RUNNING, beat_at=now())
    for run in (queued, waiting, running):
        request_cancel(run)
        run.refresh_from_db()
    assert (queued.state, waiting.state, running.state) == (RunState.CANCELLED, RunState.CANCELLED, RunState.RUNNING)
    assert running.cancel_requested


# ------------------------------------------------------------------ what the engine is given


@pytest.mark.django_db
def test_a_queued_run_without_a_workflow_is_enqueued(dbos: Engine, enqueued: list[uuid.UUID]) -> None:
    """The program was killed between the two databases."""
    run = builders.make_run(state=RunState.QUEUED)
    builders.make_run(state=RunState.SUCCEEDED)
    engine.enqueue_open_runs()
    assert enqueued == [run.pk]
    dbos.workflows.append(Workflow(str(run.pk), "ENQUEUED"))
    engine.enqueue_open_runs()
    assert enqueued == [run.pk]


@pytest.mark.django_db
def test_a_waiting_run_is_enqueued_when_its_time_has_come(enqueued: list[uuid.UUID]) -> None:
    run = builders.make_run(state=RunState.WAITING, beat_at=now(), not_before=now() + MINUTE)
    engine.enqueue_open_runs()
    assert enqueued == []
    Run.objects.update(not_before=now() - timedelta(seconds=1))
    engine.enqueue_open_runs()
    assert enqueued == [run.pk]


@pytest.mark.django_db
def test_a_run_behind_one_that_waits_is_not_enqueued_again_and_again(enqueued: list[uuid.UUID]) -> None:
    schedule = builders.make_schedule()
    builders.make_run(schedule=schedule, state=RunState.WAITING, beat_at=now(), not_before=now() + MINUTE)
    builders.make_run(schedule=schedule, state=RunState.QUEUED)
    engine.enqueue_open_runs()
    assert enqueued == []


@pytest.mark.django_db
def test_only_what_hangs_is_freed(dbos: Engine, enqueued: list[uuid.UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    """A workflow says it is at work. Its run is: fine. Its run is still queued, or over: freed, after a while."""
    seconds = [1000.0]
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    monkeypatch.setattr(django_settings, "RUN_LOST_AFTER", 30)
    running = builders.make_run(state=RunState.RUNNING, beat_at=now())
    taken = builders.make_run(state=RunState.QUEUED)
    later = builders.make_run(state=RunState.QUEUED)
    over = builders.make_run(state=RunState.LOST)
    dbos.workflows += [Workflow(str(run.pk), "PENDING") for run in (running, taken, over)]
    dbos.workflows.append(Workflow(str(later.pk), "ENQUEUED"))
    engine.enqueue_open_runs()
    assert dbos.cancelled == []
    seconds[0] += 4
    engine.enqueue_open_runs()
    assert dbos.cancelled == [str(over.pk)]
    assert enqueued == []
    seconds[0] += 30
    engine.enqueue_open_runs()
    assert dbos.cancelled == [str(over.pk), str(taken.pk)]
    assert enqueued == [taken.pk]


@pytest.mark.django_db
def test_a_workflow_that_came_too_early_leaves_the_run_alone() -> None:
    """Two ticks enqueued it: the second workflow finds the run waiting again."""
    run = builders.make_run(state=RunState.WAITING, beat_at=now(), not_before=now() + MINUTE)
    assert engine.do_run(run.pk) == "early"
    run.refresh_from_db()
    assert run.state == RunState.WAITING


@pytest.mark.django_db
def test_a_tick_outlives_what_it_meets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own database is locked, or a row is odd: the next tick is a second later."""
    ticks: list[int] = []

    def fail() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            engine._stop.set()
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(engine, "tick", fail)
    monkeypatch.setattr(engine, "TICK_EVERY", 0.001)
    engine._stop.clear()
    engine._tick_until_stopped()
    assert len(ticks) == 3


@pytest.mark.django_db
def test_a_bug_of_ours_ends_the_run_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as a run that is lost and begun again every half minute, for ever."""
    run = builders.make_run(state=RunState.QUEUED)

    def stumble(attempt: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(runner, "_pull", stumble)
    assert runner.execute(run.pk, worker="test").state == RunState.FAILED
    run.refresh_from_db()
    assert (run.state, run.error_code) == (RunState.FAILED, "internal")
    assert run.schedule.failures == 1


@pytest.mark.skipif(database.vendor != "sqlite", reason="fills SQLite's own file")
@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_nobodys_record(served: StoreServer) -> None:
    """The run waits and goes on when there is room again; no order is set aside for it."""
    company = builders.make_company()
    linked = connect(company, served.url, warehouse=False)
    with database.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages + 3}")
    try:
        run, outcome = attempt(linked)
    finally:
        with database.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")
    assert (run.state, run.error_code) == (RunState.WAITING, "database_busy")
    assert outcome.wait is not None
    assert not RecordIssue.objects.exists()
    assert not Order.objects.exists()
    assert runner.execute(run.pk, worker="test").state == RunState.SUCCEEDED
    assert Order.objects.count() == 30


# ------------------------------------------------------------------ with the real engine


@pytest.fixture
def served() -> Iterator[StoreServer]:
    with shop(orders=30, products=8, customers=3) as (_store, server):
        yield server


@pytest.fixture
def home(tmp_path: Path, served: StoreServer) -> Iterator[Installation]:
    with installation(tmp_path, XTND_RUN_LOST_AFTER="2", XTND_WORKER_RUNS="1") as home:
        home.connect(served.url)
        yield home


def test_what_hangs_with_a_dead_worker_is_freed(home: Installation) -> None:
    """Killed between taking a run from the queue and beginning it; and killed during one that another start has
    declared lost: both leave a workflow that says it is at work, and holds the schedule's place in the queue."""
    home.must("sync", "Shop", "orders")
    worker = home.start("worker")
    wait_until(lambda: _states(home, "orders") == ["succeeded"], why="the first import")
    worker.terminate()
    assert worker.wait(20) == 0
    for entity in ("orders", "products"):
        home.must("sync", "Shop", entity)
    ids = dict(home.query("SELECT entity, id FROM sync_run WHERE state = 'queued'"))
    taken = str(uuid.UUID(ids["orders"]))
    lost = str(uuid.uuid4())
    schedule = home.one("SELECT id FROM sync_schedule WHERE entity = 'products'")
    home.change(
        "INSERT INTO sync_run SELECT ?, "
        + ", ".join(_columns(home, "sync_run", schedule_id=str(schedule), entity="'products'", state="'lost'"))
        + " FROM sync_run WHERE state = 'succeeded'",
        uuid.UUID(lost).hex,
    )
    _pretend_at_work(home, taken, partition=str(home.one("SELECT id FROM sync_schedule WHERE entity = 'orders'")))
    _pretend_at_work(home, lost, partition=str(schedule))
    worker = home.start("worker")
    wait_until(lambda: _states(home, "orders") == ["succeeded"] * 2, seconds=20, why="the run that was taken is done")
    wait_until(lambda: "succeeded" in _states(home, "products"), seconds=20, why="the place in the queue is free")
    worker.terminate()
    assert worker.wait(20) == 0


def test_a_waiting_run_holds_up_neither_others_nor_the_end(home: Installation, served: StoreServer) -> None:
    """The worker does one run at a time here. While a store asks for ten minutes, another schedule runs; stopping
    takes seconds; the waiting run goes on after the next start, when its time has come."""
    served.faults = faults.Faults(
        before=lambda number, method, path: faults.maintenance() if path.endswith("/orders") else None
    )
    home.must("sync", "Shop", "orders")
    worker = home.start("worker")
    wait_until(lambda: _states(home, "orders") == ["waiting"], why="the store asks for patience")
    home.must("sync", "Shop", "customers")
    wait_until(
        lambda: _states(home, "customers") == ["succeeded"], seconds=15, why="another schedule is done meanwhile"
    )
    began = time.monotonic()
    worker.terminate()
    assert worker.wait(20) == 0
    assert time.monotonic() - began < 8
    served.faults = faults.Faults()
    home.change("UPDATE sync_run SET not_before = ? WHERE state = 'waiting'", "2026-01-01 00:00:00")
    home.change("UPDATE sync_run SET beat_at = ? WHERE state = 'waiting'", _soon())
    home.start("worker")
    wait_until(lambda: _states(home, "orders") == ["succeeded"], seconds=15, why="the same run goes on")


@pytest.mark.skipif(not os.environ.get("XTND_TEST_POSTGRES"), reason="needs XTND_TEST_POSTGRES")
def test_two_workers_on_postgresql(tmp_path: Path) -> None:
    """Both start on an empty database. The one that imports is killed; the other one goes on."""
    address = os.environ["XTND_TEST_POSTGRES"]
    with psycopg.connect(address, autocommit=True) as server:
        server.execute("DROP SCHEMA IF EXISTS dbos CASCADE")
        server.execute("DROP SCHEMA public CASCADE")
        server.execute("CREATE SCHEMA public")
    with (
        shop(orders=900, products=10, customers=3) as (store, server),
        installation(tmp_path, DATABASE_URL=address, XTND_RUN_LOST_AFTER="2") as home,
    ):
        workers = {str(one.pid): one for one in (home.start("worker"), home.start("worker"))}
        wait_until(lambda: home.log("worker").count("worker at work") == 2, why="both are at work", seconds=60)
        home.connect(server.url)
        server.faults = faults.always(faults.slow(0.7))
        home.must("sync", "Shop", "orders")

        def who() -> str:
            with psycopg.connect(address) as server:
                found = server.execute("SELECT worker FROM sync_run WHERE pages > 1").fetchone()
            return found[0].rpartition(":")[2] if found else ""

        victim = workers.pop(wait_until(who, why="pages come in"))
        victim.kill()
        victim.wait()
        server.faults = faults.Faults()
        wait_until(
            lambda: [run["state"] for run in home.json("runs")] == ["succeeded", "lost"], why="the other one goes on"
        )
        assert export_differences(store, home.documents("orders")) == []
        assert sum(run["created"] for run in home.json("runs")) == 900
        assert home.sound()
        (survivor,) = workers.values()
        survivor.terminate()
        assert survivor.wait(20) == 0


def _states(home: Installation, entity: str) -> list[str]:
    rows = home.query("SELECT state FROM sync_run WHERE entity = ? AND state != 'lost' ORDER BY queued_at", entity)
    return [state for (state,) in rows]


def _columns(home: Installation, table: str, **changed: str) -> list[str]:
    return [changed.get(row[1], row[1]) for row in home.query(f"PRAGMA table_info({table})") if row[1] != "id"]


def _pretend_at_work(home: Installation, workflow_id: str, *, partition: str) -> None:
    """As the engine's database looks after kill -9."""
    with contextlib.closing(sqlite3.connect(home.folder / "engine.sqlite3")) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(workflow_status)")]
        changed = {
            "workflow_uuid": f"'{workflow_id}'",
            "status": "'PENDING'",
            "executor_id": "'gone'",
            "queue_partition_key": f"'{partition}'",
        }
        taken = ", ".join(changed.get(column, column) for column in columns)
        database.execute(
            f"INSERT INTO workflow_status ({', '.join(columns)}) SELECT {taken} FROM workflow_status"
            " WHERE status = 'SUCCESS' LIMIT 1"
        )
        database.commit()


def _soon() -> str:
    return str((now() + MINUTE).replace(tzinfo=None))
