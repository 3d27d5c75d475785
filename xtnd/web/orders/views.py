"""The order list, one order, and what the store sent."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

import msgspec
from django.http import Http404, HttpResponse
from django.shortcuts import render

from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.connections.models import Connection
from xtnd.core.terms import Typed, typed
from xtnd.orders import conditions, queries
from xtnd.orders.models import Order, OrderPayload
from xtnd.orders.queries import Sort, Tab
from xtnd.web.guard import Request, get_or_404, needs
from xtnd.web.lists import PAGE_SIZE, Choice, answer, chips, chosen, outward, query, written
from xtnd.web.orders.rows import line_rows, timeline
from xtnd.web.orders.totals import totals_of


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address says about the list; the order page has it too, for previous and next."""

    tab: str
    sort: str
    find: Typed

    @classmethod
    def of(cls, request: Request) -> Asked:
        return cls(
            chosen(request, "tab", Tab, Tab.ALL),
            chosen(request, "sort", Sort, Sort.NEWEST),
            typed(written(request)),
        )

    def query(self, **changes: object) -> str:
        return query(**{**self.kept(), "find": str(self.find), **changes})

    def kept(self) -> dict[str, object]:
        """Tab and sort, when they are not what they are anyway."""
        return {
            "tab": "" if self.tab == Tab.ALL else self.tab,
            "sort": "" if self.sort == Sort.NEWEST else self.sort,
        }


@needs(Act.SEE)
def orders(request: Request) -> HttpResponse:
    groups = access.groups(request.user)
    asked = Asked.of(request)
    understood = conditions.understand(asked.find, groups)
    rows = queries.listed(groups, tab=asked.tab, conditions=understood.conditions, order=asked.sort)
    page = rows.page(request.GET.get("page", ""), PAGE_SIZE)
    count = rows.count() if page.next or page.previous else len(page.rows)
    narrowed = bool(str(asked.find)) or asked.tab != Tab.ALL
    shown = {
        "page": page,
        "asked": asked,
        "find": written(request),
        "count": count,
        "cap": queries.COUNT_CAP,
        "understood": understood,
        "tabs": [
            Choice(str(label), asked.query(tab="" if tab == Tab.ALL else tab), tab == asked.tab)
            for tab, label in Tab.choices
        ],
        "chips": chips(
            asked.find,
            tab="" if asked.tab == Tab.ALL else asked.tab,
            sort="" if asked.sort == Sort.NEWEST else asked.sort,
        ),
        "by_date": _sorting(asked, Sort.NEWEST, Sort.OLDEST),
        "by_total": _sorting(asked, Sort.HIGHEST, Sort.LOWEST),
        "list_query": asked.query(),
        "next_query": asked.query(page=page.next) if page.next else "",
        "previous_query": asked.query(page=page.previous) if page.previous else "",
        "first_query": asked.query(),
        "narrowed": narrowed,
        "keys": conditions.KEYS,
    }
    if not page.rows and not narrowed:
        shown["has_stores"] = Connection.objects.filter(company_group__in=groups).exists()
    return answer(request, "orders/list.html", shown)


@dataclass(frozen=True, slots=True)
class Sorting:
    """A column's header: how it is sorted now and where a click leads."""

    now: str
    """For `aria-sort`: ascending, descending or none."""
    query: str


def _sorting(asked: Asked, first: str, then: str) -> Sorting:
    """The first click sorts by `first`, the second by `then`. A click goes to the first page."""
    wanted = then if asked.sort == first else first
    now = {first: "descending", then: "ascending"}.get(asked.sort, "none")
    return Sorting(now, asked.query(sort="" if wanted == Sort.NEWEST else wanted))


@needs(Act.SEE)
def order(request: Request, order_id: int) -> HttpResponse:
    groups = access.groups(request.user)
    found = get_or_404(queries.whole(groups), request.user, pk=order_id)
    asked = Asked.of(request)
    understood = conditions.understand(asked.find, groups)
    rows = queries.listed(groups, tab=asked.tab, conditions=understood.conditions, order=asked.sort)
    before, after = rows.beside(found)
    shown = {
        "order": found,
        "lines": line_rows(found),
        "totals": totals_of(found),
        "timeline": timeline(found),
        "store_url": outward(found.admin_url),
        "before": before,
        "after": after,
        "list_query": asked.query(),
    }
    return render(request, "orders/order.html", shown)


@needs(Act.SEE)
def source(request: Request, order_id: int) -> HttpResponse:
    """The order as the store sent it, for people: a page of its own, or the fragment htmx puts into the order page."""
    found = get_or_404(Order.objects.only("number"), request.user, pk=order_id)
    kept = OrderPayload.objects.filter(order=found).first()
    if kept is None:
        raise Http404
    shown = {"order": found, "source": _pretty(bytes(kept.body))}
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "orders/source.html#source" if fragment else "orders/source.html", shown)


_ESCAPED = re.compile(r"(?<!\\)((?:\\\\)*)\\u([0-9a-fA-F]{4})")


def _pretty(body: bytes) -> str:
    """Indented; every number as it was written, and `\\u00e5` as å."""
    text = zlib.decompress(body)
    try:
        return _ESCAPED.sub(_letter, msgspec.json.format(text, indent=2).decode())
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return text.decode("utf-8", "replace")


def _letter(escaped: re.Match[str]) -> str:
    code = int(escaped[2], 16)
    is_plain = code >= 0xA0 and not 0xD800 <= code <= 0xDFFF
    return escaped[1] + chr(code) if is_plain else escaped[0]
