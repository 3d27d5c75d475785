"""Settings come from the environment or a file it names; a wrong one is refused by its name."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xtnd.core.environment import Environment
from xtnd.core.errors import ConfigurationError

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
OTHER = base64.urlsafe_b64encode(b"o" * 32).decode()


def env(**variables: str) -> Environment:
    return Environment(variables)


def test_text_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text("from the file\n", encoding="utf-8")
    assert env().text("XTND_X", default="d") == "d"
    assert env(XTND_X=" said ").text("XTND_X") == "said"
    assert env(XTND_X="  ").text("XTND_X", default="d") == "d"
    assert env(XTND_X_FILE=str(file)).text("XTND_X") == "from the file"


def test_flags_numbers_choices() -> None:
    assert [env(F=said).flag("F", default=False) for said in ("1", "TRUE", "yes", "on")] == [True] * 4
    assert [env(F=said).flag("F", default=True) for said in ("0", "false", "No", "off")] == [False] * 4
    assert env().flag("F", default=True) is True
    assert env(N="64").number("N", default=4, least=1, most=64) == 64
    assert env().number("N", default=4, least=1, most=64) == 4
    assert env(C="debug").choice("C", ("DEBUG", "INFO"), default="INFO") == "DEBUG"


def test_addresses_and_networks() -> None:
    assert env(U="https://xtnd.example.com/").url("U", default="") == "https://xtnd.example.com"
    assert env(U="http://[::1]:8000").url("U", default="") == "http://[::1]:8000"
    assert env().url("U", default="") == ""
    assert env(N="10.0.0.0/8, 192.168.1.7").networks("N") == ["10.0.0.0/8", "192.168.1.7"]
    hosts = env(H="shop.example, a.example").hosts("H", public_url="https://p.example:8443", bind="192.168.1.5")
    assert hosts == ["shop.example", "a.example", "p.example", "127.0.0.1", "localhost", "[::1]", "192.168.1.5"]
    assert "*" not in env().hosts("H", public_url="", bind="0.0.0.0")


def _number(e: Environment) -> Any:
    return e.number("X", default=1, least=1, most=9)


def _url(e: Environment) -> Any:
    return e.url("X", default="")


def _keys(e: Environment) -> Any:
    return e.fernet_keys("X", stored_in=Path("/not/there"))


def _database(e: Environment) -> Any:
    return e.database("X", default_file=Path("/not/there"))


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (_number, "ten"),
        (_number, "0"),
        (_number, "10"),
        (_number, "1.5"),
        (lambda e: e.flag("X", default=False), "maybe"),
        (lambda e: e.choice("X", ("A", "B"), default="A"), "C"),
        (_url, "xtnd.example.com"),
        (_url, "ftp://xtnd.example.com"),
        (_url, "https://"),
        (_url, "https://xtnd.example.com/butik"),
        (_url, "https://xtnd.example.com?x=1"),
        (_url, "https://user:pass@xtnd.example.com"),
        (_url, "https://[::1"),
        (_url, "https://xtnd.example.com:port"),
        (lambda e: e.networks("X"), "10.0.0.0/8,nonsense"),
        (lambda e: e.file("X"), "/not/there.pem"),
        (lambda e: e.folder("X", default=Path("/")), "/proc/not/possible"),
        (lambda e: e.key("X", stored_in=Path("/not/there")), "short"),
        (_keys, "not a key"),
        (_keys, "å" * 44),
        (_keys, f"{KEY},{KEY[:-8]}"),
        (_keys, " , "),
        (_database, "mysql://localhost/x"),
        (_database, "xtnd.sqlite3"),
        (_database, "sqlite://"),
        (_database, "postgresql://localhost:5432"),
        (_database, "postgresql://localhost:port/x"),
        (_database, "postgresql://[::1/x"),
    ],
)
def test_a_wrong_one_is_named(read: Callable[[Environment], Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^X") as refused:
        read(env(X=said))
    assert "\n" not in str(refused.value)


def test_set_twice_or_unreadable(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="X and X_FILE are both set"):
        env(X="1", X_FILE="/a").text("X")
    with pytest.raises(ConfigurationError, match="X_FILE: cannot read /not/there"):
        env(X_FILE="/not/there").text("X")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="X_FILE: cannot read"):
        env(X_FILE=str(binary)).text("X")


def test_an_unknown_setting_is_refused_with_what_was_meant() -> None:
    reader = env(XTND_WORKER_RUN="1", PATH="/bin")
    reader.number("XTND_WORKER_RUNS", default=4, least=1, most=64)
    with pytest.raises(ConfigurationError, match=r"no setting XTND_WORKER_RUN: did you mean XTND_WORKER_RUNS\?"):
        reader.refuse_unknown()
    with pytest.raises(ConfigurationError, match="no setting XTND_QUITE_ELSE"):
        env(XTND_QUITE_ELSE="1").refuse_unknown()
    env(XTND_SECRET="s", XTND_ACCESS_TOKEN_FILE="/f", XTND_LIVE_WOO="1", XTND_TEST_LONG="1").refuse_unknown()


def test_the_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = env(X=str(tmp_path / "a" / "b")).folder("X", default=tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert env(XDG_DATA_HOME="/data").default_data_dir() == Path("/data/xtnd")


def test_keys_are_made_once_and_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    made = env().key("XTND_SECRET_KEY", stored_in=file)
    assert len(made) >= 50
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert env().key("XTND_SECRET_KEY", stored_in=file) == made
    assert env(XTND_SECRET_KEY="s" * 32).key("XTND_SECRET_KEY", stored_in=file) == "s" * 32
    for content in (b"", b" \n"):
        file.write_bytes(content)
        with pytest.raises(ConfigurationError, match="is empty"):
            env().key("XTND_SECRET_KEY", stored_in=file)
        assert file.read_bytes() == content


def test_credential_keys(tmp_path: Path) -> None:
    file = tmp_path / "credentials.key"
    (made,) = env().fernet_keys("K", stored_in=file)
    assert len(base64.urlsafe_b64decode(made)) == 32
    assert env().fernet_keys("K", stored_in=file) == [made]
    assert env(K=f"{KEY}, {OTHER}").fernet_keys("K", stored_in=file) == [KEY, OTHER]
    file.write_text(f"{OTHER}\n{made}\n", encoding="ascii")  # rotated: the newest first
    assert env().fernet_keys("K", stored_in=file) == [OTHER, made]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_key_file_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    file.write_text("x" * 40, encoding="ascii")
    file.chmod(0)
    with pytest.raises(ConfigurationError, match="cannot use"):
        env().key("XTND_SECRET_KEY", stored_in=file)


def test_database_addresses() -> None:
    default = Path("/data/xtnd.sqlite3")
    assert env().database("D", default_file=default)["NAME"] == "/data/xtnd.sqlite3"
    assert env(D="sqlite:////var/lib/x%20y.db").database("D", default_file=default)["NAME"] == "/var/lib/x y.db"
    found = env(D="postgresql://us%40er:p%2Fw%3A@db.example:5433/shop%20one?sslmode=require").database(
        "D", default_file=default
    )
    wanted = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop one",
        "USER": "us@er",
        "PASSWORD": "p/w:",
        "HOST": "db.example",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require"},
    }
    assert {key: found[key] for key in wanted} == wanted


@pytest.mark.parametrize("said", ["postgresql://u:hem/lig@h/x", "postgresql://u:hem[lig@h/x", "oracle://u:hemlig@h/x"])
def test_a_password_is_not_repeated(said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        env(D=said).database("D", default_file=Path("/x"))
    assert "hem" not in str(refused.value)
    assert "lig" not in str(refused.value)
