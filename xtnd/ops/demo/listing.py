"""Lists: which parameters a collection takes, what it refuses, and what a page holds.

Measured quirks kept on purpose: dates compare in whole seconds and exclude the bound; a value with an offset together
with `dates_are_gmt` compares local time with GMT; equal dates come in another order on the first page than later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from xtnd.ops.demo.calls import Complaints
from xtnd.ops.demo.pricing import Doc
from xtnd.ops.demo.query import Params, list_of, text_of
from xtnd.ops.demo.store import Store

DATE = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:([Zz])|([+-])(\d{2})(?::?(\d{2}))?)?",
    re.ASCII,
)
ORDER_STATUSES = (
    "auto-draft", "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft",
)  # fmt: skip
PRODUCT_STATUSES = ("any", "future", "trash", "draft", "pending", "private", "publish")
POSTS = ("date", "id", "include", "title", "slug")
# 9.9.5 really lists some of them three times.
PRODUCT_ORDERBY = (
    *POSTS, "modified", "popularity", "rating", "post__in", "price", "sales", "menu_order", "random", "popularity",
    "rating", "menu_order", "price", "popularity", "rating",
)  # fmt: skip
TRUE, FALSE = ("true", "1"), ("false", "0", "")


@dataclass(frozen=True)
class Collection:
    """What a list accepts. `echo` are the internal arguments WooCommerce adds to its `Link`."""

    kind: str
    orderby: tuple[str, ...]
    old_orderby: tuple[str, ...]
    default_orderby: str = "date"
    default_order: str = "desc"
    dated: bool = True
    statuses: tuple[str, ...] = ()
    echo: tuple[str, ...] = ()


ORDERS = Collection(
    "order",
    (*POSTS, "modified"),
    POSTS,
    statuses=("any", "trash", *ORDER_STATUSES),
    echo=("status", "dp", "context"),
)
PRODUCTS = Collection("product", PRODUCT_ORDERBY, (*POSTS, "price", "popularity", "rating"), statuses=PRODUCT_STATUSES)
VARIATIONS = Collection("variation", PRODUCT_ORDERBY, POSTS)
REFUNDS = Collection("refund", (*POSTS, "modified"), POSTS, echo=("dp",))
CUSTOMERS = Collection(
    "customer", ("id", "include", "name", "registered_date"), ("id", "include", "name", "registered_date"),
    default_orderby="name", default_order="asc", dated=False,
)  # fmt: skip


@dataclass(frozen=True)
class Bound:
    """`field` must lie strictly after (or before) `value`; both are ISO text without offset."""

    field: str
    after: bool
    value: str

    def holds(self, doc: Doc) -> bool:
        found = doc.get(self.field) or ""
        return found > self.value if self.after else found < self.value


@dataclass(frozen=True)
class Wanted:
    """A checked list request."""

    page: int
    per_page: int
    offset: int
    order: str
    orderby: str
    statuses: tuple[str, ...]
    bounds: tuple[Bound, ...]
    include: tuple[int, ...]
    exclude: tuple[int, ...]


def checked(collection: Collection, params: Params, store: Store) -> Wanted:
    """The request's meaning, or WordPress' 400 naming every bad parameter. Unknown ones are ignored."""
    complaints = Complaints()
    per_page = _whole(params, "per_page", 10, complaints)
    if not 1 <= per_page <= 100:
        message = "per_page must be between 1 (inclusive) and 100 (inclusive)"
        complaints.add("per_page", "rest_out_of_bounds", message)
    page = _whole(params, "page", 1, complaints)
    if page < 1:
        complaints.add("page", "rest_out_of_bounds", "page must be greater than or equal to 1")
    order = _choice(params, "order", ("asc", "desc"), collection.default_order, complaints)
    allowed = collection.orderby if store.modern else collection.old_orderby
    orderby = _choice(params, "orderby", allowed, collection.default_orderby, complaints)
    statuses = _statuses(collection, params, complaints)
    bounds = _bounds(collection, params, store, complaints)
    include, exclude = (_numbers(params, name, complaints) for name in ("include", "exclude"))
    if text_of(params, "customer"):
        _whole(params, "customer", 0, complaints)
    offset = _whole(params, "offset", (page - 1) * per_page, complaints)
    complaints.settle()
    return Wanted(page, per_page, offset, order, orderby, statuses, bounds, include, exclude)


def _whole(params: Params, name: str, default: int, complaints: Complaints) -> int:
    text = text_of(params, name)
    if name not in params:
        return default
    if not re.fullmatch(r"[+-]?\d+(\.0+)?", text):
        complaints.wrong_type(name, "integer")
        return default or 1
    return int(float(text))


def _choice(params: Params, name: str, choices: tuple[str, ...], default: str, complaints: Complaints) -> str:
    found = text_of(params, name) if name in params else default
    if found not in choices:
        complaints.not_in_enum(name, choices)
    return found


def _numbers(params: Params, name: str, complaints: Complaints) -> tuple[int, ...]:
    found = list_of(params, name)
    for index, text in enumerate(found):
        if not re.fullmatch(r"-?\d+", text):
            complaints.wrong_type(name, "integer", f"{name}[{index}]")
            return ()
    return tuple(int(text) for text in found)


def _statuses(collection: Collection, params: Params, complaints: Complaints) -> tuple[str, ...]:
    if not collection.statuses:
        return ()
    found = list_of(params, "status") or ["any"]
    for index, status in enumerate(found):
        if status not in collection.statuses:
            shown = f"status[{index}]" if collection.kind == "order" else "status"
            complaints.not_in_enum("status", collection.statuses, shown)
            break
    return tuple(found)


def _bounds(collection: Collection, params: Params, store: Store, complaints: Complaints) -> tuple[Bound, ...]:
    if not collection.dated:
        return ()
    names = {"after": "date_created", "before": "date_created"}
    if store.modern:  # the old store ignores these three, silently
        names |= {"modified_after": "date_modified", "modified_before": "date_modified"}
    suffix = "_gmt" if store.modern and _flag(params, "dates_are_gmt", complaints) else ""
    found = []
    for name, field in names.items():
        if text_of(params, name):
            value = site_time(text_of(params, name), store.zone)
            if value is None:
                complaints.add(name, "rest_invalid_date", "Invalid date.")
            found.append(Bound(field + suffix, name.endswith("after"), value or ""))
    return tuple(found)


def _flag(params: Params, name: str, complaints: Complaints) -> bool:
    text = text_of(params, name).lower()
    if text not in TRUE + FALSE:
        complaints.wrong_type(name, "boolean")
    return text in TRUE


def site_time(text: str, zone: ZoneInfo) -> str | None:
    """A date parameter in site-local time, fractions dropped; None if WordPress would not accept it.

    31 February is accepted and becomes 3 March, as PHP counts.
    """
    match = DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:
        first = datetime.fromisoformat(f"{year:04}-{month:02}-01T00:00:00")
        moment = first + timedelta(days=day - 1, hours=hour, minutes=minute, seconds=second)
    except (ValueError, OverflowError):
        return None
    zulu, sign, hours, minutes = match.groups()[6:]
    if zulu or sign:
        away = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
        moment = moment.replace(tzinfo=UTC if zulu else timezone(away)).astimezone(zone)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


# -- choosing ------------------------------------------------------------------------------------------------------


def matching(collection: Collection, wanted: Wanted, params: Params, docs: Iterable[Doc]) -> list[Doc]:
    """The documents the request asks for, in no particular order."""
    tests = [bound.holds for bound in wanted.bounds] + list(_tests(collection.kind, wanted, params))
    return [doc for doc in docs if all(test(doc) for test in tests)]


def _tests(kind: str, wanted: Wanted, params: Params) -> Iterable[Callable[[Doc], bool]]:
    if wanted.include:
        yield lambda doc: doc["id"] in wanted.include
    if wanted.exclude:
        yield lambda doc: doc["id"] not in wanted.exclude
    if wanted.statuses:
        yield _status_test(wanted.statuses)
    if term := text_of(params, "search").casefold():
        yield lambda doc: term in _searchable(kind, doc)
    if kind == "order":
        yield from _order_tests(params)
    elif kind == "customer":
        yield from _customer_tests(params)
    else:
        yield from _product_tests(kind, params)


def _status_test(statuses: tuple[str, ...]) -> Callable[[Doc], bool]:
    if "any" in statuses:
        return lambda doc: doc["status"] not in ("trash", "auto-draft")
    return lambda doc: doc["status"] in statuses


def _order_tests(params: Params) -> Iterable[Callable[[Doc], bool]]:
    if customer := text_of(params, "customer"):
        yield lambda doc: doc["customer_id"] == int(customer)
    if product := text_of(params, "product"):
        yield lambda doc: any(str(line["product_id"]) == product for line in doc["line_items"])
    if ways := list_of(params, "created_via"):
        yield lambda doc: doc["created_via"] in ways


def _customer_tests(params: Params) -> Iterable[Callable[[Doc], bool]]:
    role = text_of(params, "role") or "customer"
    if role != "all":
        yield lambda doc: doc["role"] == role
    if email := text_of(params, "email").lower():
        yield lambda doc: doc["email"].lower() == email


def _product_tests(kind: str, params: Params) -> Iterable[Callable[[Doc], bool]]:
    skus = {sku.lower() for sku in list_of(params, "sku")}
    if skus and kind != "refund":
        yield lambda doc: doc["sku"].lower() in skus
    for name in ("type", "stock_status", "tax_class"):
        if value := text_of(params, name):
            yield lambda doc, name=name, value=value: doc.get(name) == value  # type: ignore[misc]
    if category := text_of(params, "category"):
        yield lambda doc: any(str(one["id"]) == category for one in doc.get("categories", ()))


def _searchable(kind: str, doc: Doc) -> str:
    if kind == "order":
        people = [value for side in ("billing", "shipping") for value in doc[side].values()]
        return " ".join([doc["number"], *people, *(line["name"] for line in doc["line_items"])]).casefold()
    fields = ("name", "sku", "description", "email", "first_name", "last_name", "username", "reason")
    return " ".join(str(doc[field]) for field in fields if doc.get(field)).casefold()


def sort_key(kind: str, wanted: Wanted) -> Callable[[Doc], Any]:
    """What the list is sorted by; documents with equal keys come in no promised order."""
    places = {number: index for index, number in enumerate(wanted.include)}
    keys: dict[str, Callable[[Doc], Any]] = {
        "date": lambda doc: doc["date_created_gmt"],
        "registered_date": lambda doc: doc["date_created_gmt"],
        "modified": lambda doc: doc.get("date_modified_gmt") or doc["date_created_gmt"],
        "include": lambda doc: places.get(doc["id"], doc["id"]),
        "price": lambda doc: Decimal(doc.get("price") or 0),
        "popularity": lambda doc: doc.get("total_sales", 0),
        "name": lambda doc: f"{doc['first_name']} {doc['last_name']}".casefold(),
    }
    if kind == "product":
        keys |= {"title": lambda doc: doc["name"].casefold(), "slug": lambda doc: doc["slug"]}
    return keys.get(wanted.orderby, lambda doc: doc["id"])


def in_order(kind: str, wanted: Wanted, docs: list[Doc], unstable: bool) -> list[Doc]:
    """Sorted; the first page sees every run of equal keys with its ends exchanged.

    That is the measured behaviour: six orders of one second, two per page, came as [5,1] [2,3] [4,5].
    """
    key = sort_key(kind, wanted)
    found = sorted(docs, key=key, reverse=wanted.order == "desc")
    if not unstable or wanted.offset or wanted.orderby in ("id", "include"):
        return found
    start = 0
    for end in range(1, len(found) + 1):
        if end == len(found) or key(found[end]) != key(found[start]):
            found[start], found[end - 1] = found[end - 1], found[start]
            start = end
    return found
