"""Sales orders as we keep them. Amounts in the order's currency; rows excluding VAT, `total` including VAT."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from xtnd.catalog.models import Variant
from xtnd.companies.models import CompanyGroup
from xtnd.connections.models import Connection
from xtnd.customers.models import Customer
from xtnd.database.fields import AmountField, QuantityField


class State(models.TextChoices):
    """`canonical.orders.OrderState`, with words for people."""

    RECEIVED = "received", pgettext_lazy("an order", "Received")
    IN_REVIEW = "in_review", _("In review")
    RESERVED = "reserved", pgettext_lazy("an order", "Reserved")
    CLOSED = "closed", _("Closed")
    CANCELLED = "cancelled", _("Cancelled")


class Paid(models.TextChoices):
    UNPAID = "unpaid", _("Unpaid")
    PAID = "paid", _("Paid")
    PARTLY_REFUNDED = "partly_refunded", _("Partly refunded")
    REFUNDED = "refunded", _("Refunded")
    FAILED = "failed", _("Payment failed")


class Shipped(models.TextChoices):
    UNSHIPPED = "unshipped", _("Unshipped")
    PARTLY_SHIPPED = "partly_shipped", _("Partly shipped")
    SHIPPED = "shipped", _("Shipped")


class Order(models.Model):
    """One order of one store. Header totals are the store's, to the öre; they are the truth."""

    company_group = models.ForeignKey(CompanyGroup, models.PROTECT, related_name="orders")
    connection = models.ForeignKey(Connection, models.PROTECT, related_name="orders")
    external_id = models.CharField(max_length=64)
    number = models.CharField(_("number"), max_length=64)
    status = models.CharField(_("status in the store"), max_length=60)
    state = models.CharField(max_length=20, choices=State.choices)
    payment_state = models.CharField(max_length=20, choices=Paid.choices)
    shipment_state = models.CharField(max_length=20, choices=Shipped.choices)
    review_reason = models.CharField(max_length=60, blank=True)
    """Why it is in review: a key such as "totals_differ"; "" otherwise."""
    currency = models.CharField(max_length=3)
    prices_include_vat = models.BooleanField(default=False)
    total = AmountField()
    total_vat = AmountField()
    shipping_total = AmountField()
    shipping_vat = AmountField()
    discount_total = AmountField()
    discount_vat = AmountField()
    refunded_total = AmountField(default=0)
    rounding = AmountField(default=0)
    """Header total minus the rows: also there as an explicit rounding line."""
    customer = models.ForeignKey(Customer, models.SET_NULL, null=True, blank=True, related_name="orders")
    customer_name = models.CharField(max_length=420, blank=True)
    customer_email = models.CharField(max_length=254, blank=True)
    country = models.CharField(max_length=2, blank=True)
    """Where it is delivered."""
    billing_address = models.JSONField(default=dict)
    shipping_address = models.JSONField(default=dict)
    org_number = models.CharField(max_length=40, blank=True)
    vat_number = models.CharField(max_length=40, blank=True)
    note = models.TextField(blank=True)
    payment_method = models.CharField(max_length=100, blank=True)
    payment_title = models.CharField(max_length=200, blank=True)
    admin_url = models.CharField(max_length=1000, blank=True)
    item_count = QuantityField(default=0)
    placed_at = models.DateTimeField()
    modified_at = models.DateTimeField()
    """In the store."""
    paid_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    """Not in the store any more."""
    received_at = models.DateTimeField()
    """When it came here."""
    changed_at = models.DateTimeField()
    """When it last changed here."""

    class Meta:
        constraints = [
            models.UniqueConstraint("connection", "external_id", name="order_external_unique"),
            models.CheckConstraint(condition=models.Q(state__in=State.values), name="order_state_known"),
        ]
        indexes = [
            models.Index(fields=["company_group", "-placed_at", "-id"], name="order_newest"),
            models.Index(fields=["connection", "-placed_at", "-id"], name="order_newest_of_store"),
            models.Index(fields=["company_group", "state", "-placed_at", "-id"], name="order_by_state"),
            models.Index(fields=["company_group", "payment_state", "-placed_at", "-id"], name="order_by_payment"),
            models.Index(fields=["company_group", "number"], name="order_number"),
            models.Index(fields=["customer", "-placed_at"], name="order_of_customer"),
            models.Index(fields=["company_group", "status", "-placed_at", "-id"], name="order_by_status"),
            models.Index(fields=["company_group", "-total", "-id"], name="order_by_total"),
            models.Index(
                fields=["company_group", "-placed_at", "-id"],
                # Each term as `queries.to_ship` writes it: SQLite proves a partial index term by term.
                condition=models.Q(removed_at__isnull=True)
                & ~models.Q(payment_state=Paid.UNPAID)
                & ~models.Q(payment_state=Paid.FAILED)
                & ~models.Q(payment_state=Paid.REFUNDED)
                & ~models.Q(shipment_state=Shipped.SHIPPED)
                & ~models.Q(state=State.CANCELLED),
                name="order_to_ship",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)
    """`canonical.orders.LineKind`."""
    external_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=1000)
    sku = models.CharField(max_length=200, blank=True)
    variant = models.ForeignKey(Variant, models.SET_NULL, null=True, blank=True, related_name="order_lines")
    external_product_id = models.CharField(max_length=64, blank=True)
    external_variant_id = models.CharField(max_length=64, blank=True)
    quantity = QuantityField()
    unit_price = AmountField()
    """Excluding VAT, before discount."""
    subtotal = AmountField()
    """Excluding VAT, before discount."""
    total = AmountField()
    """Excluding VAT, after discount."""
    vat = AmountField()
    vat_rows = models.JSONField(default=list)
    """[{"rate": "25", "amount": "187.054", "label": "Moms 25%"}]; unrounded as the store keeps it."""
    attributes = models.JSONField(default=list)

    class Meta:
        ordering = ["position"]
        indexes = [
            models.Index(fields=["sku"], name="order_line_sku", condition=~models.Q(sku="")),
            models.Index(
                fields=["external_product_id"],
                name="order_line_without_variant",
                condition=models.Q(variant__isnull=True) & ~models.Q(external_product_id=""),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OrderVat(models.Model):
    """The store's tax line: VAT per rate over the whole order. What is booked."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="vat_totals")
    rate = QuantityField(null=True)
    """Percent; NULL when the store does not say."""
    label = models.CharField(max_length=200, blank=True)
    goods = AmountField()
    shipping = AmountField()

    def __str__(self) -> str:
        return f"{self.rate} %"


class OrderDiscount(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="discounts")
    code = models.CharField(max_length=200)
    amount = AmountField()
    vat = AmountField()

    def __str__(self) -> str:
        return self.code


class Payment(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="payments")
    method = models.CharField(max_length=100)
    title = models.CharField(max_length=200, blank=True)
    amount = AmountField()
    transaction_id = models.CharField(max_length=200, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.title} {self.amount}"


class Refund(models.Model):
    """Kept by its external id over re-reads: a return or a credit note will point here."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="refunds")
    external_id = models.CharField(max_length=64)
    amount = AmountField()
    """Positive, including VAT."""
    reason = models.TextField(blank=True)
    refunded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint("order", "external_id", name="refund_external_unique")]

    def __str__(self) -> str:
        return f"{self.external_id} {self.amount}"


class RefundLine(models.Model):
    refund = models.ForeignKey(Refund, models.CASCADE, related_name="lines")
    kind = models.CharField(max_length=20)
    external_id = models.CharField(max_length=64, blank=True)
    order_line_external_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=1000)
    sku = models.CharField(max_length=200, blank=True)
    quantity = QuantityField()
    total = AmountField()
    vat = AmountField()
    vat_rows = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.name


class OrderPayload(models.Model):
    """The order as the store sent it, compressed (zlib). For people, for mending, for replay."""

    order = models.OneToOneField(Order, models.CASCADE, primary_key=True, related_name="payload")
    body = models.BinaryField()

    def __str__(self) -> str:
        return str(self.order_id)


class EventKind(models.TextChoices):
    RECEIVED = "received", _("Order received")
    CHANGED = "changed", _("Changed in the store")
    REMOVED = "removed", _("Removed from the store")
    RESTORED = "restored", _("Back in the store")
    REVIEW = "review", _("Held for review")


class OrderEvent(models.Model):
    """The timeline. Append-only."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    at = models.DateTimeField()
    actor = models.CharField(max_length=200, blank=True)
    """The user's name, or "" when it came from the store."""
    changes = models.JSONField(default=dict)
    """{"status": ["processing", "completed"]}: field, before, after."""

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.kind
