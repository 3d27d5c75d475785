"""Reads: products with their variants and listings, and listings that no SKU could match."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.models import Prefetch, Q, QuerySet

from xtnd.catalog.models import Listing, Match, Product, Variant
from xtnd.database.found import Hits, hits
from xtnd.database.search import SearchIndex

SEARCH = SearchIndex("catalog_search")
PROBLEMS = (Match.NO_SKU, Match.DUPLICATE_SKU)


def found(groups: Collection[int], words: Sequence[str]) -> Hits | None:
    """Products whose title, SKU or barcode holds every word; None when no word is long enough."""
    return hits(SEARCH, Product, groups, words)


def products(
    groups: Collection[int],
    *,
    ids: Collection[int] | None = None,
    store: int | None = None,
    match: str = "",
    only: Q | None = None,
) -> list[QuerySet[Product]]:
    """The product list, one queryset per company group, with what a row shows.

    `store` and `match` look at listings that are still in their store; `only` is any further condition on products.
    """
    wanted = only or Q()
    if ids is not None:
        wanted &= Q(pk__in=ids)
    if store is not None or match:
        wanted &= Q(pk__in=listings(groups, store=store, match=match).values("product_id"))
    rows = Product.objects.filter(wanted).prefetch_related(
        Prefetch("variants", Variant.objects.only("product_id", "sku", "title")),
        Prefetch("listings", Listing.objects.filter(removed_at__isnull=True).select_related("connection")),
    )
    return [rows.filter(company_group_id=group) for group in sorted(groups)]


def listings(groups: Collection[int], *, store: int | None = None, match: str = "") -> QuerySet[Listing]:
    """Listings still in their store."""
    rows = Listing.objects.filter(connection__company_group__in=groups, removed_at__isnull=True).order_by()
    if store is not None:
        rows = rows.filter(connection_id=store)
    if match:
        # `exclude` is the condition of the index `listing_unmatched`.
        rows = rows.filter(match=match).exclude(match=Match.SKU)
    return rows


def unmatched(groups: Collection[int], match: str, *, cap: int) -> int:
    """How many products have such a listing; counted no further than `cap` + 1."""
    return listings(groups, match=match).values("product_id").distinct()[: cap + 1].count()
