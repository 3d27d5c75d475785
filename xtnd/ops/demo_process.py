"""The demo store as a process of its own, started when somebody asks for it."""

from __future__ import annotations

import signal
import subprocess
import threading
from argparse import Namespace
from collections.abc import Callable

from xtnd.ops.demo.serve import serve_demo
from xtnd.ops.demo.store import Key
from xtnd.ops.say import out
from xtnd.sync import demo


class DemoChild:
    """Watches the wish file and keeps one demo store running while it is there."""

    def __init__(self, start: Callable[[list[str]], subprocess.Popen[bytes]]) -> None:
        self._start = start
        self._child: subprocess.Popen[bytes] | None = None

    def look_after(self) -> None:
        running = self._child is not None and self._child.poll() is None
        if demo.is_wanted() and not running:
            # The connection knows the old address: the store comes back where it was.
            last = demo.address()
            self._child = self._start(["demo-store", "--port", str(last.port if last else 0)])

    def end(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(5)
            except subprocess.TimeoutExpired:
                self._child.kill()


def main(arguments: Namespace) -> int:
    """Run it here, until stopped. The address and the keys are written to demo/store.json in the data directory."""
    folder = demo.folder()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _signal, _frame: stop.set())

    def ready(url: str, key: Key) -> None:
        demo.announce(demo.Address(url, key.consumer_key, key.consumer_secret))
        out(f"Demo store: {url}")

    serve_demo(port=arguments.port, path=folder / "store.sqlite3", ready=ready, stop=stop)
    return 0
