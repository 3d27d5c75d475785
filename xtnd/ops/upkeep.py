"""What must be true before anything starts: the database has this version's shape, texts and static files are built."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from xtnd.core.errors import ConfigurationError

log = logging.getLogger(__name__)


def bring_up_to_date() -> None:
    """Migrate when needed. Raises `ConfigurationError` with one line when the database cannot be used."""
    try:
        executor = MigrationExecutor(connection)
        unknown = set(executor.loader.applied_migrations) - set(executor.loader.graph.nodes)
        ours = {app for app, _name in executor.loader.graph.nodes}
        newer = sorted(f"{app}.{name}" for app, name in unknown if app in ours)
        if newer:
            raise ConfigurationError(f"the database was written by a newer version ({newer[0]}); install that version")
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            with _migrating():
                call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        raise ConfigurationError(f"DATABASE_URL: the database does not answer ({_first_line(error)})") from error


@contextlib.contextmanager
def _migrating() -> Iterator[None]:
    """One program at a time; the next one finds nothing left to do. The lock lies where all of them look."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATING])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATING])
        return
    descriptor = os.open(Path(settings.DATA_DIR) / "migrate.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


_MIGRATING = 7_839_204


def build_texts() -> None:
    """Compile translations that are newer than their compiled form. No gettext tools needed."""
    for locale in map(Path, settings.LOCALE_PATHS):
        for source in locale.glob("*/LC_MESSAGES/*.po"):
            compiled = source.with_suffix(".mo")
            if compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime:
                continue
            with source.open("rb") as text:
                catalog = read_po(text, locale=source.parts[-3])
            with compiled.open("wb") as binary:
                write_mo(binary, catalog)


def collect_static() -> None:
    """Gather static files when any of them changed since the last time."""
    stamp = Path(settings.DATA_DIR) / "static.stamp"
    now = _static_fingerprint()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == now and Path(settings.STATIC_ROOT).is_dir():
        return
    logging.getLogger("whitenoise").setLevel(logging.WARNING)
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(now, encoding="utf-8")


def _static_fingerprint() -> str:
    files = 0
    newest = 0.0
    for finder in finders.get_finders():
        for path, storage in finder.list([]):
            files += 1
            newest = max(newest, Path(storage.path(path)).stat().st_mtime)
    return f"{files} {newest}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
