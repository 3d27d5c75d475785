"""`xtnd serve`: web, worker and tick under one roof; `xtnd web` and `xtnd worker` apart."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from xtnd.core.errors import ConfigurationError
from xtnd.ops.demo_process import DemoChild
from xtnd.ops.locks import hold
from xtnd.ops.say import end_at_once, err, out
from xtnd.ops.upkeep import bring_up_to_date, build_texts, collect_static

DRAIN_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1


def serve(arguments: Namespace) -> int:
    with hold(_data_dir(), alone=True, program="serve"):
        _refuse_taken_port()
        _prepare()
        if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
            from xtnd.sync.services import lose_silent_runs

            lose_silent_runs(timedelta(0))  # the lock says that nobody else is at work
        return _Household().run()


def web(arguments: Namespace) -> int:
    with nullcontext() if arguments.supervised else hold(_data_dir(), alone=False, program="web"):
        if not arguments.supervised:
            _refuse_taken_port()
            _prepare()
            out(f"XTND Backend: pages at {_address()}")
        from granian import Granian
        from granian.constants import Interfaces

        logging_off = {"version": 1, "disable_existing_loggers": False}
        Granian(
            "xtnd.wsgi:application",
            address=settings.BIND,
            port=settings.PORT,
            interface=Interfaces.WSGI,
            workers=1,
            blocking_threads=8,
            backpressure=256,
            websockets=False,
            log_access=False,
            log_dictconfig=logging_off,
            respawn_failed_workers=True,
            workers_kill_timeout=10,
        ).serve()
    return 0


def work(arguments: Namespace) -> int:
    with nullcontext() if arguments.supervised else hold(_data_dir(), alone=False, program="worker"):
        if not arguments.supervised:
            bring_up_to_date()
        stop = threading.Event()
        _on_signals(stop.set)
        from xtnd.sync.engine import worker

        with worker():
            if not arguments.supervised:
                out("XTND Backend: worker at work. Ctrl-C stops it.")
            stop.wait()
    return end_at_once(0)


# ------------------------------------------------------------------ the household


class _Household:
    """Keeps the web process, the worker and the demo store alive, and ends them together."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths: dict[str, list[float]] = {}
        self._demo = DemoChild(_start)

    def run(self) -> int:
        _on_signals(self._stop.set)
        for name in ("web", "worker"):
            self._children[name] = _start([name, "--supervised"])
        threading.Thread(target=self._announce, daemon=True).start()
        failed = False
        while not self._stop.wait(0.3):
            self._demo.look_after()
            failed = any(not self._keep_alive(name) for name in list(self._children))
            if failed:
                break
        self._end()
        return 1 if failed else 0

    def _keep_alive(self, name: str) -> bool:
        """Restart a child that died; give up when it dies again and again."""
        child = self._children[name]
        if child.poll() is None:
            return True
        _end_orphans(child)
        recent = [moment for moment in self._deaths.get(name, []) if time.monotonic() - moment < 60]
        self._deaths[name] = [*recent, time.monotonic()]
        if len(recent) >= 4:
            err(f"xtnd: the {name} process keeps ending (exit code {child.returncode}); stopping. The log says why.")
            return False
        err(f"xtnd: the {name} process ended (exit code {child.returncode}); starting it again")
        self._stop.wait(min(2.0 ** len(recent) - 0.5, 8.0))
        if not self._stop.is_set():
            self._children[name] = _start([name, "--supervised"])
        return True

    def _announce(self) -> None:
        address = _address()
        while not self._stop.wait(0.1):
            try:
                with urllib.request.urlopen(f"{address}/health/ready", timeout=2):  # noqa: S310 - our own address
                    out(f"XTND Backend is ready: {address}   (Ctrl-C stops it)")
                    return
            except (urllib.error.URLError, OSError):
                continue

    def _end(self) -> None:
        out("Stopping: finishing what is being stored …")
        self._demo.end()
        for child in self._children.values():
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        ends = time.monotonic() + DRAIN_SECONDS
        for name, child in self._children.items():
            try:
                child.wait(max(0.1, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                err(f"xtnd: the {name} process did not stop in time and is ended; nothing stored is lost")
                child.kill()
                child.wait()
            _end_orphans(child)


def _end_orphans(child: subprocess.Popen[bytes]) -> None:
    """What a killed child leaves behind would go on answering, with the old program, on the same port."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)


def _start(arguments: list[str]) -> subprocess.Popen[bytes]:
    """A child of ours that is told to stop when we are gone, whatever took us."""
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "xtnd", *arguments],
        start_new_session=True,  # Ctrl-C reaches us alone; we tell the children
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _prepare() -> None:
    bring_up_to_date()
    build_texts()
    collect_static()


def _refuse_taken_port() -> None:
    with socket.socket(socket.AF_INET6 if ":" in settings.BIND else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.BIND, settings.PORT))
        except OSError as error:
            raise ConfigurationError(
                f"PORT: cannot listen on {settings.BIND}:{settings.PORT} ({error.strerror}); choose another with PORT="
            ) from error


def _on_signals(call: Callable[[], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _signal, _frame: call())


def _address() -> str:
    host = settings.BIND if settings.BIND not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104 - compared
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}"


def _data_dir() -> Path:
    return Path(settings.DATA_DIR)
