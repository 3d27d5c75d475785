"""Writes: products as stores have them, matched by SKU and never by guessing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from xtnd.canonical.catalog import Product as CanonicalProduct
from xtnd.canonical.catalog import Variant as CanonicalVariant
from xtnd.catalog.models import Listing, Match, Product, Variant
from xtnd.connections.models import Connection, LinkKind
from xtnd.connections.services import Known, link, relink
from xtnd.database.bulk import chunks
from xtnd.database.search import SearchIndex

SEARCH = SearchIndex("catalog_search")


@dataclass(frozen=True, slots=True)
class Incoming:
    product: CanonicalProduct
    content_hash: bytes


@dataclass(slots=True)
class Stored:
    created: int = 0
    updated: int = 0
    new_listings: list[str] = field(default_factory=list)
    """External product ids with a listing that was not there before."""


def record_products(
    connection: Connection, incoming: Sequence[Incoming], links: Mapping[str, Known], at: datetime
) -> Stored:
    """Store new and changed products of a page. Call inside the transaction that moves the cursor.

    A listing finds its variant by a SKU that is unique in its own store; the same SKU in another store of the company
    group is the same variant. Without a SKU, or with one used twice in the store, it gets a variant of its own.
    """
    shelf = _Shelf.of(connection, [one.product for one in incoming])
    stored = Stored()
    new_links, relinks = [], []
    for one in incoming:
        have = links.get(one.product.external_id)
        product = _record_product(connection, one.product, have, shelf, at, stored)
        if have is None:
            stored.created += 1
            new_links.append((one.product.external_id, product.pk, one.content_hash))
        else:
            stored.updated += 1
            relinks.append((have.link_id, product.pk, one.content_hash))
    link(connection, LinkKind.PRODUCT, new_links, at)
    relink(relinks, at)
    _index({row[1] for row in (*new_links, *relinks)})
    return stored


def variants_sold(connection: Connection, external_product_ids: Iterable[str]) -> dict[tuple[str, str], int]:
    """(external product id, external variant id) -> our variant, for what this store lists."""
    found: dict[tuple[str, str], int] = {}
    for chunk in chunks(sorted(external_product_ids)):
        rows = Listing.objects.filter(connection=connection, external_product_id__in=chunk)
        for product_id, variant_id, ours in rows.values_list(
            "external_product_id", "external_variant_id", "variant_id"
        ):
            found[(product_id, variant_id)] = ours
    return found


@dataclass(slots=True)
class _Shelf:
    """What is already here of a page's products and SKUs, kept up to date while the page is stored."""

    listings: dict[tuple[str, str], Listing]
    variants: dict[str, Variant]
    """By SKU, in the company group."""
    listed_skus: dict[str, tuple[str, str]]
    """SKU -> the listing of this store that has it."""

    @classmethod
    def of(cls, connection: Connection, products: Sequence[CanonicalProduct]) -> _Shelf:
        ids = [product.external_id for product in products]
        skus = sorted({variant.sku for product in products for variant in product.variants if variant.sku})
        shelf = cls({}, {}, {})
        for chunk in chunks(ids):
            rows = Listing.objects.filter(connection=connection, external_product_id__in=chunk)
            for listing in rows.select_related("variant", "product"):
                shelf.listings[(listing.external_product_id, listing.external_variant_id)] = listing
        for chunk in chunks(skus):
            for variant in Variant.objects.filter(company_group=connection.company_group_id, sku__in=chunk):
                shelf.variants[variant.sku or ""] = variant
            matched = Listing.objects.filter(connection=connection, sku__in=chunk, match=Match.SKU)
            for listing in matched:
                shelf.listed_skus[listing.sku] = (listing.external_product_id, listing.external_variant_id)
        return shelf


def _record_product(
    connection: Connection,
    incoming: CanonicalProduct,
    have: Known | None,
    shelf: _Shelf,
    at: datetime,
    stored: Stored,
) -> Product:
    product = _product_for(connection, incoming, have, shelf, at)
    seen = set()
    for variant in incoming.variants:
        key = (incoming.external_id, variant.external_id)
        seen.add(key)
        listing = shelf.listings.get(key)
        if listing is None:
            listing = _new_listing(connection, incoming, variant, product, shelf)
            shelf.listings[key] = listing
            stored.new_listings.append(incoming.external_id)
        else:
            _follow(listing, variant, shelf)
        _fill_listing(listing, incoming, variant, at)
    _retire(incoming.external_id, seen, shelf, at)
    return product


def _product_for(
    connection: Connection, incoming: CanonicalProduct, have: Known | None, shelf: _Shelf, at: datetime
) -> Product:
    product = Product.objects.filter(pk=have.object_id).first() if have else None
    if product is None:
        product = _twin(connection, incoming, shelf)
    if product is None:
        product = Product(company_group_id=connection.company_group_id, created_at=incoming.created_at or at)
    first_seller = have is not None or product.pk is None
    if first_seller:  # the store that brought it names it; a second store's title stays on its listing
        product.title, product.kind = incoming.title[:500], incoming.kind[:30]
        product.image_url = incoming.image_url[:1000]
    product.changed_at = at
    product.save()
    return product


