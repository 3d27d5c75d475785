"""Writes: what stores say they have. A level never moves without a movement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from xtnd.canonical.catalog import StockCount, StockPolicy
from xtnd.catalog.models import Listing
from xtnd.companies.models import Warehouse
from xtnd.connections.models import Connection
from xtnd.core.money import ZERO
from xtnd.database.bulk import chunks
from xtnd.stock.models import Reason, StockLevel, StockMovement


def record_counts(connection: Connection, counts: Sequence[StockCount], at: datetime) -> int:
    """Take a store's counts: on the listing always; as the level of the connection's warehouse when it has one.

    A count shared by the variants of a product is no variant's own: it stays on the listings. Returns how many
    listings changed. Counts of products we do not list yet come with the product itself.
    """
    listings = _listings(connection, counts)
    changed: list[Listing] = []
    for count in counts:
        listing = listings.get((count.external_product_id, count.external_variant_id))
        if listing is None:
            continue
        now = (count.policy.value, count.quantity, count.in_stock)
        if (listing.stock_policy, listing.stock_quantity, listing.in_stock) != now:
            listing.stock_policy, listing.stock_quantity, listing.in_stock = now
            listing.changed_at = at
            changed.append(listing)
    Listing.objects.bulk_update(changed, ["stock_policy", "stock_quantity", "in_stock", "changed_at"], batch_size=500)
    level_with_listings(connection, listings.values(), at)
    return len(changed)


def level_with_listings(connection: Connection, listings: Iterable[Listing], at: datetime) -> None:
    """Make the warehouse's levels what the store's own counts say."""
    if connection.warehouse is None:
        return
    own = {
        listing.variant_id: listing.stock_quantity
        for listing in listings
        if listing.stock_policy == StockPolicy.OWN and listing.stock_quantity is not None
    }
    for variant_id in _led_by_another(connection, own):
        own.pop(variant_id, None)
    for chunk in chunks(sorted(own)):
        _set_levels({variant_id: own[variant_id] for variant_id in chunk}, connection, connection.warehouse, at)


def _set_levels(wanted: dict[int, Decimal], connection: Connection, warehouse: Warehouse, at: datetime) -> None:
    rows = StockLevel.objects.filter(warehouse=warehouse, variant_id__in=list(wanted))
    levels = {level.variant_id: level for level in rows}
    movements, new, moved = [], [], []
    for variant_id, on_hand in wanted.items():
        level = levels.get(variant_id)
        change = on_hand - (level.on_hand if level else ZERO)
        if level is None:
            new.append(StockLevel(variant_id=variant_id, warehouse=warehouse, on_hand=on_hand, changed_at=at))
        if not change:
            continue
        if level is not None:
            level.on_hand, level.changed_at = on_hand, at
            moved.append(level)
        movements.append(
            StockMovement(
                variant_id=variant_id,
                warehouse=warehouse,
                on_hand=change,
                reason=Reason.IMPORTED,
                connection=connection,
                key=f"import:{connection.pk}:{variant_id}:{at.isoformat()}",
                at=at,
            )
        )
    StockLevel.objects.bulk_create(new)
    StockLevel.objects.bulk_update(moved, ["on_hand", "changed_at"])
    StockMovement.objects.bulk_create(movements)


def _led_by_another(connection: Connection, variant_ids: Iterable[int]) -> set[int]:
    """Variants whose level in this warehouse an older connection already decides: two masters would fight."""
    led: set[int] = set()
    for chunk in chunks(sorted(variant_ids)):
        rows = Listing.objects.filter(
            variant_id__in=chunk,
            connection__warehouse=connection.warehouse,
            connection_id__lt=connection.pk,
            stock_policy=StockPolicy.OWN.value,
            removed_at__isnull=True,
        )
        led.update(rows.values_list("variant_id", flat=True))
    return led


def _listings(connection: Connection, counts: Sequence[StockCount]) -> dict[tuple[str, str], Listing]:
    found: dict[tuple[str, str], Listing] = {}
    for chunk in chunks(sorted({count.external_product_id for count in counts})):
        for listing in Listing.objects.filter(connection=connection, external_product_id__in=chunk):
            found[(listing.external_product_id, listing.external_variant_id)] = listing
    return found
