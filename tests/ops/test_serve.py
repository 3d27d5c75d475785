"""`xtnd serve` from the operator's chair: starts, refuses, restarts what dies, stops, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import (
    Installation,
    Program,
    alive,
    descendants,
    export_differences,
    free_port,
    installation,
    wait_until,
)
from tests.sync.shops import shop
from xtnd.ops.demo import faults


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Installation]:
    folder = tmp_path / "data"
    folder.mkdir()
    with installation(folder, PORT=str(free_port()), XTND_RUN_LOST_AFTER="2") as home:
        yield home


def status(home: Installation, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{home.settings['PORT']}{path}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def serving(home: Installation) -> Program:
    program = home.start("serve")
    wait_until(
        lambda: program.poll() is not None or "is ready" in home.log("serve"), seconds=60, why="it says it is ready"
    )
    assert program.poll() is None, home.log("serve")
    return program


def child(program: Program, name: str) -> int:
    """The process of that name directly below."""
    for pid in descendants(program.pid):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if name.encode() in words:
            return pid
    return 0


def gone(*pids: int, seconds: float = 15) -> bool:
    return bool(wait_until(lambda: not any(map(alive, pids)), seconds=seconds, why=f"{pids} end"))


# ------------------------------------------------------------------ its life


def test_the_life_of_a_server(home: Installation) -> None:
    program = serving(home)
    assert status(home, "/health/live") == 200
    assert status(home, "/health/ready") == 200

    # alone on its data
    second = home.run("serve", settings={"PORT": str(free_port())})
    one_line(second.returncode, second.stderr, "another XTND program (serve, process", str(home.folder))
    assert home.run("worker").returncode == 2
    assert home.run("runs").returncode == 0, "reading is allowed"

    # only its owner reads what it writes
    public = {home.folder / "serve.log", *(home.folder / "static").rglob("*")}  # the test's own, and everybody's
    for file in {*home.folder.rglob("*")} - public:
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file

    # what dies is started again
    for name in ("worker", "web"):
        killed = child(program, name)
        below = descendants(killed)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda name=name, killed=killed: child(program, name) not in (0, killed), why=f"{name} is back")
        assert gone(*below), "what was below it ends too"
    wait_until(lambda: status(home, "/health/ready") == 200, why="the pages are back")
    assert "starting it again" in home.log("serve")

    # Ctrl-C
    family = descendants(program.pid)
    assert len(family) >= 3
    began = time.monotonic()
    program.send_signal(signal.SIGINT)
    assert program.wait(30) == 0
    assert time.monotonic() - began < 10
    assert gone(*family, seconds=2)
    assert "Traceback" not in home.log("serve")


def test_a_killed_server_takes_its_children_along_and_the_next_one_goes_on(home: Installation) -> None:
    """kill -9 of everything's parent in the middle of an import. The next start finishes it; nobody mends anything."""
    with shop(orders=600, products=10) as (store, server):
        home.connect(server.url)
        server.faults = faults.always(faults.slow(0.7))
        home.must("sync", "Shop", "orders")
        program = serving(home)
        wait_until(lambda: home.one("SELECT pages FROM sync_run") or 0, why="pages come in")
        family = descendants(program.pid)
        program.kill()
        program.wait()
        assert gone(*family)
        assert home.one("SELECT count(*) FROM orders_order") < 600
        server.faults = faults.Faults()
        program = serving(home)
        wait_until(
            lambda: home.one("SELECT count(*) FROM sync_run WHERE state = 'succeeded'"), why="the import is finished"
        )
        program.terminate()
        assert program.wait(30) == 0
        assert export_differences(store, home.documents("orders")) == []
        assert home.sound()


def test_stopping_does_not_wait_for_a_slow_store(home: Installation) -> None:
    with shop(orders=300, products=10) as (_store, server):
        home.connect(server.url)
        home.must("sync", "Shop", "orders")
        server.faults = faults.always(faults.slow(60))
        program = serving(home)
        wait_until(lambda: home.one("SELECT state FROM sync_run") == "running", why="it asks the store")
        family = descendants(program.pid)
        began = time.monotonic()
        program.send_signal(signal.SIGINT)
        assert program.wait(40) == 0
        assert time.monotonic() - began < 10
        assert gone(*family, seconds=2)
        assert "did not stop in time" not in home.log("serve")
        assert home.one("SELECT state FROM sync_run") == "waiting"


