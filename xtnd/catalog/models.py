"""Products group variants; a variant is what is sold (SKU); a listing is a variant in one store."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from xtnd.companies.models import CompanyGroup
from xtnd.connections.models import Connection
from xtnd.database.fields import AmountField, QuantityField


class Product(models.Model):
    company_group = models.ForeignKey(CompanyGroup, models.PROTECT, related_name="products")
    title = models.CharField(_("title"), max_length=500)
    kind = models.CharField(max_length=30, blank=True)
    """The store's word: simple, variable, grouped…"""
    image_url = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["company_group", "-created_at", "-id"], name="product_newest")]

    def __str__(self) -> str:
        return self.title


class Variant(models.Model):
    company_group = models.ForeignKey(CompanyGroup, models.PROTECT, related_name="variants")
    product = models.ForeignKey(Product, models.CASCADE, related_name="variants")
    sku = models.CharField(_("SKU"), max_length=200, null=True, blank=True)
    """Unique in the company group; NULL when the store has none, or the SKU is another variant's."""
    title = models.CharField(_("title"), max_length=500, blank=True)
    """"L, Röd"; "" when the product has no variants."""
    barcode = models.CharField(_("barcode"), max_length=50, blank=True)
    options = models.JSONField(default=list)
    weight = QuantityField(null=True, blank=True)
    tax_class = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint("company_group", "sku", name="variant_sku_unique")]

    def __str__(self) -> str:
        return self.sku or self.title or str(self.pk)


class Match(models.TextChoices):
    """How a listing found its variant. Never by guessing: without a unique SKU a listing has a variant of its own."""

    SKU = "sku", _("Matched by SKU")
    NO_SKU = "no_sku", _("No SKU in the store")
    DUPLICATE_SKU = "duplicate_sku", _("SKU used twice in the store")
    HAND = "hand", _("Matched by hand")


class Listing(models.Model):
    """A variant in one store, as that store has it."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="listings")
    product = models.ForeignKey(Product, models.CASCADE, related_name="listings")
    variant = models.ForeignKey(Variant, models.CASCADE, related_name="listings")
    external_product_id = models.CharField(max_length=64)
    external_variant_id = models.CharField(max_length=64, blank=True)
    sku = models.CharField(max_length=200, blank=True)
    """As in the store."""
    title = models.CharField(max_length=500)
    status = models.CharField(max_length=30, blank=True)
    """The store's word: publish, draft, private…"""
    match = models.CharField(max_length=20, choices=Match.choices)
    price = AmountField(null=True, blank=True)
    """What the store asks now, with or without VAT as the store's setting says."""
    regular_price = AmountField(null=True, blank=True)
    sale_price = AmountField(null=True, blank=True)
    stock_policy = models.CharField(max_length=20, default="untracked")
    """`canonical.catalog.StockPolicy`."""
    stock_quantity = QuantityField(null=True, blank=True)
    """What the store says it has; the product's shared count when the policy is "parent"."""
    in_stock = models.BooleanField(default=True)
    url = models.CharField(max_length=1000, blank=True)
    admin_url = models.CharField(max_length=1000, blank=True)
    changed_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)
    """Not in the store any more."""

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                "connection", "external_product_id", "external_variant_id", name="listing_external_unique"
            )
        ]
        indexes = [
            models.Index(fields=["connection", "sku"], name="listing_sku"),
            models.Index(fields=["match", "id"], condition=~models.Q(match="sku"), name="listing_unmatched"),
        ]

    def __str__(self) -> str:
        return self.title
