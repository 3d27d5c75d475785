"""What can be asked of the order list: `status:processing total:>500 store:"Demo"` as conditions for the database."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import reduce

from django.db.models import Model, Q, TextChoices
from django.utils import timezone
from django.utils.translation import gettext as _

from xtnd.connections.models import Connection
from xtnd.core.terms import Term, Typed
from xtnd.core.time import start_of
from xtnd.customers.models import Customer
from xtnd.database.found import MOST, Hits, hits, too_short
from xtnd.database.search import SearchIndex
from xtnd.orders.models import Order, OrderLine, Paid, Shipped, State

ORDERS_SEARCH = SearchIndex("orders_search")
CUSTOMERS_SEARCH = SearchIndex("customers_search")


class Misunderstood(Exception):
    """A term that says nothing we can look for. The text tells the reader what would."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Names ending in `_there` are columns that `queries.listed` hides from the planner: a filter that most orders pass
    must not make it leave the index the list is walked by."""

    q: Q
    indexed: Q | None = None
    """The same again on the bare column, for a list that may begin at its index."""
    by_total: Q | None = None
    """The same again, for a list that is walked by total."""
    stretch: bool = False
    """A stretch of the index that the list is walked by."""
    anchor: bool = False
    """Finds few orders by an index of its own: the list starts from it, not from the newest order."""
    stores: frozenset[int] | None = None
    """The connections it limits the list to."""
    capped: bool = False
    """Text that is in more orders than are looked at."""

    @property
    def cheap(self) -> bool:
        """An index finds its orders: counting them does not mean reading all others."""
        return self.anchor or self.stretch or self.indexed is not None or self.stores is not None


@dataclass(frozen=True, slots=True)
class Understood:
    conditions: tuple[Condition, ...] = ()
    problems: tuple[str, ...] = ()
    """A sentence for each term or word that was left out."""

    @property
    def capped(self) -> bool:
        return any(condition.capped for condition in self.conditions)


def understand(asked: Typed, groups: Collection[int]) -> Understood:
    """Terms and words as conditions. What is not understood is left out and said, never dropped in silence."""
    conditions: list[Condition] = []
    problems: list[str] = []
    for term in asked.terms:
        try:
            conditions.append(_condition(term, groups))
        except Misunderstood as problem:
            problems.append(str(problem))
    if asked.words:
        found, ignored = _by_words(asked.words, groups)
        conditions += found
        problems += ignored
    return Understood(tuple(conditions), tuple(problems))


def _condition(term: Term, groups: Collection[int]) -> Condition:
    reader = _READERS.get(term.key)
    if reader is None:
        raise Misunderstood(
            _("There is no filter “%(key)s:”. Filters are %(known)s.")
            % {"key": term.key, "known": ", ".join(f"{key}:" for key in KEYS)}
        )
    if not term.values:
        raise Misunderstood(_("Write something after “%(key)s:”.") % {"key": term.key})
    if term.operator != "=" and term.key not in _COMPARABLE:
        raise Misunderstood(
            _("“%(key)s:” cannot be compared with %(operator)s. Only total: and placed: can.")
            % {"key": term.key, "operator": term.operator}
        )
    condition = reader(term, groups)
    return Condition(~condition.q) if term.negated else condition


# ------------------------------------------------------------------ plain columns


def _status(term: Term, groups: Collection[int]) -> Condition:
    wanted = [value.lower() for value in term.values]
    return Condition(Q(status_there__in=wanted), indexed=_only("status", wanted))


def _country(term: Term, groups: Collection[int]) -> Condition:
    codes = [value.upper() for value in term.values]
    for code in codes:
        if not re.fullmatch("[A-Z]{2}", code):
            raise Misunderstood(_("“%(value)s” is not a country code of two letters, such as SE.") % {"value": code})
    return Condition(_among("country", codes))


def _currency(term: Term, groups: Collection[int]) -> Condition:
    codes = [value.upper() for value in term.values]
    for code in codes:
        if not re.fullmatch("[A-Z]{3}", code):
            raise Misunderstood(
                _("“%(value)s” is not a currency code of three letters, such as SEK.") % {"value": code}
            )
    return Condition(_among("currency", codes))


def _method(term: Term, groups: Collection[int]) -> Condition:
    return Condition(_either(Q(payment_method__iexact=value) | Q(payment_title__iexact=value) for value in term.values))


def _choice(column: str, choices: type[TextChoices]) -> Callable[[Term, Collection[int]], Condition]:
    def read(term: Term, groups: Collection[int]) -> Condition:
        said = {str(label).casefold(): value for value, label in choices.choices}
        wanted = []
        for value in term.values:
            key = value.casefold().replace(" ", "_").replace("-", "_")
            if key in choices.values:
                wanted.append(key)
            elif value.casefold() in said:
                wanted.append(said[value.casefold()])
            else:
                raise Misunderstood(
                    _("“%(key)s:%(value)s” is not known. Use one of %(known)s.")
                    % {"key": term.key, "value": value, "known": ", ".join(choices.values)}
                )
        indexed = _only(column, wanted) if column in ("state", "payment_state") else None
        return Condition(Q(**{f"{column}_there__in": wanted}), indexed=indexed)

    return read


def _store(term: Term, groups: Collection[int]) -> Condition:
    """By name, or a part of it; capitals do not matter."""
    names = {
        pk: name.casefold()
        for pk, name in Connection.objects.filter(company_group__in=groups).values_list("pk", "name")
    }
    wanted: set[int] = set()
    for value in term.values:
        said = value.casefold()
        found = {pk for pk, name in names.items() if name == said} or {pk for pk, name in names.items() if said in name}
        if not found:
            raise Misunderstood(_("No store is called “%(value)s”.") % {"value": value})
        wanted |= found
    return Condition(Q(store_there__in=sorted(wanted)), stores=frozenset(wanted))


def _review(term: Term, groups: Collection[int]) -> Condition:
    return Condition(Q(state=State.IN_REVIEW, review_reason__in=[value.lower() for value in term.values]))


# ------------------------------------------------------------------ amounts and dates


def _total(term: Term, groups: Collection[int]) -> Condition:
    low, dots, high = term.value.partition("..")
    if dots:
        limits = {"gte": _amount(low), "lte": _amount(high)}
    else:
        limits = {_LOOKUPS[term.operator]: _amount(term.value)}
    return Condition(
        Q(**{f"total_there__{lookup}": amount for lookup, amount in limits.items()}),
        by_total=Q(**{f"total__{lookup}": amount for lookup, amount in limits.items()}),
    )


def _amount(said: str) -> Decimal:
    text = re.sub(r"[\s\u00a0_]", "", said).replace(",", ".")
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) >= Decimal(10) ** 12:
        raise Misunderstood(
            _("“%(value)s” is not an amount. Write for example total:>500 or total:100..200.") % {"value": said}
        )
    return amount


def _placed(term: Term, groups: Collection[int]) -> Condition:
    """Days of the company's calendar: `>2026-01-01` begins the day after."""
    low, dots, high = term.value.partition("..")
    if dots:
        return Condition(Q(placed_at__gte=_start(low)[0], placed_at__lt=_start(high)[1]), stretch=True)
    begins, ends = _start(term.value)
    match term.operator:
        case ">":
            return Condition(Q(placed_at__gte=ends), stretch=True)
        case ">=":
            return Condition(Q(placed_at__gte=begins), stretch=True)
        case "<":
            return Condition(Q(placed_at__lt=begins), stretch=True)
        case "<=":
            return Condition(Q(placed_at__lt=ends), stretch=True)
        case _:
            return Condition(Q(placed_at__gte=begins, placed_at__lt=ends), stretch=True)


