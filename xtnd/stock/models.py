"""Levels and the movements they are the sum of."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from xtnd.catalog.models import Variant
from xtnd.companies.models import Warehouse
from xtnd.connections.models import Connection
from xtnd.database.fields import QuantityField


class StockLevel(models.Model):
    """available = on hand − reserved. Moves only with a movement, in the same transaction."""

    variant = models.ForeignKey(Variant, models.CASCADE, related_name="stock_levels")
    warehouse = models.ForeignKey(Warehouse, models.PROTECT, related_name="stock_levels")
    on_hand = QuantityField(default=0)
    reserved = QuantityField(default=0)
    incoming = QuantityField(default=0)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("variant", "warehouse", name="stock_level_unique")]
        indexes = [models.Index(fields=["warehouse", "on_hand"], name="stock_level_low")]

    def __str__(self) -> str:
        return f"{self.variant} {self.warehouse}: {self.on_hand}"


class Reason(models.TextChoices):
    IMPORTED = "imported", _("Taken from the store")
    COUNTED = "counted", _("Counted")


class StockMovement(models.Model):
    """Append-only. `key` makes the same intent once."""

    variant = models.ForeignKey(Variant, models.CASCADE, related_name="stock_movements")
    warehouse = models.ForeignKey(Warehouse, models.PROTECT, related_name="stock_movements")
    on_hand = QuantityField(default=0)
    """The change, signed."""
    reserved = QuantityField(default=0)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    connection = models.ForeignKey(Connection, models.SET_NULL, null=True, blank=True)
    key = models.CharField(max_length=120, unique=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["variant", "warehouse", "-id"], name="stock_movement_of_level")]

    def __str__(self) -> str:
        return f"{self.variant} {self.on_hand:+} {self.reason}"
