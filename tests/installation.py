"""An installation of its own in a temporary folder, used as its operator does: commands, processes, the database.

The commands are real processes. The database is only looked at, with sqlite3, so that looking changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.sync.shops import KEY
from xtnd.connectors.woocommerce.mapper import DRAFTS
from xtnd.ops.demo.store import Store

ROOT = Path(__file__).resolve().parent.parent
Program = subprocess.Popen[str]


class Installation:
    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = {"XTND_DATA_DIR": str(folder), "XTND_ALLOWED_PRIVATE_NETS": "127.0.0.0/8", **settings}
        self.said: list[str] = []
        """Everything the commands wrote, and what the programs' logs say."""
        self._programs: list[Program] = []

    # -- commands and programs

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Ours and nothing of the developer's. A setting set to "" is left out."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("XTND_") and name not in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "PORT")
        }
        wanted = {**inherited, "PYTHONWARNINGS": "ignore", **self.settings, **(more or {})}
        return {name: value for name, value in wanted.items() if value != ""}

    def run(
        self, *arguments: str, settings: Mapping[str, str] | None = None, stdin: str = "", timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "xtnd", *arguments],
            cwd=ROOT,
            env=self.environment(settings),
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        self.said += [done.stdout, done.stderr]
        return done

    def must(self, *arguments: str, settings: Mapping[str, str] | None = None, timeout: float = 120) -> str:
        """The output of a command that has to succeed."""
        done = self.run(*arguments, settings=settings, timeout=timeout)
        assert done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def json(self, *arguments: str, settings: Mapping[str, str] | None = None) -> Any:
        """What a command says with --json, whatever its exit code."""
        done = self.run(*arguments, "--json", settings=settings)
        return json.loads(done.stdout)

    def start(self, *arguments: str, settings: Mapping[str, str] | None = None) -> Program:
        """A program that stays. Its words are kept in `<name>.log`; `end` ends whatever is left."""
        with (self.folder / f"{arguments[0]}.log").open("a", encoding="utf-8") as log:
            program = subprocess.Popen(
                [sys.executable, "-m", "xtnd", *arguments],
                cwd=ROOT,
                env=self.environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
            )
        self._programs.append(program)
        return program

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def end(self) -> None:
        for program in self._programs:
            if program.poll() is None:
                program.send_signal(signal.SIGCONT)
                family = descendants(program.pid)
                program.kill()
                program.wait()
                for pid in family:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        self.said += [file.read_text(encoding="utf-8") for file in self.folder.glob("*.log")]

    # -- the database, looked at

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """[] while there is no database or no table yet."""
        file = self.folder / "xtnd.sqlite3"
        if not file.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as database:
            try:
                return database.execute(sql, values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def change(self, sql: str, *values: Any) -> None:
        """Break something, or move a clock."""
        with contextlib.closing(sqlite3.connect(self.folder / "xtnd.sqlite3", timeout=30)) as database:
            database.execute(sql, values)
            database.commit()

    def one(self, sql: str, *values: Any) -> Any:
        rows = self.query(sql, *values)
        return rows[0][0] if rows else None

    # -- what everybody needs

    def connect(self, url: str, *, name: str = "Shop") -> None:
        self.must(
            "connect", "woocommerce", "--url", url, "--name", name, "--warehouse", "MAIN",
            settings=SECRETS,
        )  # fmt: skip

    def documents(self, entity: str, *options: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.must("export", entity, *options).splitlines()]

    def sound(self) -> bool:
        """`xtnd doctor` finds nothing."""
        done = self.run("doctor")
        assert done.returncode == 0, done.stdout + done.stderr
        return True


SECRETS = {"XTND_ACCESS_TOKEN": KEY.consumer_key, "XTND_SECRET": KEY.consumer_secret}


@contextlib.contextmanager
def installation(folder: Path, **settings: str) -> Iterator[Installation]:
    home = Installation(folder, **settings)
    try:
        yield home
    finally:
        home.end()


def wait_until(true: Callable[[], Any], *, seconds: float = 30, why: str = "", every: float = 0.05) -> Any:
    """The first true answer. Polls: a test never sleeps for the worst case."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if answer := true():
            return answer
        time.sleep(every)
    raise AssertionError(f"not within {seconds:g} s: {why}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def parent_of(pid: int) -> int | None:
    """None when there is no such process, or only its remains."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, parent = stat.rpartition(")")[2].split()[:2]
    return None if state in "ZX" else int(parent)


def alive(pid: int) -> bool:
    return parent_of(pid) is not None


def descendants(pid: int) -> list[int]:
    """Every process below this one (Linux)."""
    parents = {int(found.name): parent_of(int(found.name)) for found in Path("/proc").iterdir() if found.name.isdigit()}
    below: list[int] = []
    wanted = {pid}
    while wanted:
        wanted = {child for child, parent in parents.items() if parent in wanted}
        below += sorted(wanted)
    return below


# ------------------------------------------------------------------ what is here, held against the store


def export_differences(store: Store, documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where exported orders differ from the store's own, field by field; also what is missing, double or too many."""
    with store.lock:
        theirs = {str(raw["id"]): raw for raw in store.orders.values() if raw["status"] not in ("trash", *DRAFTS)}
    ours: dict[str, Mapping[str, Any]] = {}
    found: list[str] = []
    for document in documents:
        if document["external_id"] in ours:
            found.append(f"twice {document['external_id']}")
        ours[document["external_id"]] = document
    found += [f"missing {external_id}" for external_id in theirs.keys() - ours.keys()]
    found += [f"too many {external_id}" for external_id in ours.keys() - theirs.keys()]
    for external_id in theirs.keys() & ours.keys():
        expected = expected_order(theirs[external_id])
        said = {key: ours[external_id].get(key) for key in expected}
        said["lines"] = [{key: line.get(key) for key in _LINE} for line in ours[external_id]["lines"]]
        said["refunds"] = [{key: refund.get(key) for key in _REFUND} for refund in ours[external_id]["refunds"]]
        found += [
            f"{external_id} {key}: theirs {expected[key]!r}, ours {said[key]!r}"
            for key in expected
            if expected[key] != said[key]
        ]
    return found


_LINE = ("sku", "name", "quantity", "total", "tax")
_REFUND = ("external_id", "amount")


def expected_order(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What the export should say of this order, from the store's own words alone."""
    refunded = -sum((Decimal(refund["total"]) for refund in raw["refunds"]), Decimal(0))
    return {
        "number": raw["number"],
        "status": raw["status"],
        "currency": raw["currency"],
        "total": _money(raw["total"]),
        "total_tax": _money(raw["total_tax"]),
        "shipping_total": _money(raw["shipping_total"]),
        "discount_total": _money(raw["discount_total"]),
        "refunded_total": _money(refunded),
        "placed_at": _moment(raw["date_created_gmt"]),
        "modified_at": _moment(raw["date_modified_gmt"]),
        "customer_email": raw["billing"]["email"],
        "lines": [
            {
                "sku": line["sku"] or "",
                "name": line["name"],
                "quantity": str(line["quantity"]),
                "total": _money(line["total"]),
                "tax": _money(line["total_tax"]),
            }
            for line in raw["line_items"]
        ],
        "refunds": [
            {"external_id": str(refund["id"]), "amount": _money(-Decimal(refund["total"]))}
            for refund in sorted(raw["refunds"], key=lambda refund: int(refund["id"]))
        ],
    }


def _money(amount: str | Decimal) -> str:
    # The simulator's shops sell in kronor and euro: two decimals.
    return str(Decimal(amount).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP"))


def _moment(text: str | None) -> str | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if text else None
