"""The demo store as a process of its own, started when somebody asks for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from xtnd.ops.demo.serve import serve_demo
from xtnd.ops.demo.store import Key
from xtnd.ops.say import out

FOLDER = "demo"


class DemoChild:
    """Watches the wish file and keeps one demo store running while it is there."""

    def __init__(self, data_dir: Path, start: Callable[[list[str]], subprocess.Popen[bytes]]) -> None:
        self._folder = data_dir / FOLDER
        self._start = start
        self._child: subprocess.Popen[bytes] | None = None

    def look_after(self) -> None:
        wanted = (self._folder / "wanted").exists()
        running = self._child is not None and self._child.poll() is None
        if wanted and not running:
            self._child = self._start(["demo-store", "--port", str(_last_port(self._folder))])

    def end(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(5)
            except subprocess.TimeoutExpired:
                self._child.kill()


def main(arguments: Namespace) -> int:
    """Run it here, until stopped. The address and the keys are written to demo/store.json in the data directory."""
    folder = Path(settings.DATA_DIR) / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _signal, _frame: stop.set())

    def ready(url: str, key: Key) -> None:
        announce(folder, url, key)
        out(f"Demo store: {url}")

    serve_demo(port=arguments.port, path=folder / "store.sqlite3", ready=ready, stop=stop)
    return 0


def announce(folder: Path, url: str, key: Key) -> None:
    """Readable by us alone; whole or not at all."""
    new = folder / "store.json.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        said = {"url": url, "access_token": key.consumer_key, "secret": key.consumer_secret, "pid": os.getpid()}
        json.dump(said, file)
    new.replace(folder / "store.json")


def _last_port(folder: Path) -> int:
    """The connection knows the old address: the store comes back where it was."""
    try:
        url: str = json.loads((folder / "store.json").read_text(encoding="utf-8"))["url"]
        return int(url.rsplit(":", 1)[1].strip("/"))
    except (OSError, ValueError, KeyError, IndexError):
        return 0
