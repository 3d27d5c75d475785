"""`xtnd`: every command, its options, and what its exit code means.

0 done (verify: green; sync: everything taken) · 1 the work did not succeed · 2 wrong usage or setting ·
3 done, but some records could not be taken · 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from xtnd.core.errors import ConfigurationError
from xtnd.ops.say import end_at_once, err

ENTITIES = ("orders", "products", "customers", "stock")


def main(argv: Sequence[str] | None = None) -> int:
    os.umask(0o077)  # whatever we write, orders and keys, is ours alone
    arguments = _parser().parse_args(argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xtnd.settings")
    try:
        import django

        django.setup()
        command: Callable[[argparse.Namespace], int] = getattr(import_module(arguments.module), arguments.function)
        return command(arguments)
    except ConfigurationError as error:
        err(f"xtnd: {error}")
        return 2
    except BrokenPipeError:
        # The reader of our output had enough (`| head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        end_at_once(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="xtnd", description="XTND Backend", epilog=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_servers(commands)
    _add_main_job(commands)
    _add_reading(commands)
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, target: str, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    module, function = target.split(":")
    command.set_defaults(module=f"xtnd.ops.{module}", function=function)
    return command


def _add_servers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _command(commands, "serve", "serve:serve", "web, worker and schedules in one: what `make run` starts")
    web = _command(commands, "web", "serve:web", "the pages alone")
    worker = _command(commands, "worker", "serve:work", "a worker alone; start as many as you need on PostgreSQL")
    for command in (web, worker):
        command.add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)
    demo = _command(commands, "demo-store", "demo_process:main", "the demo store alone, until stopped")
    demo.add_argument("--port", type=int, default=0)
    password = _command(commands, "password", "accounts:set_password", "set a user's password")
    password.add_argument("email")


def _add_credentials(command: argparse.ArgumentParser) -> None:
    command.add_argument("system", help="the external system, e.g. woocommerce")
    command.add_argument("--url", required=True, help="address of the store")
    command.add_argument("--access-token", help="or XTND_ACCESS_TOKEN, XTND_ACCESS_TOKEN_FILE, or asked for")
    command.add_argument("--secret", help="or XTND_SECRET, XTND_SECRET_FILE, or asked for")
    command.add_argument("--order-start", metavar="YYYY-MM-DD", help="orders before this day are not fetched")
    command.add_argument("--json", action="store_true")


def _add_main_job(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verify = _command(commands, "verify", "main_job:verify", "check a store and say what is wrong; changes nothing")
    _add_credentials(verify)
    connect = _command(commands, "connect", "main_job:connect", "verify a store and save the connection when green")
    _add_credentials(connect)
    connect.add_argument("--name", required=True)
    connect.add_argument("--warehouse", metavar="CODE")
    connect.add_argument("--company-group", metavar="NAME")
    schedule = _command(commands, "schedule", "main_job:schedule", "when an entity of a connection is synchronised")
    schedule.add_argument("name")
    schedule.add_argument("entity", choices=ENTITIES)
    rhythm = schedule.add_mutually_exclusive_group(required=True)
    rhythm.add_argument("--every", metavar="15m|1h")
    rhythm.add_argument("--daily", metavar="HH:MM", help="in the company's time zone")
    rhythm.add_argument("--cron", metavar="'0 6 * * 1-5'", help="in the company's time zone")
    rhythm.add_argument("--off", action="store_true")
    schedule.add_argument("--json", action="store_true")
    sync = _command(commands, "sync", "main_job:sync", "synchronise now")
    sync.add_argument("name")
    sync.add_argument("entity", choices=(*ENTITIES, "all"))
    sync.add_argument("--wait", action="store_true", help="until it is done; works without a running server too")
    sync.add_argument("--json", action="store_true")


def _add_reading(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = _command(commands, "export", "export:export", "write what is here, to stdout or a file")
    export.add_argument("entity", choices=ENTITIES)
    export.add_argument("--connection", metavar="NAME")
    export.add_argument("--format", choices=("ndjson", "csv"), default="ndjson")
    export.add_argument("--output", metavar="FILE")
    runs = _command(commands, "runs", "listing:runs", "the latest runs")
    issues = _command(commands, "issues", "listing:issues", "records that could not be taken")
    for command in (runs, issues):
        command.add_argument("--connection", metavar="NAME")
        command.add_argument("--limit", type=int, default=20)
        command.add_argument("--json", action="store_true")
    doctor = _command(commands, "doctor", "doctor:doctor", "check the installation and every invariant of the data")
    doctor.add_argument("--json", action="store_true")


if __name__ == "__main__":
    sys.exit(main())
