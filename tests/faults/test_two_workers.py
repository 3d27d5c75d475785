"""Two workers on one installation: one that was frozen writes nothing more; what is due runs once (F4)."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.installation import Installation, Program, export_differences, installation, wait_until
from tests.sync.shops import shop
from xtnd.ops.demo import faults

pytestmark = pytest.mark.faults

LONG = bool(os.environ.get("XTND_TEST_LONG"))
ROUNDS = 10 if LONG else 2
SHOPS, ENTITIES = 5, 4
TABLES = (
    "orders_order",
    "orders_orderline",
    "orders_orderevent",
    "orders_refund",
    "customers_customer",
    "connections_link",
    "sync_run",
    "sync_schedule",
    "sync_recordissue",
)


# ------------------------------------------------------------------ frozen


def test_a_frozen_worker_that_comes_back_writes_nothing_more(tmp_path: Path) -> None:
    with (
        shop(orders=1200, products=20) as (store, server),
        installation(tmp_path, XTND_RUN_LOST_AFTER="2", XTND_REQUESTS_IN_FLIGHT="1") as home,
    ):
        home.connect(server.url)
        server.faults = faults.always(faults.slow(1.0))
        home.must("sync", "Shop", "orders")
        frozen = home.start("worker")
        wait_until(lambda: home.one("SELECT pages FROM sync_run") in (2, 3), seconds=30, why="pages come in")
        asked = len(server.requests)
        wait_until(lambda: len(server.requests) > asked, why="the next page is asked for")
        time.sleep(0.5)  # the page before it is stored; the answer is on its way
        frozen.send_signal(signal.SIGSTOP)
        server.faults = faults.Faults()
        other = home.start("worker")
        wait_until(lambda: _count(home, "succeeded") == 1, seconds=60, why="the other worker takes over")
        before = _everything(home)
        frozen.send_signal(signal.SIGCONT)
        wait_until(lambda: "fenced" in home.log("worker"), seconds=20, why="the frozen worker finds itself fenced")
        time.sleep(2)  # its tick and its queue have had their turn too
        assert _everything(home) == before
        runs = home.query("SELECT state, worker FROM sync_run ORDER BY queued_at")
        assert [(state, name.rsplit(":", 1)[1]) for state, name in runs] == [
            ("lost", str(frozen.pid)),
            ("succeeded", str(other.pid)),
        ]
        assert export_differences(store, home.documents("orders")) == []
        assert home.one("SELECT sum(created) FROM sync_run") == 1200
        assert home.sound()
        _end(frozen, other)


def test_a_machine_that_slept_goes_on_by_itself(tmp_path: Path) -> None:
    """One worker alone, frozen beyond the limit: it takes over from itself."""
    with (
        shop(orders=600, products=20) as (store, server),
        installation(tmp_path, XTND_RUN_LOST_AFTER="2", XTND_REQUESTS_IN_FLIGHT="1") as home,
    ):
        home.connect(server.url)
        server.faults = faults.always(faults.slow(0.6))
        home.must("sync", "Shop", "orders")
        worker = home.start("worker")
        wait_until(lambda: home.one("SELECT pages FROM sync_run") in (1, 2), seconds=30, why="pages come in")
        worker.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        worker.send_signal(signal.SIGCONT)
        wait_until(lambda: _count(home, "succeeded") == 1, seconds=60, why="the import goes on")
        assert export_differences(store, home.documents("orders")) == []
        assert home.one("SELECT sum(created) FROM sync_run") == 600
        assert home.sound()
        _end(worker)


# ------------------------------------------------------------------ races


def test_what_is_due_runs_once(tmp_path: Path) -> None:
    """Two workers, two ticks, twenty schedules due at the same instant."""
    with shop(orders=60, products=12) as (_store, server), installation(tmp_path) as home:
        home.connect(server.url)
        _copies(home, SHOPS)
        assert home.one("SELECT count(*) FROM sync_schedule") == SHOPS * ENTITIES
        workers = [home.start("worker"), home.start("worker")]
        wait_until(lambda: home.log("worker").count("worker at work") == 2, why="both are at work")
        for done in range(1, ROUNDS + 1):
            home.change("UPDATE sync_schedule SET active = 1, next_run_at = ?", _now())
            wanted = done * SHOPS * ENTITIES
            wait_until(lambda wanted=wanted: _count(home, "succeeded") >= wanted, seconds=90, why="all of them ran")
            assert _count(home, "%") == wanted
            per_schedule = home.query("SELECT count(*) FROM sync_run GROUP BY schedule_id")
            assert per_schedule == [(done,)] * (SHOPS * ENTITIES)
        assert home.query("SELECT DISTINCT attempts FROM sync_run") == [(1,)]
        shares = dict(home.query("SELECT worker, count(*) FROM sync_run GROUP BY worker"))
        print(f"\n{ROUNDS * SHOPS * ENTITIES} races; shares of the workers: {sorted(shares.values())}")
        assert home.one("SELECT count(*) FROM orders_order") == 60 * SHOPS
        assert home.one("SELECT sum(created) FROM sync_run WHERE entity = 'orders'") == 60 * SHOPS
        assert home.sound()
        _end(*workers)


def _copies(home: Installation, count: int) -> None:
    """The same store under more names: connecting is not what is tested here."""
    for table, changed in (("connections_connection", "name"), ("sync_schedule", "connection_id")):
        columns = [row[1] for row in home.query(f"PRAGMA table_info({table})") if row[1] != "id"]
        for number in range(2, count + 1):
            taken = [
                column if column != changed else f"'Shop {number}'" if changed == "name" else str(number)
                for column in columns
            ]
            where = "name = 'Shop'" if changed == "name" else "connection_id = 1"
            home.change(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(taken)} FROM {table} WHERE {where}"
            )


# ------------------------------------------------------------------ shared


def _count(home: Installation, state: str) -> int:
    return int(home.one("SELECT count(*) FROM sync_run WHERE state LIKE ?", state) or 0)


def _everything(home: Installation) -> dict[str, list[tuple[object, ...]]]:
    return {table: home.query(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}


def _now() -> str:
    return str(datetime.now(UTC).replace(tzinfo=None))


def _end(*workers: Program) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        assert worker.wait(30) == 0
