"""Reading settings from the environment, each from `NAME` or from the file that `NAME_FILE` names."""

from __future__ import annotations

import base64
import difflib
import ipaddress
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from xtnd.core.errors import ConfigurationError

_READ_ELSEWHERE = ("XTND_ACCESS_TOKEN", "XTND_SECRET")
"""Credentials for one command (`xtnd connect`), read by it alone."""
_PREFIXES_READ_ELSEWHERE = ("XTND_LIVE_", "XTND_TEST_")
_HINTED = "see README.md, Settings"


class Environment:
    """One reader per start. Every method raises `ConfigurationError` with the setting's name in it."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._known: set[str] = set()

    def text(self, name: str, *, default: str = "") -> str:
        self._known.update((name, f"{name}_FILE"))
        direct, file = self._variables.get(name), self._variables.get(f"{name}_FILE")
        if direct and file:
            raise ConfigurationError(f"{name} and {name}_FILE are both set: keep one of them")
        if file:
            try:
                return Path(file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationError(f"{name}_FILE: cannot read {file} ({_reason(error)})") from error
        return (direct or "").strip() or default

    def flag(self, name: str, *, default: bool) -> bool:
        said = self.text(name).lower()
        if said in ("", "1", "true", "yes", "on", "0", "false", "no", "off"):
            return default if not said else said in ("1", "true", "yes", "on")
        raise ConfigurationError(f"{name} must be 1 or 0, not {said!r}")

    def number(self, name: str, *, default: int, least: int, most: int) -> int:
        said = self.text(name)
        if not said:
            return default
        try:
            number = int(said)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise ConfigurationError(f"{name} must be a whole number from {least} to {most}, not {said!r}")
        return number

    def choice(self, name: str, allowed: tuple[str, ...], *, default: str) -> str:
        said = self.text(name, default=default).upper()
        if said not in allowed:
            raise ConfigurationError(f"{name} must be one of {', '.join(allowed)}, not {said!r}")
        return said

    def url(self, name: str, *, default: str) -> str:
        said = self.text(name, default=default).rstrip("/")
        try:
            parts = urlsplit(said)
            right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            right = right and not (parts.path or parts.query or parts.fragment or parts.username)
        except ValueError:
            right = False
        if said and not right:
            raise ConfigurationError(f"{name} must look like https://xtnd.example.com, not {said!r}")
        return said

    def hosts(self, name: str, *, public_url: str, bind: str) -> list[str]:
        hosts = [host.strip() for host in self.text(name).split(",") if host.strip()]
        own = urlsplit(public_url).hostname
        local = ["127.0.0.1", "localhost", "[::1]"]
        if bind not in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            local.append(bind)
        return [*dict.fromkeys([*hosts, *([own] if own else []), *local])]

    def networks(self, name: str) -> list[str]:
        nets = [net.strip() for net in self.text(name).split(",") if net.strip()]
        for net in nets:
            try:
                ipaddress.ip_network(net, strict=False)
            except ValueError as error:
                raise ConfigurationError(f"{name}: {net!r} is not a network such as 192.168.1.0/24") from error
        return nets

    def file(self, name: str) -> str | None:
        said = self.text(name)
        if said and not Path(said).is_file():
            raise ConfigurationError(f"{name}: there is no file {said}")
        return said or None

    def folder(self, name: str, *, default: Path) -> Path:
        """Made when missing, readable by the owner alone."""
        folder = Path(self.text(name) or default).expanduser().absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigurationError(f"{name}: cannot use {folder} ({_reason(error)})") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise ConfigurationError(f"{name}: may not write in {folder}")
        return folder

    def default_data_dir(self) -> Path:
        base = self._variables.get("XDG_DATA_HOME") or "~/.local/share"
        return Path(base).expanduser() / "xtnd"

    def key(self, name: str, *, stored_in: Path) -> str:
        """From the environment, else from its file in the data directory, made at the first start."""
        said = self.text(name)
        if said and len(said) < 32:
            raise ConfigurationError(f"{name} must have at least 32 characters")
        return said or _stored(name, stored_in, lambda: secrets.token_urlsafe(48))

    def fernet_keys(self, name: str, *, stored_in: Path) -> list[str]:
        said = self.text(name) or _stored(
            name, stored_in, lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        )
        keys = [key.strip() for key in said.replace("\n", ",").split(",") if key.strip()]
        for key in keys:
            try:
                valid = len(base64.urlsafe_b64decode(key)) == 32
            except ValueError:
                valid = False
            if not valid:
                raise ConfigurationError(f"{name}: a key must be 32 random bytes, base64url-encoded ({_HINTED})")
        if not keys:
            raise ConfigurationError(f"{name}: no key in {stored_in}")
        return keys

    def database(self, name: str, *, default_file: Path) -> dict[str, Any]:
        """Django's dictionary. sqlite:///path or postgresql://user:password@host:port/name?sslmode=…"""
        said = self.text(name)
        if not said:
            return _sqlite(default_file)
        try:
            parts = urlsplit(said)
            port = parts.port
        except ValueError as error:  # whose text may hold a piece of the password
            raise ConfigurationError(
                f"{name} is not a valid address such as postgresql://user:password@host:5432/name; signs such as"
                " / and @ in a password are written %2F and %40"
            ) from error
        if parts.scheme == "sqlite":
            if not parts.path.strip("/"):
                raise ConfigurationError(f"{name}: a SQLite address needs a file, e.g. sqlite:////var/lib/xtnd/x.db")
            return _sqlite(Path(unquote(parts.path[1:])))
        if parts.scheme in ("postgres", "postgresql"):
            if not parts.path.strip("/"):
                raise ConfigurationError(f"{name} names no database: postgresql://user:password@host:5432/name")
            return _postgres(parts.hostname, port, parts.username, parts.password, parts.path, parts.query)
        raise ConfigurationError(
            f"{name} must begin with sqlite:// or postgresql://, not {parts.scheme or 'nothing'!r}"
        )

    def refuse_unknown(self) -> None:
        """A misspelt setting would be obeyed silently by nobody."""
        for name in self._variables:
            if not name.startswith("XTND_") or name in self._known:
                continue
            if name.removesuffix("_FILE") in _READ_ELSEWHERE or name.startswith(_PREFIXES_READ_ELSEWHERE):
                continue
            near = difflib.get_close_matches(name, sorted(self._known), 1)
            meant = f": did you mean {near[0]}?" if near else f" ({_HINTED})"
            raise ConfigurationError(f"there is no setting {name}{meant}")


def _stored(name: str, file: Path, make: Any) -> str:
    try:
        if not file.exists():
            try:
                handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            except FileExistsError:  # another process of ours was first
                pass
            else:
                with os.fdopen(handle, "w", encoding="ascii") as new:
                    new.write(f"{make()}\n")
        said = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name}: cannot use {file} ({_reason(error)})") from error
    if not said:
        raise ConfigurationError(f"{name}: {file} is empty; restore it from your backup of the keys")
    return str(said)


def _reason(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__


def _sqlite(file: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(file),
        "OPTIONS": {
            # A transaction takes the writer's lock when it begins, not in its middle, where waiting cannot help.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=30000;"
                " PRAGMA cache_size=-32000; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=67108864;"
            ),
        },
    }


def _postgres(
    host: str | None, port: int | None, user: str | None, password: str | None, path: str, query: str
) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(path.lstrip("/")),
        "USER": unquote(user or ""),
        "PASSWORD": unquote(password or ""),
        "HOST": unquote(host or ""),
        "PORT": str(port or ""),
        "OPTIONS": dict(parse_qsl(query)),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
