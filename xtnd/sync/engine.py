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

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID, WorkflowStatus
from django.conf import settings
from django.db import close_old_connections, connection

from xtnd.connections.models import ConnectionState
from xtnd.connections.services import forget_old_verifications
from xtnd.core.time import now
from xtnd.sync.models import OPEN_STATES, Run, RunState, Schedule
from xtnd.sync.runner import execute
from xtnd.sync.services import claim_due, lose_silent_runs

log = logging.getLogger(__name__)

QUEUE = "runs"
TICK_EVERY = 1.0
VERSION = "1"
"""By hand: the default hashes the source, and an upgrade would strand what is queued."""
KEEP_WORKFLOWS = timedelta(days=2)
KEEP_VERIFICATIONS = timedelta(days=1)

_stop = threading.Event()
_worker_name = ""


@DBOS.workflow(name="run")
def _run_workflow(run_id: str) -> str:
    """One execution of a run. A run whose store asks for patience ends its workflow, so that it holds no worker's
    place meanwhile; the tick enqueues it again when its time has come. A repeat does nothing twice."""
    return _execute_step(run_id)


@DBOS.step(name="execute")
def _execute_step(run_id: str) -> str:
    close_old_connections()
    try:
        return do_run(uuid.UUID(run_id))
    finally:
        close_old_connections()


def do_run(run_id: uuid.UUID) -> str:
    """From the cursor, here. "early" when two ticks enqueued a run and it waits again."""
    if Run.objects.filter(pk=run_id, state=RunState.WAITING, not_before__gt=now()).exists():
        return "early"
    return execute(run_id, worker=_worker_name, stop=_stop).state


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
                forget_old_verifications(now() - KEEP_VERIFICATIONS)
        except Exception:  # a worker that has stopped ticking looks well and does nothing
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


def enqueue_open_runs() -> None:
    """Every run that is to be done has a workflow, and no workflow of a worker that is gone is in its way."""
    at = now()
    open_runs = {run.pk: run for run in Run.objects.filter(state__in=OPEN_STATES).order_by("queued_at")}
    if not open_runs:
        return
    at_work = DBOS.list_workflows(queue_name=QUEUE, status=list(_AT_WORK), load_input=False, load_output=False)
    stranded = _stranded(at_work, open_runs)
    if stranded:
        log.warning("workflows freed", extra={"workflows": ",".join(stranded)})
        DBOS.cancel_workflows(stranded)
    given = {_run_of(workflow) for workflow in at_work if workflow.workflow_id not in stranded}
    begun = {run.schedule_id for run in open_runs.values() if run.state != RunState.QUEUED}
    for run in open_runs.values():
        if run.state == RunState.QUEUED:
            due = run.schedule_id not in begun  # else its turn comes after that one
        else:
            due = run.state == RunState.WAITING and (run.not_before or at) <= at
        if due and run.pk not in given:
            _enqueue(run)


_suspected: dict[str, float] = {}
"""Workflows that say they are at work while their run is not, and since when, on our own clock."""
_PATIENCE = 3.0


def _stranded(at_work: list[WorkflowStatus], open_runs: dict[uuid.UUID, Run]) -> list[str]:
    """Their worker was killed between taking the run and beginning it, or after the run was ended without it. Each
    holds its schedule's place in the queue, for ever. Cancelling one too many is safe: runs are fenced."""
    known = time.monotonic()
    suspects = {}
    stranded = []
    for workflow in at_work:
        run = open_runs.get(_run_of(workflow))
        if workflow.status != "PENDING" or (run and run.state == RunState.RUNNING):
            continue
        since = suspects[workflow.workflow_id] = _suspected.get(workflow.workflow_id, known)
        if known - since >= (settings.RUN_LOST_AFTER if run else _PATIENCE):
            stranded.append(workflow.workflow_id)
    _suspected.clear()
    _suspected.update(suspects)
    return stranded


def _enqueue(run: Run) -> None:
    """The workflow's id is the run's, and the wait's: enqueueing twice, by two ticks, is enqueueing once."""
    workflow_id = str(run.pk) if run.not_before is None else f"{run.pk}:{run.not_before.timestamp():.3f}"
    earlier = DBOS.list_workflows(workflow_ids=[workflow_id], load_input=False, load_output=False)
    if any(workflow.status not in _AT_WORK for workflow in earlier):
        # It ended without doing it: another run of the schedule was at work, or it was freed.
        workflow_id = f"{workflow_id}:{uuid.uuid4().hex[:8]}"
    with SetWorkflowID(workflow_id), SetEnqueueOptions(queue_partition_key=str(run.schedule_id)):
        DBOS.enqueue_workflow(QUEUE, _run_workflow, str(run.pk))


def _run_of(workflow: WorkflowStatus) -> uuid.UUID:
    return uuid.UUID(workflow.workflow_id.partition(":")[0])


def _free_key(run_id: uuid.UUID) -> None:
    """A workflow that hangs holds its schedule's place in the queue."""
    prefix = str(run_id)
    hanging = DBOS.list_workflows(workflow_id_prefix=prefix, status=list(_AT_WORK), load_input=False, load_output=False)
    DBOS.cancel_workflows([workflow.workflow_id for workflow in hanging])


_AT_WORK = ("PENDING", "ENQUEUED", "DELAYED")


def _forget_old_workflows() -> None:
    before = (now() - KEEP_WORKFLOWS).isoformat()
    ended = ["SUCCESS", "ERROR", "CANCELLED"]
    while not _stop.is_set():
        done = DBOS.list_workflows(
            end_time=before, status=ended, limit=_FORGET_AT_ONCE, load_input=False, load_output=False
        )
        DBOS.delete_workflows([workflow.workflow_id for workflow in done])
        if len(done) < _FORGET_AT_ONCE:
            return


_FORGET_AT_ONCE = 500
