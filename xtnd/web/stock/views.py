"""The stock list: per variant, what the warehouses hold and what each store says."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse

from xtnd.catalog import queries as catalog
from xtnd.catalog.models import Listing, Variant
from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.companies.models import Warehouse
from xtnd.core.terms import typed
from xtnd.database import keyset
from xtnd.stock import queries
from xtnd.stock.queries import Show, Sum
from xtnd.web.guard import Request, needs
from xtnd.web.lists import PAGE_SIZE, Chip, Choice, answer, chosen, query, shortness, written


@dataclass(frozen=True, slots=True)
class StockRow:
    variant: Variant
    levels: list[tuple[Warehouse, Sum]]
    sum: Sum | None
    """Over all warehouses, when there are several."""
    listings: list[tuple[Listing, bool]]
    """With whether its count is shared by the product's variants."""


@needs(Act.SEE)
def stock(request: Request) -> HttpResponse:
    groups = access.groups(request.user)
    find, show = written(request), chosen(request, "show", Show, Show.ALL)
    asked = typed(find)
    words = (*(str(term) for term in asked.terms), *asked.words)
    hits = catalog.found(groups, words) if words else None
    rows = queries.variants(
        groups, show=show, product_ids=hits.ids if hits else None, words=words if hits and hits.ids else ()
    )
    page = keyset.page(rows, order="id", token=request.GET.get("page", ""), size=PAGE_SIZE)
    kept = {"show": "" if show == Show.ALL else show, "find": find}
    shown = {
        "page": page,
        "rows": [_row(variant) for variant in page.rows],
        "find": find,
        "show": show,
        "low": queries.LOW,
        "tabs": [
            Choice(str(label), query(find=find, show="" if value == Show.ALL else value), value == show)
            for value, label in Show.choices
        ],
        "chips": [Chip(find, query(show=kept["show"]))] if find else [],
        "problems": shortness(words),
        "capped": hits.capped if hits else False,
        "narrowed": bool(find or show != Show.ALL),
        "first_query": query(**kept),
        "next_query": query(**kept, page=page.next) if page.next else "",
        "previous_query": query(**kept, page=page.previous) if page.previous else "",
    }
    return answer(request, "stock/list.html", shown)


def _row(variant: Variant) -> StockRow:
    levels = list(variant.stock_levels.all())
    listings = sorted(variant.listings.all(), key=lambda one: (one.connection.name, one.pk))
    return StockRow(
        variant,
        [(level.warehouse, queries.summed([level])) for level in levels],
        queries.summed(levels) if len(levels) > 1 else None,
        [(one, queries.is_shared(one)) for one in listings],
    )
