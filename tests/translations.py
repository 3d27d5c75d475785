"""`python -m tests.translations`: Swedish is complete. Fails on a missing, fuzzy, stale or mismatched text.

Needs xgettext (apt install gettext), which finds the texts in the code.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
SWEDISH = Path("xtnd/locale/sv/LC_MESSAGES/django.po")
PLACEHOLDER = re.compile(r"\{\w*\}|%\(\w+\)[sd]|%[sd%]")


def main() -> int:
    if shutil.which("xgettext") is None:
        print("translations: skipped, xgettext is not installed (apt install gettext)")
        return 0
    wanted, written = _found_in_the_code(), _read(ROOT / SWEDISH)
    problems = [*_hidden(), *_missing(wanted, written), *_wrong(wanted, written)]
    for problem in problems:
        print(f"translations: {problem}")
    print(f"translations: {len(list(wanted))} texts, {len(problems)} problems")
    return 1 if problems else 0


def _found_in_the_code() -> Catalog:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "xtnd", copy / "xtnd", ignore=shutil.ignore_patterns("static", "__pycache__", "*.mo"))
        (copy / SWEDISH).unlink(missing_ok=True)
        environment = os.environ | {"XTND_DATA_DIR": str(copy / "data"), "DJANGO_SETTINGS_MODULE": "xtnd.settings"}
        subprocess.run(
            [sys.executable, "-m", "django", "makemessages", "-l", "sv", "--no-location", "--no-wrap"],
            cwd=copy, env=environment, check=True, capture_output=True,
        )  # fmt: skip
        return _read(copy / SWEDISH)


def _read(file: Path) -> Catalog:
    with file.open("rb") as text:
        return read_po(text, locale="sv")


def _hidden() -> list[str]:
    """xgettext knows gettext's own names and `_`: under another name a text is never found."""
    alias = re.compile(r"import .*\b\w*gettext\w* as (?!_$)(\w+)")
    return [
        f"{file.relative_to(ROOT)}: texts marked with {found[1]}() are not found by xgettext"
        for file in sorted((ROOT / "xtnd").rglob("*.py"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if (found := alias.search(line))
    ]


def _missing(wanted: Catalog, written: Catalog) -> list[str]:
    ours = {(message.context, message.id) for message in written if message.id}
    theirs = {(message.context, message.id) for message in wanted if message.id}
    missing = [f"not translated: {identity!r}" for _context, identity in sorted(theirs - ours, key=str)]
    return missing + [f"no longer used: {identity!r}" for _context, identity in sorted(ours - theirs, key=str)]


def _wrong(wanted: Catalog, written: Catalog) -> list[str]:
    problems = []
    for message in written:
        if not message.id:
            continue
        if message.fuzzy:
            problems.append(f"fuzzy: {message.id!r}")
        for said in _said(message):
            if not said:
                problems.append(f"empty: {message.id!r}")
            elif not _placeholders(said) <= _placeholders(*_identities(message)):
                problems.append(f"placeholders differ: {message.id!r}")
        if isinstance(message.id, str) and _placeholders(*_said(message)) != _placeholders(message.id):
            problems.append(f"placeholders differ: {message.id!r}")
    return problems


def _said(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def _identities(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def _placeholders(*texts: str) -> set[str]:
    return {found for text in texts for found in PLACEHOLDER.findall(text)}


if __name__ == "__main__":
    sys.exit(main())