def _start(said: str) -> tuple[datetime, datetime]:
    """The half-open interval of a day, a month (2026-01), a year, `today` or `yesterday`."""
    zone = str(timezone.get_current_timezone())
    today = timezone.localdate()
    try:
        match said.strip().lower().split("-"):
            case ["today"]:
                first, after = today, today + timedelta(1)
            case ["yesterday"]:
                first, after = today - timedelta(1), today
            case [year] if len(year) == 4:
                first, after = date(int(year), 1, 1), date(int(year) + 1, 1, 1)
            case [year, month]:
                first = date(int(year), int(month), 1)
                after = (first + timedelta(31)).replace(day=1)
            case _:
                first = date.fromisoformat(said.strip())
                after = first + timedelta(1)
        return start_of(first, zone), start_of(after, zone)
    except (ValueError, OverflowError) as error:
        raise Misunderstood(
            _("“%(value)s” is not a date. Write for example placed:2026-01-31, placed:>=2026-01-01 or placed:today.")
            % {"value": said}
        ) from error


# ------------------------------------------------------------------ things with an index of their own


def _number(term: Term, groups: Collection[int]) -> Condition:
    return _of_number(term.values, groups)


def _of_number(numbers: Sequence[str], groups: Collection[int]) -> Condition:
    """The store's own number, whole. Looked up first: two stores may use the same, more than a few do not."""
    wanted = [number.lstrip("#") for number in numbers]
    ids = Order.objects.filter(company_group__in=groups, number__in=wanted).values_list("pk", flat=True)[:MOST]
    return Condition(Q(pk__in=list(ids)), anchor=True)


