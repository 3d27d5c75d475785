"""DBOS Transact behind one door. It only coordinates: which worker does which run, one run per schedule, durable waits.

Losing its database loses nothing: a queued run whose workflow is missing is enqueued again by the tick.
"""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.db.models import Q

from xtnd.connections.models import ConnectionState
from xtnd.core.time import now
from xtnd.sync.models import Run, RunState, Schedule
from xtnd.sync.runner import execute
from xtnd.sync.services import claim_due, lose_silent_runs

log = logging.getLogger(__name__)

QUEUE = "runs"
TICK_EVERY = 1.0
VERSION = "1"
"""By hand: the default hashes the source, and an upgrade would strand what is queued."""
KEEP_WORKFLOWS = timedelta(days=2)

_stop = threading.Event()
_worker_name = ""


@DBOS.workflow(name="run")
def _run_workflow(run_id: str) -> str:
    """One run, through all its waits. Each execution begins from our cursor, so a repeat does nothing twice."""
    while True:
        wait, state = _execute_step(run_id)
        if wait is None or _stop.is_set():
            return state
        DBOS.sleep(wait)


@DBOS.step(name="execute")
def _execute_step(run_id: str) -> tuple[float | None, str]:
    close_old_connections()
    try:
        outcome = execute(uuid.UUID(run_id), worker=_worker_name, stop=_stop)
        return outcome.wait, outcome.state
    finally:
        close_old_connections()


@contextmanager
def worker() -> Iterator[None]:
    """A worker and its tick, until the block ends. Ending drains: pages being stored are stored."""
    global _worker_name
    _worker_name = f"{socket.gethostname()}:{os.getpid()}"
    _stop.clear()
    # The library announces itself on the console; what matters goes to our log.
    logging.getLogger("dbos").setLevel(logging.WARNING)
    DBOS(config=_config())
    DBOS.launch()
    DBOS.register_queue(QUEUE, partition_concurrency=1, worker_concurrency=settings.WORKER_RUNS)
    ticking = threading.Thread(target=_tick_until_stopped, name="tick")
    ticking.start()
    try:
        yield
    finally:
        _stop.set()
        ticking.join()
        DBOS.destroy(workflow_completion_timeout_sec=20)


def _config() -> DBOSConfig:
    config: DBOSConfig = {
        "name": "xtnd",
        "system_database_url": _database_url(),
        "application_version": VERSION,
        "executor_id": f"{_worker_name}:{uuid.uuid4().hex[:8]}",
        "log_level": "WARNING",
        "enable_otlp": False,
    }
    return config


def _database_url() -> str:
    """A file of its own beside SQLite, a schema of its own ("dbos") on PostgreSQL."""
    database: dict[str, Any] = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        file = Path(settings.DATA_DIR) / "engine.sqlite3"
        # Without WAL it does 20 jobs a second (measured); the mode stays with the file.
        with sqlite3.connect(file) as raw:
            raw.execute("PRAGMA journal_mode=WAL")
        raw.close()
        return f"sqlite:///{file}"
    from urllib.parse import quote, urlencode

    user = quote(str(database["USER"]), safe="")
    password = f":{quote(str(database['PASSWORD']), safe='')}" if database["PASSWORD"] else ""
    host = database["HOST"]
    at = f"{user}{password}@" if user else ""
    options = dict(database.get("OPTIONS") or {})
    if str(host).startswith("/"):
        options["host"], host = host, ""
    port = f":{database['PORT']}" if database["PORT"] and host else ""
    query = f"?{urlencode(options)}" if options else ""
    return f"postgresql+psycopg://{at}{host}{port}/{quote(str(database['NAME']), safe='')}{query}"


# ------------------------------------------------------------------ the tick


def _tick_until_stopped() -> None:
    """Any number of workers may tick: every claim is a conditional update."""
    last_cleaning = 0.0
    while not _stop.wait(TICK_EVERY):
        close_old_connections()
        try:
            tick()
            if time.monotonic() - last_cleaning > 3600:
                last_cleaning = time.monotonic()
                _forget_old_workflows()
        except DatabaseError:
            log.exception("tick")
    connection.close()


def tick() -> None:
    """Due schedules become queued runs, silent runs are taken over, queued runs get their workflow."""
    at = now()
    due = Schedule.objects.filter(active=True, next_run_at__lte=at, connection__state=ConnectionState.ACTIVE)
    for schedule in due.select_related("connection__warehouse__company")[:200]:
        claim_due(schedule, at)
    for run in lose_silent_runs(timedelta(seconds=settings.RUN_LOST_AFTER)):
        log.warning("run lost", extra={"run": run.pk, "entity": run.entity, "worker": run.worker})
        _free_key(run.pk)
    enqueue_open_runs()


_enqueued: dict[uuid.UUID, float] = {}
_ASK_AGAIN = 30.0


def enqueue_open_runs() -> None:
    """Every queued run has a workflow; so has a waiting one that nobody waits for (its worker was stopped)."""
    at = now()
    wanted = Q(state=RunState.QUEUED) | Q(state=RunState.WAITING, not_before__lt=at - timedelta(seconds=5))
    known = time.monotonic()
    for run_id, state, schedule_id in Run.objects.filter(wanted).values_list("id", "state", "schedule_id")[:500]:
        if known - _enqueued.get(run_id, -_ASK_AGAIN) < _ASK_AGAIN:
            continue
        _enqueued[run_id] = known
        _enqueue(run_id, schedule_id, again=state == RunState.WAITING)
    if len(_enqueued) > 5000:
        _enqueued.clear()


def _enqueue(run_id: uuid.UUID, schedule_id: int, *, again: bool) -> None:
    """The workflow's id is the run's: enqueueing twice is enqueueing once."""
    workflow_id = str(run_id)
    earlier = DBOS.list_workflows(workflow_id_prefix=workflow_id, load_input=False, load_output=False)
    if earlier:
        if not again and any(workflow.status in _AT_WORK for workflow in earlier):
            return
        # Its workflow ended, or hangs with a worker that is gone, and the run is still to be done.
        _free_key(run_id)
        workflow_id = f"{run_id}:{uuid.uuid4().hex[:8]}"
    with SetWorkflowID(workflow_id), SetEnqueueOptions(queue_partition_key=str(schedule_id)):
        DBOS.enqueue_workflow(QUEUE, _run_workflow, str(run_id))


def _free_key(run_id: uuid.UUID) -> None:
    """A workflow that hangs holds its schedule's place in the queue."""
    prefix = str(run_id)
    hanging = DBOS.list_workflows(workflow_id_prefix=prefix, status=list(_AT_WORK), load_input=False, load_output=False)
    DBOS.cancel_workflows([workflow.workflow_id for workflow in hanging])


_AT_WORK = ("PENDING", "ENQUEUED", "DELAYED")


def _forget_old_workflows() -> None:
    before = (now() - KEEP_WORKFLOWS).isoformat()
    done = DBOS.list_workflows(end_time=before, status=["SUCCESS", "ERROR", "CANCELLED"], limit=1000)
    DBOS.delete_workflows([workflow.workflow_id for workflow in done])
