"""One program on a data directory. `serve` has it alone; `web` and `worker` share it with each other."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from xtnd.core.errors import ConfigurationError


@contextlib.contextmanager
def hold(data_dir: Path, *, alone: bool, program: str) -> Iterator[None]:
    """Raises `ConfigurationError` with one clear line when another program has it. The kernel frees it on any end."""
    taken = attempt(data_dir, alone=alone, program=program)
    if taken is None:
        raise ConfigurationError(
            f"another XTND program ({_holder(data_dir)}) is running on {data_dir}; stop it or set XTND_DATA_DIR"
        )
    with contextlib.closing(taken):
        yield


class Held:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        os.close(self._descriptor)


def attempt(data_dir: Path, *, alone: bool, program: str) -> Held | None:
    """The lock, or None when it is taken."""
    file = data_dir / "xtnd.lock"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{program}, process {os.getpid()}".encode(), 0)
    return Held(descriptor)


def _holder(data_dir: Path) -> str:
    try:
        return (data_dir / "xtnd.lock").read_text(encoding="utf-8") or "unknown"
    except OSError:
        return "unknown"