def _twin(connection: Connection, incoming: CanonicalProduct, shelf: _Shelf) -> Product | None:
    """The product of another store that already has one of these SKUs."""
    for variant in incoming.variants:
        same = shelf.variants.get(variant.sku) if variant.sku else None
        if same is not None and variant.sku not in shelf.listed_skus:
            return same.product
    return None


def _new_listing(
    connection: Connection, incoming: CanonicalProduct, variant: CanonicalVariant, product: Product, shelf: _Shelf
) -> Listing:
    key = (incoming.external_id, variant.external_id)
    same = shelf.variants.get(variant.sku) if variant.sku else None
    if not variant.sku:
        match, ours = Match.NO_SKU, None
    elif variant.sku in shelf.listed_skus:
        match, ours = Match.DUPLICATE_SKU, None
    else:
        match, ours = Match.SKU, same
        shelf.listed_skus[variant.sku] = key
    if ours is None:
        ours = Variant(company_group_id=connection.company_group_id, product=product)
        ours.sku = variant.sku[:200] if match is Match.SKU else None
    _fill_variant(ours, variant, fresh=ours.pk is None)
    if match is Match.SKU:
        shelf.variants[variant.sku] = ours
    return Listing(
        connection=connection,
        product_id=ours.product_id,
        variant=ours,
        external_product_id=incoming.external_id,
        external_variant_id=variant.external_id,
        match=match,
    )


def _follow(listing: Listing, variant: CanonicalVariant, shelf: _Shelf) -> None:
    """The store changed the SKU of a listing: its variant follows when nobody else depends on it."""
    ours = listing.variant
    key = (listing.external_product_id, listing.external_variant_id)
    if listing.sku == variant.sku or listing.match == Match.HAND:
        _fill_variant(ours, variant, fresh=False)
        return
    alone = not Listing.objects.filter(variant=ours).exclude(pk=listing.pk).exists()
    if shelf.listed_skus.get(listing.sku) == key:
        del shelf.listed_skus[listing.sku]
    if not variant.sku:
        listing.match = Match.NO_SKU
    elif variant.sku in shelf.listed_skus:
        listing.match = Match.DUPLICATE_SKU
    else:
        listing.match = Match.SKU
        shelf.listed_skus[variant.sku] = key
        taken = shelf.variants.get(variant.sku)
        if taken is not None and taken.pk != ours.pk:
            listing.variant, listing.product_id = taken, taken.product_id
            return
    if not alone:
        fresh = Variant(company_group_id=ours.company_group_id, product_id=ours.product_id)
        listing.variant = ours = fresh
    ours.sku = variant.sku[:200] if listing.match == Match.SKU else None
    _fill_variant(ours, variant, fresh=True)
    if ours.sku:
        shelf.variants[variant.sku] = ours


def _fill_variant(ours: Variant, variant: CanonicalVariant, *, fresh: bool) -> None:
    values: dict[str, Any] = {
        "title": variant.title[:500],
        "barcode": variant.barcode[:50],
        "options": [list(option) for option in variant.options],
        "weight": variant.weight,
        "tax_class": variant.tax_class[:60],
    }
    # A store without a barcode does not take away the one another store gave.
    values = {name: value for name, value in values.items() if fresh or value not in ("", [], None)}
    if fresh or any(getattr(ours, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(ours, name, value)
        ours.save()


def _fill_listing(listing: Listing, incoming: CanonicalProduct, variant: CanonicalVariant, at: datetime) -> None:
    title = f"{incoming.title} – {variant.title}" if variant.title else incoming.title
    listing.sku, listing.title, listing.status = (
        variant.sku[:200],
        title[:500],
        (variant.status or incoming.status)[:30],
    )
    if incoming.status != "publish":
        listing.status = incoming.status[:30]
    listing.price, listing.regular_price, listing.sale_price = variant.price, variant.regular_price, variant.sale_price
    listing.stock_policy, listing.stock_quantity = variant.stock.policy.value, variant.stock.quantity
    listing.in_stock = variant.stock.in_stock
    listing.url, listing.admin_url = incoming.url[:1000], incoming.admin_url[:1000]
    listing.changed_at, listing.removed_at = at, None
    listing.save()


def _retire(product_id: str, seen: set[tuple[str, str]], shelf: _Shelf, at: datetime) -> None:
    """Variations that are no longer in the store."""
    for key, listing in shelf.listings.items():
        if key[0] == product_id and key not in seen and listing.removed_at is None:
            listing.removed_at = at
            listing.save(update_fields=["removed_at"])


def _index(product_ids: Iterable[int]) -> None:
    for chunk in chunks(sorted(product_ids)):
        texts: dict[int, list[str]] = {
            product_id: [title] for product_id, title in Product.objects.filter(id__in=chunk).values_list("id", "title")
        }
        for product_id, sku, barcode, title in Variant.objects.filter(product_id__in=chunk).values_list(
            "product_id", "sku", "barcode", "title"
        ):
            texts[product_id].extend(filter(None, (sku, barcode, title)))
        for product_id, sku in Listing.objects.filter(product_id__in=chunk).values_list("product_id", "sku"):
            texts[product_id].append(sku)
        SEARCH.put((product_id, " ".join(dict.fromkeys(parts))) for product_id, parts in texts.items())
