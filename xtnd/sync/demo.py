"""The demo store as the rest of the program sees it: a wish and an address.

The store itself is a process of its own (`xtnd.ops.demo`), started by `xtnd serve` when somebody wishes for it.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from django.conf import settings


@dataclass(frozen=True, slots=True)
class Address:
    url: str
    access_token: str
    secret: str

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 80


def folder() -> Path:
    there = Path(settings.DATA_DIR) / "demo"
    there.mkdir(mode=0o700, exist_ok=True)
    return there


def wish() -> None:
    """From now on `xtnd serve` keeps the demo store running."""
    (folder() / "wanted").touch(mode=0o600)


def is_wanted() -> bool:
    return (Path(settings.DATA_DIR) / "demo" / "wanted").exists()


def announce(address: Address) -> None:
    """Said by the store when it answers. Readable by us alone; whole or not at all."""
    new = folder() / "store.json.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(address))
    new.replace(folder() / "store.json")


def address() -> Address | None:
    """Where the store is, or was when it last ran."""
    try:
        return msgspec.json.decode((Path(settings.DATA_DIR) / "demo" / "store.json").read_bytes(), type=Address)
    except (OSError, msgspec.MsgspecError):
        return None


def endpoints() -> tuple[tuple[str, int], ...]:
    """The one door on this machine that may be connected to although it is private."""
    known = address()
    return (("127.0.0.1", known.port),) if known else ()


def await_address(seconds: float) -> Address | None:
    """The address of a store that was just wished for; None when nobody has started it in time."""
    ends = time.monotonic() + seconds
    before = (Path(settings.DATA_DIR) / "demo" / "store.json").exists()
    while True:
        known = address()
        if known is not None and (_answers(known) or (before and time.monotonic() > ends)):
            return known
        if time.monotonic() > ends:
            return None
        time.sleep(0.1)


def _answers(store: Address) -> bool:
    try:
        socket.create_connection(("127.0.0.1", store.port), timeout=0.5).close()
    except OSError:
        return False
    return True
