"""Products, variants and stock of one store on their way to us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class StockPolicy(StrEnum):
    OWN = "own"
    """The store counts this variant."""
    PARENT = "parent"
    """The product's count is shared by its variants (WooCommerce `manage_stock: "parent"`)."""
    UNTRACKED = "untracked"
    """The store does not count it."""


@dataclass(frozen=True, slots=True)
class StockCount:
    """What the store says it has. `quantity` may be negative (oversold); None when the store does not count."""

    external_product_id: str
    external_variant_id: str
    """"" for a product without variants, and for the shared count of a product."""
    policy: StockPolicy
    quantity: Decimal | None
    in_stock: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """What is sold: one SKU. Price as the store shows it, with or without VAT as `prices_include_vat` says."""

    external_id: str
    """"" for a product without variants."""
    sku: str
    title: str
    """What tells it from its sisters: "L, Röd". "" for a product without variants."""
    barcode: str
    price: Decimal | None
    regular_price: Decimal | None
    sale_price: Decimal | None
    status: str
    stock: StockCount
    options: tuple[tuple[str, str], ...] = ()
    weight: Decimal | None = None
    """In the store's weight unit."""
    tax_class: str = ""
    image_url: str = ""
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Product:
    external_id: str
    title: str
    kind: str
    """The store's word: simple, variable, grouped, external…"""
    status: str
    sku: str
    url: str
    admin_url: str
    variants: tuple[Variant, ...]
    """At least one. A product without variants has one, with external_id ""."""
    shared_stock: StockCount | None = None
    """Set when the product itself is counted and variants share it."""
    created_at: datetime | None = None
    modified_at: datetime | None = None
    image_url: str = ""
    categories: tuple[str, ...] = ()
