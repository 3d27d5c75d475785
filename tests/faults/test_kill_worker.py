"""kill -9 at random moments of a long import (F2). Nobody mends anything; at the end every order is here once."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.installation import Installation, Program, export_differences, installation, wait_until
from tests.sync.shops import shop
from xtnd.ops.demo import faults
from xtnd.ops.demo.store import Store

pytestmark = pytest.mark.faults

LONG = bool(os.environ.get("XTND_TEST_LONG"))
ORDERS, KILLS = (10_000, 100) if LONG else (2_000, 20)
PER_PAGE = 100
ANSWER_TAKES = 0.15
"""Seconds. Long enough that the moments between two pages are hit too."""
LAST_ANSWERS_TAKE = 2.0
"""So that the import is not over before the last kill."""
OPEN = "state IN ('queued', 'running', 'waiting')"


class Pace:
    seconds = ANSWER_TAKES


@pytest.mark.parametrize("seed", [int(os.environ.get("XTND_TEST_SEED") or random.randrange(10**6))])
def test_killed_again_and_again(tmp_path: Path, seed: int) -> None:
    chance, pace = random.Random(seed), Pace()
    with (
        shop(orders=ORDERS, products=40) as (store, server),
        installation(tmp_path, XTND_RUN_LOST_AFTER="2", XTND_REQUESTS_IN_FLIGHT="1") as home,
    ):
        home.connect(server.url)
        home.must("schedule", "Shop", "orders", "--every", "1h")
        server.faults = faults.Faults(before=lambda number, method, path: faults.slow(pace.seconds))
        resumed = _kill_while_it_works(home, chance, pace)
        print(f"\nseed {seed}: {KILLS} kills; back at work after {_spread(resumed)}")
        server.faults = faults.Faults()
        began = time.monotonic()
        worker = home.start("worker")
        wait_until(lambda: _done(home), seconds=120, why="the import is whole")
        print(f"whole {time.monotonic() - began:.1f} s after the last start")
        _inspect(home, store)
        worker.terminate()
        assert worker.wait(30) == 0
    assert max(resumed) < 60


def _kill_while_it_works(home: Installation, chance: random.Random, pace: Pace) -> list[float]:
    """Seconds from each start of the worker until it was at work, its own start included."""
    resumed: list[float] = []
    kills = 0
    while kills < KILLS:
        began = time.monotonic()
        worker = home.start("worker")
        if chance.random() < 0.15:  # anywhere, its start included
            time.sleep(chance.uniform(0.2, 4))
        else:
            wait_until(lambda worker=worker: _at_work(home, worker), seconds=60, why="somebody goes on with the run")
            resumed.append(time.monotonic() - began)
            # What is left of the import, spread over what is left of the kills.
            left = (ORDERS - _orders(home)) / PER_PAGE * ANSWER_TAKES
            pace.seconds = LAST_ANSWERS_TAKE if left < 3 * ANSWER_TAKES else ANSWER_TAKES
            time.sleep(chance.uniform(0, 2 * left / (KILLS - kills)))
        _kill(worker)
        kills += bool(home.one(f"SELECT count(*) FROM sync_run WHERE {OPEN}"))
        assert not _done(home), f"the import was whole after {kills} kills"
    return resumed


def _at_work(home: Installation, worker: Program) -> bool:
    return bool(home.one("SELECT count(*) FROM sync_run WHERE state = 'running' AND worker LIKE ?", f"%:{worker.pid}"))


def _inspect(home: Installation, store: Store) -> None:
    assert export_differences(store, home.documents("orders")) == []
    assert home.sound()
    (created,) = home.query("SELECT sum(created) FROM sync_run")[0]
    assert created == ORDERS == home.one("SELECT count(*) FROM orders_order")
    assert home.one("SELECT count(*) FROM orders_orderevent WHERE kind = 'received'") == ORDERS
    assert home.one("SELECT count(*) FROM sync_recordissue") == 0
    cursor = home.one("SELECT cursor FROM sync_schedule WHERE entity = 'orders'")
    assert cursor
    # The chain of runs hands the cursor on: each began where the one before it had stored its last page.
    runs = home.query(
        "SELECT cursor_before, cursor_after FROM sync_run WHERE started_at IS NOT NULL ORDER BY queued_at"
    )
    at = ""
    for before, after in runs:
        assert before == at
        at = after or at
    assert at == cursor
    # Without changes there is nothing more to read: the next run asks once.
    ended = home.json("sync", "Shop", "orders", "--wait")
    assert (ended[0]["state"], ended[0]["created"], ended[0]["updated"]) == ("succeeded", 0, 0)


def _done(home: Installation) -> bool:
    return bool(home.one("SELECT count(*) FROM sync_run WHERE state = 'succeeded'"))


def _orders(home: Installation) -> int:
    return int(home.one("SELECT count(*) FROM orders_order") or 0)


def _kill(worker: Program) -> None:
    assert worker.poll() is None, "the worker ended by itself"
    worker.kill()
    worker.wait()


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2]:.1f} s (median), {ordered[-1]:.1f} s (longest), with the worker's own start"
