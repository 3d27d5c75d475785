"""`xtnd doctor`: is the installation sound, and does every invariant of the data hold?"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection as database
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from xtnd.canonical.orders import LineKind
from xtnd.connections.models import Connection, Link, LinkKind
from xtnd.connections.services import Refused, unseal
from xtnd.core.money import ZERO
from xtnd.core.time import now
from xtnd.database.fields import AmountField
from xtnd.ops.say import as_json, out
from xtnd.ops.upkeep import bring_up_to_date
from xtnd.orders.models import Order, OrderLine, Refund
from xtnd.stock.models import StockLevel, StockMovement
from xtnd.sync.models import Run, RunState

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule, how many times it is broken, and the first few places."""

    rule: str
    broken: int
    examples: tuple[str, ...] = ()


def doctor(arguments: Namespace) -> int:
    """Exit code 0 only when every rule holds."""
    bring_up_to_date()
    findings = list(examine())
    sound = not any(finding.broken for finding in findings)
    if arguments.json:
        rules = [{"rule": f.rule, "broken": f.broken, "examples": list(f.examples)} for f in findings]
        as_json({"sound": sound, "rules": rules})
        return 0 if sound else 1
    for finding in findings:
        out(f"{'✓' if not finding.broken else '✗'} {finding.rule}" + (f": {finding.broken}" if finding.broken else ""))
        for example in finding.examples:
            out(f"    {example}")
    out("Everything holds." if sound else "Something is wrong: see the lines marked ✗.")
    return 0 if sound else 1


def examine() -> Iterator[Finding]:
    for rule in _RULES:
        yield rule()


# ------------------------------------------------------------------ the rules


def _database_is_whole() -> Finding:
    if database.vendor != "sqlite":
        return Finding("The database is whole", 0)
    with database.cursor() as cursor:
        cursor.execute("PRAGMA quick_check(5)")
        said = [str(row[0]) for row in cursor.fetchall()]
    wrong = [line for line in said if line != "ok"]
    return Finding("The database is whole", len(wrong), tuple(wrong))


def _credentials_open() -> Finding:
    wrong = []
    for connection in Connection.objects.all():
        try:
            unseal(bytes(connection.credentials))
        except Refused:
            wrong.append(connection.name)
    return Finding("The stored keys can be decrypted", len(wrong), tuple(wrong[:_EXAMPLES]))


def _keys_are_private() -> Finding:
    loose = [
        name
        for name in ("secret.key", "credentials.key")
        if (file := Path(settings.DATA_DIR) / name).exists() and file.stat().st_mode & 0o077
    ]
    return Finding("The key files can be read by their owner alone", len(loose), tuple(loose))


def _every_order_has_its_link() -> Finding:
    """Invariant 1: one order, one link, both ways."""
    links = Link.objects.filter(kind=LinkKind.ORDER, object_id=OuterRef("pk"), connection_id=OuterRef("connection_id"))
    orphans = Order.objects.filter(~Exists(links.filter(external_id=OuterRef("external_id"))))
    orders = Order.objects.filter(pk=OuterRef("object_id"), external_id=OuterRef("external_id"))
    dangling = Link.objects.filter(~Exists(orders), kind=LinkKind.ORDER)
    examples = [f"order {number}" for number in orphans.values_list("number", flat=True)[:_EXAMPLES]]
    examples += [f"link {external_id}" for external_id in dangling.values_list("external_id", flat=True)[:_EXAMPLES]]
    return Finding(
        "Every order has exactly one link to its store", orphans.count() + dangling.count(), tuple(examples[:_EXAMPLES])
    )


def _rows_add_up() -> Finding:
    """Lines with their VAT, and the rounding line, make the header's total: to the öre."""
    wrong = Order.objects.annotate(rows=_or_zero(Sum(F("lines__total") + F("lines__vat")))).exclude(rows=F("total"))
    return Finding("The rows of every order make its total", wrong.count(), _numbers(wrong))


def _or_zero(amount: Any) -> Coalesce:
    """Nothing sums up to zero, not to NULL, which would equal nothing and differ from nothing."""
    return Coalesce(amount, Value(ZERO, AmountField()), output_field=AmountField())


def _rounding_is_shown() -> Finding:
    shown = OrderLine.objects.filter(order=OuterRef("pk"), kind=LineKind.ROUNDING.value, total=OuterRef("rounding"))
    wrong = Order.objects.exclude(rounding=0).filter(~Exists(shown))
    return Finding("Every rounding has its own line", wrong.count(), _numbers(wrong))


def _refunds_add_up() -> Finding:
    sums = Refund.objects.filter(order=OuterRef("pk")).order_by().values("order").annotate(s=Sum("amount")).values("s")
    wrong = Order.objects.annotate(given=_or_zero(Subquery(sums))).exclude(given=F("refunded_total"))
    return Finding("The refunds of every order make its refunded total", wrong.count(), _numbers(wrong))


def _levels_are_their_movements() -> Finding:
    """Invariant 5."""
    sums = (
        StockMovement.objects.filter(variant=OuterRef("variant"), warehouse=OuterRef("warehouse"))
        .order_by()
        .values("variant")
        .annotate(s=Sum("on_hand"))
        .values("s")
    )
    wrong = StockLevel.objects.annotate(moved=_or_zero(Subquery(sums))).exclude(moved=F("on_hand"))
    examples = tuple(str(level) for level in wrong.select_related("variant", "warehouse")[:_EXAMPLES])
    return Finding("Every stock level is the sum of its movements", wrong.count(), examples)


def _one_group_each() -> Finding:
    """Invariant 7: an order, its customer and its store are in the same company group."""
    wrong = Order.objects.exclude(company_group=F("connection__company_group")) | Order.objects.filter(
        customer__isnull=False
    ).exclude(company_group=F("customer__company_group"))
    return Finding("Nothing points across company groups", wrong.count(), _numbers(wrong))


def _no_run_is_stuck() -> Finding:
    """Silent, waiting beyond its time, or queued with nobody to take it (is a worker running?)."""
    silent = now() - timedelta(seconds=max(600, settings.RUN_LOST_AFTER * 4))
    ahead = Run.objects.filter(schedule=OuterRef("schedule"), state__in=(RunState.RUNNING, RunState.WAITING))
    stuck = Run.objects.filter(
        Q(state=RunState.RUNNING, beat_at__lt=silent)
        | Q(state=RunState.WAITING, not_before__lt=silent)
        | Q(~Exists(ahead), state=RunState.QUEUED, queued_at__lt=silent)
    )
    return Finding("No run is stuck", stuck.count(), tuple(str(run.pk) for run in stuck[:_EXAMPLES]))


def _one_run_at_a_time() -> Finding:
    twice = (
        Run.objects.filter(state__in=("running", "waiting"))
        .order_by()
        .values("schedule")
        .annotate(n=Count("id"))
        .filter(n__gt=1)
    )
    return Finding("One run at a time per schedule", twice.count(), tuple(str(row["schedule"]) for row in twice))


def _numbers(orders: object) -> tuple[str, ...]:
    return tuple(orders.values_list("number", flat=True)[:_EXAMPLES])  # type: ignore[attr-defined]


_RULES: tuple[Callable[[], Finding], ...] = (
    _database_is_whole,
    _credentials_open,
    _keys_are_private,
    _every_order_has_its_link,
    _rows_add_up,
    _rounding_is_shown,
    _refunds_add_up,
    _levels_are_their_movements,
    _one_group_each,
    _no_run_is_stuck,
    _one_run_at_a_time,
)