# ------------------------------------------------------------------ a start that is refused


def one_line(returncode: int, stderr: str, *words: str) -> None:
    assert returncode == 2, stderr
    assert stderr.startswith("xtnd: "), stderr
    assert stderr.count("\n") == 1, stderr
    for word in words:
        assert word in stderr


def test_a_taken_port(home: Installation) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = home.run("serve", settings={"PORT": port})
    one_line(done.returncode, done.stderr, "PORT", port)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PORT": "eighty"}, ("PORT", "'eighty'")),
        ({"PORT": "0"}, ("PORT", "1 to 65535")),
        ({"XTND_WORKER_RUNS": "1000"}, ("XTND_WORKER_RUNS", "1 to 64")),
        ({"XTND_LOG_LEVEL": "LOUD"}, ("XTND_LOG_LEVEL", "DEBUG")),
        ({"XTND_DEBUG": "maybe"}, ("XTND_DEBUG",)),
        ({"XTND_PUBLIC_URL": "xtnd.example.com"}, ("XTND_PUBLIC_URL", "https://")),
        ({"XTND_PUBLIC_URL": "https://[::1"}, ("XTND_PUBLIC_URL",)),
        ({"XTND_WORKER_RUN": "2"}, ("XTND_WORKER_RUN", "did you mean XTND_WORKER_RUNS?")),
        ({"XTND_SECRET_KEY": "x" * 40, "XTND_SECRET_KEY_FILE": "/a"}, ("XTND_SECRET_KEY", "both")),
        ({"XTND_SECRET_KEY_FILE": "/not/there"}, ("XTND_SECRET_KEY_FILE", "/not/there")),
        ({"XTND_SECRET_KEY": "short"}, ("XTND_SECRET_KEY", "32")),
        ({"XTND_CREDENTIAL_KEYS": "not-a-key"}, ("XTND_CREDENTIAL_KEYS",)),
        ({"DATABASE_URL": "mysql://root@localhost/xtnd"}, ("DATABASE_URL", "mysql")),
        ({"DATABASE_URL": "sqlite:///"}, ("DATABASE_URL", "sqlite")),
        ({"DATABASE_URL": "sqlite:////not/there/x.db"}, ("DATABASE_URL",)),
        ({"DATABASE_URL": "postgresql://u:hemlig/t@localhost/x"}, ("DATABASE_URL",)),
        ({"DATABASE_URL": "postgresql://[::1"}, ("DATABASE_URL",)),
        ({"DATABASE_URL": "postgresql://u:hemlig@127.0.0.1:1/x"}, ("DATABASE_URL", "does not answer")),
        ({"XTND_ALLOWED_PRIVATE_NETS": "10.0.0.0/40"}, ("XTND_ALLOWED_PRIVATE_NETS", "10.0.0.0/40")),
        ({"XTND_CA_BUNDLE": "/not/there.pem"}, ("XTND_CA_BUNDLE", "/not/there.pem")),
        ({"XTND_BIND": "not.an.address.invalid"}, ("not.an.address.invalid",)),
        ({"XTND_DATA_DIR": "/proc/nowhere"}, ("XTND_DATA_DIR", "/proc/nowhere")),
    ],
)
def test_a_wrong_setting_stops_the_start(home: Installation, settings: dict[str, str], words: tuple[str, ...]) -> None:
    done = home.run("serve", settings=settings, timeout=40)
    one_line(done.returncode, done.stderr, *words)
    assert "hemlig" not in done.stderr


@pytest.mark.parametrize("name", ["secret.key", "credentials.key"])
def test_an_empty_key_file_is_not_replaced(home: Installation, name: str) -> None:
    """A new key would make every stored credential unreadable without a word."""
    (home.folder / name).touch()
    done = home.run("serve")
    one_line(done.returncode, done.stderr, name, "empty")
    assert (home.folder / name).read_text(encoding="ascii") == ""


def test_two_starts_at_once_on_an_empty_folder(home: Installation) -> None:
    """Both find a database without tables. One makes them, the other waits."""
    workers = [home.start("worker"), home.start("worker")]
    wait_until(
        lambda: home.log("worker").count("worker at work") == 2 or any(one.poll() is not None for one in workers),
        why="both are at work",
    )
    assert [one.poll() for one in workers] == [None, None], home.log("worker")
    for one in workers:
        one.terminate()
    assert [one.wait(30) for one in workers] == [0, 0]