def _sku(term: Term, groups: Collection[int]) -> Condition:
    """The SKU as sold, whole. Capitals matter to the index, so the usual three ways of writing are asked for."""
    written = {form for value in term.values for form in (value, value.upper(), value.lower())}
    # `exclude(sku="")` is the condition of the index.
    lines = OrderLine.objects.filter(sku__in=sorted(written)).exclude(sku="")
    return Condition(Q(pk__in=lines.values("order_id")), anchor=True)


def _email(term: Term, groups: Collection[int]) -> Condition:
    found = [_text(ORDERS_SEARCH, Order, groups, value, term.key) for value in term.values]
    by_address = _either(Q(customer_email__icontains=value) for value in term.values)
    ids = sorted({pk for one in found for pk in one.ids})
    return Condition(Q(pk__in=ids) & by_address, anchor=True, capped=any(one.capped for one in found))


def _customer(term: Term, groups: Collection[int]) -> Condition:
    """Our id of the customer, or a part of the name."""
    ids = [int(value) for value in term.values if value.isdigit() and len(value) < 19]
    capped = False
    for value in term.values:
        if not value.isdigit():
            found = _text(CUSTOMERS_SEARCH, Customer, groups, value, term.key)
            ids += found.ids
            capped = capped or found.capped
    return Condition(_among("customer_id", ids), anchor=True, capped=capped)


def _text(index: SearchIndex, model: type[Model], groups: Collection[int], value: str, key: str) -> Hits:
    found = hits(index, model, groups, [value])
    if found is None:
        raise Misunderstood(_("Write at least three characters after “%(key)s:”.") % {"key": key})
    return found


def _by_words(words: Sequence[str], groups: Collection[int]) -> tuple[list[Condition], list[str]]:
    words = [word[1:] if re.fullmatch(r"#\d+", word) else word for word in words]
    short = too_short(words)
    problems = []
    conditions = []
    numbers = [word for word in short if word.isdigit()]
    found = hits(ORDERS_SEARCH, Order, groups, words)
    if found is not None:
        conditions.append(Condition(Q(pk__in=found.ids), anchor=True, capped=found.capped))
    elif numbers and len(numbers) == len(short):
        # Too short for the index, but a whole order number.
        return [_of_number(numbers, groups)], []
    for word in short:
        problems.append(_("“%(word)s” is too short to search for: write at least three characters.") % {"word": word})
    return conditions, problems


def _among(column: str, values: Sequence[object]) -> Q:
    """One value is an equality: a plan that keeps the index's order."""
    return Q(**{column: values[0]}) if len(values) == 1 else Q(**{f"{column}__in": list(values)})


def _only(column: str, values: Sequence[str]) -> Q | None:
    """What an index can answer without losing its order: one value."""
    return Q(**{column: values[0]}) if len(values) == 1 else None


def _either(conditions: Iterable[Q]) -> Q:
    return reduce(operator.or_, conditions)


_LOOKUPS = {"=": "exact", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_COMPARABLE = ("total", "placed")
_READERS: dict[str, Callable[[Term, Collection[int]], Condition]] = {
    "status": _status,
    "state": _choice("state", State),
    "payment": _choice("payment_state", Paid),
    "shipment": _choice("shipment_state", Shipped),
    "store": _store,
    "number": _number,
    "sku": _sku,
    "email": _email,
    "customer": _customer,
    "country": _country,
    "currency": _currency,
    "method": _method,
    "total": _total,
    "placed": _placed,
    "review": _review,
}
KEYS = tuple(_READERS)
