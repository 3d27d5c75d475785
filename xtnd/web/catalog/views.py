"""The product list, and one product with its variants, listings and stock movements."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import TextChoices
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from xtnd.catalog import queries
from xtnd.catalog.models import Listing, Match, Product, Variant
from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.companies.models import Warehouse
from xtnd.connections.models import Connection
from xtnd.core.terms import typed
from xtnd.database import keyset
from xtnd.stock import queries as stock
from xtnd.stock.queries import Sum
from xtnd.web.guard import Request, get_or_404, needs
from xtnd.web.lists import PAGE_SIZE, Chip, Choice, answer, chosen, outward, query, shortness, written

MOVEMENTS = 50


class Show(TextChoices):
    ALL = "all", _("All")
    NO_SKU = Match.NO_SKU.value, _("No SKU in the store")
    DUPLICATE_SKU = Match.DUPLICATE_SKU.value, _("SKU used twice in the store")
    OUT = "out", _("Out of stock")


@dataclass(frozen=True, slots=True)
class ProductRow:
    product: Product
    skus: list[str]
    stores: list[Connection]
    matches: list[tuple[str, str]]
    """Match states of listings that a person should look at, with their words."""
    prices: tuple[Decimal, Decimal] | None
    """Lowest and highest asked anywhere, in the stores' own currencies and with or without VAT as they say."""


@needs(Act.SEE)
def products(request: Request) -> HttpResponse:
    groups = access.groups(request.user)
    find, show = written(request), chosen(request, "show", Show, Show.ALL)
    stores = list(Connection.objects.filter(company_group__in=groups).only("name"))
    store = next((one for one in stores if str(one.pk) == request.GET.get("store")), None)
    words = _words(find)
    hits = queries.found(groups, words) if words else None
    rows = queries.products(
        groups,
        ids=hits.ids if hits else None,
        store=store.pk if store else None,
        match=show if show in queries.PROBLEMS else "",
        only=stock.product_is_out_of_stock() if show == Show.OUT else None,
    )
    page = keyset.page(rows, order="-created_at", token=request.GET.get("page", ""), size=PAGE_SIZE)
    asked: dict[str, object] = {
        "show": "" if show == Show.ALL else show,
        "find": find,
        "store": store.pk if store else "",
    }
    shown = {
        "page": page,
        "rows": [_row(product) for product in page.rows],
        "find": find,
        "show": show,
        "store": store,
        "stores": stores,
        "tabs": [
            Choice(str(label), query(**{**asked, "show": "" if value == Show.ALL else value}), value == show)
            for value, label in Show.choices
        ],
        "chips": _chips(asked, find, store),
        "problems": shortness(words),
        "capped": hits.capped if hits else False,
        "narrowed": bool(find or store or show != Show.ALL),
        "first_query": query(**asked),
        "next_query": query(**asked, page=page.next) if page.next else "",
        "previous_query": query(**asked, page=page.previous) if page.previous else "",
    }
    return answer(request, "catalog/list.html", shown)


def _words(find: str) -> tuple[str, ...]:
    """Here everything is a word; a SKU may hold a colon."""
    asked = typed(find)
    return (*(str(term) for term in asked.terms), *asked.words)


def _chips(asked: dict[str, object], find: str, store: Connection | None) -> list[Chip]:
    chips = []
    if store:
        chips.append(Chip(store.name, query(**{**asked, "store": ""})))
    if find:
        chips.append(Chip(find, query(**{**asked, "find": ""})))
    return chips


def _row(product: Product) -> ProductRow:
    listings = list(product.listings.all())
    prices = [listing.price for listing in listings if listing.price is not None]
    return ProductRow(
        product,
        [variant.sku for variant in product.variants.all() if variant.sku],
        sorted({listing.connection for listing in listings}, key=lambda one: one.name),
        sorted({(one.match, one.get_match_display()) for one in listings if one.match in queries.PROBLEMS}),
        (min(prices), max(prices)) if prices else None,
    )


# ------------------------------------------------------------------ one product


@dataclass(frozen=True, slots=True)
class VariantRow:
    variant: Variant
    levels: list[Sum | None]
    """One for each warehouse column."""
    sum: Sum | None
    listings: list[ListingRow]


@dataclass(frozen=True, slots=True)
class ListingRow:
    listing: Listing
    shared: bool
    url: str
    admin_url: str


@needs(Act.SEE)
def product(request: Request, product_id: int) -> HttpResponse:
    found = get_or_404(Product.objects.all(), request.user, pk=product_id)
    variants = list(found.variants.prefetch_related("stock_levels__warehouse", "listings__connection").order_by("id"))
    levels = [level for variant in variants for level in variant.stock_levels.all()]
    warehouses = sorted({level.warehouse for level in levels}, key=lambda one: (one.code, one.pk))
    rows = [_variant_row(variant, warehouses) for variant in variants]
    shown = {
        "product": found,
        "rows": rows,
        "warehouses": warehouses,
        "has_listings": any(row.listings for row in rows),
        "movements": list(stock.movements(found, limit=MOVEMENTS)),
        "most_movements": MOVEMENTS,
        "sum": stock.summed(levels) if levels else None,
    }
    return render(request, "catalog/product.html", shown)


def _variant_row(variant: Variant, warehouses: list[Warehouse]) -> VariantRow:
    levels = {level.warehouse_id: level for level in variant.stock_levels.all()}
    listings = sorted(variant.listings.all(), key=lambda one: (one.connection.name, one.pk))
    return VariantRow(
        variant,
        [stock.summed([levels[one.pk]]) if one.pk in levels else None for one in warehouses],
        stock.summed(levels.values()) if levels else None,
        [ListingRow(one, stock.is_shared(one), outward(one.url), outward(one.admin_url)) for one in listings],
    )
