"""Reads: what there is of each variant, per warehouse and by each store's own word."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import and_

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet, TextChoices, Value
from django.utils.translation import gettext_lazy as _

from xtnd.canonical.catalog import StockPolicy
from xtnd.catalog.models import Listing, Product, Variant
from xtnd.companies.models import Warehouse
from xtnd.core.money import ZERO
from xtnd.database.fields import QuantityField
from xtnd.stock.models import StockLevel, StockMovement

LOW = Decimal(5)
"""Available of this or less (and more than nothing) is low."""


class Show(TextChoices):
    ALL = "all", _("All")
    OUT = "out", _("Out of stock")
    NEGATIVE = "negative", _("Negative")
    LOW = "low", _("Low")


@dataclass(frozen=True, slots=True)
class Sum:
    """Of one variant over all warehouses."""

    on_hand: Decimal = ZERO
    reserved: Decimal = ZERO
    incoming: Decimal = ZERO

    @property
    def available(self) -> Decimal:
        return self.on_hand - self.reserved


def out_of_stock() -> Q:
    """Of a variant: it is counted and nothing is available in any warehouse, or a store says it is sold out."""
    levels = StockLevel.objects.filter(variant=OuterRef("pk"))
    counted, something = Exists(levels), Exists(levels.filter(on_hand__gt=F("reserved")))
    return (Q(counted) & ~Q(something)) | Q(Exists(_listings().filter(in_stock=False)))


def negative() -> Q:
    """Of a variant: sold or reserved more than there is, somewhere."""
    levels = StockLevel.objects.filter(variant=OuterRef("pk"))
    return (
        Q(Exists(levels.filter(on_hand__lt=F("reserved"))))
        | Q(Exists(levels.filter(on_hand__lt=0)))
        | Q(Exists(_listings().filter(stock_quantity__lt=0)))
    )


def low() -> Q:
    """Of a variant: something is available, and at most `LOW`, in a warehouse or by a store's own count."""
    levels = StockLevel.objects.filter(variant=OuterRef("pk"), on_hand__gt=F("reserved"))
    most = F("reserved") + Value(LOW, output_field=QuantityField())
    return Q(Exists(levels.filter(on_hand__lte=most))) | Q(
        Exists(_listings().filter(stock_quantity__gt=0, stock_quantity__lte=LOW))
    )


def _listings() -> QuerySet[Listing]:
    return Listing.objects.filter(variant=OuterRef("pk"), removed_at__isnull=True).order_by()


_SHOWN = {Show.OUT.value: out_of_stock, Show.NEGATIVE.value: negative, Show.LOW.value: low}


def variants(
    groups: Collection[int],
    *,
    show: str = Show.ALL,
    product_ids: Collection[int] | None = None,
    words: Sequence[str] = (),
) -> list[QuerySet[Variant]]:
    """The stock list, one queryset per company group. `words` narrow the variants of the products found by them."""
    wanted = Q()
    if product_ids is not None:
        wanted &= Q(product_id__in=product_ids)
        narrowed = wanted & _said(words)
        if words and Variant.objects.filter(narrowed, company_group__in=groups).exists():
            wanted = narrowed
    if show in _SHOWN:
        wanted &= _SHOWN[show]()
    rows = (
        Variant.objects.filter(wanted)
        .select_related("product")
        .prefetch_related(
            Prefetch("stock_levels", StockLevel.objects.select_related("warehouse").order_by("warehouse_id")),
            Prefetch("listings", Listing.objects.filter(removed_at__isnull=True).select_related("connection")),
        )
    )
    return [rows.filter(company_group_id=group) for group in sorted(groups)]


def _said(words: Sequence[str]) -> Q:
    """Every word is in the variant's own SKU, barcode or title, or in the product's title."""
    each = (
        Q(sku__icontains=word)
        | Q(barcode__icontains=word)
        | Q(title__icontains=word)
        | Q(product__title__icontains=word)
        | Q(listings__sku__icontains=word)
        for word in words
    )
    condition = reduce(and_, each, Q())
    return Q(pk__in=Variant.objects.filter(condition).order_by().values("pk")) if words else Q()


def product_is_out_of_stock() -> Q:
    """The same words about a product: one of its variants is."""
    sold_out = Variant.objects.filter(out_of_stock(), product=OuterRef("pk")).order_by()
    return Q(Exists(sold_out))


def count(groups: Collection[int], show: str, *, cap: int) -> int:
    """How many variants the stock list shows there; counted no further than `cap` + 1."""
    rows = Variant.objects.filter(_SHOWN[show](), company_group__in=groups)
    return rows.order_by()[: cap + 1].count()


def summed(levels: Collection[StockLevel]) -> Sum:
    return Sum(
        sum((level.on_hand for level in levels), ZERO),
        sum((level.reserved for level in levels), ZERO),
        sum((level.incoming for level in levels), ZERO),
    )


def movements(product: Product, *, limit: int) -> QuerySet[StockMovement]:
    """The newest movements of a product's variants, with their cause."""
    return (
        StockMovement.objects.filter(variant__product=product)
        .select_related("variant", "warehouse", "connection")
        .order_by("-id")[:limit]
    )


def warehouses(groups: Collection[int]) -> QuerySet[Warehouse]:
    return Warehouse.objects.filter(company__group__in=groups).order_by("company_id", "code")


def is_shared(listing: Listing) -> bool:
    """The store's count belongs to the product: its variants share it."""
    return listing.stock_policy == StockPolicy.PARENT
