"""Linked systems and what we know about them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from xtnd.companies.models import Company, CompanyGroup, User, Warehouse


class ConnectionState(models.TextChoices):
    ACTIVE = "active", _("Active")
    PAUSED = "paused", _("Paused")
    ATTENTION = "attention", _("Needs attention")


class Connection(models.Model):
    """One store or system. Credentials are encrypted; `services.open_credentials` is the only reader."""

    company_group = models.ForeignKey(CompanyGroup, models.PROTECT, related_name="connections")
    name = models.CharField(_("name"), max_length=100)
    system = models.CharField(_("external system"), max_length=30)
    api_url = models.CharField(_("API URL"), max_length=500)
    credentials = models.BinaryField()
    credential_hints = models.JSONField(default=dict)
    """{"access_token": "…0001"}: the last four characters, to tell keys apart."""
    order_start = models.DateField(_("order start"), null=True, blank=True)
    """In the company's time zone. Orders placed before it are not fetched."""
    warehouse = models.ForeignKey(Warehouse, models.PROTECT, null=True, blank=True, related_name="connections")
    state = models.CharField(max_length=20, choices=ConnectionState.choices, default=ConnectionState.ACTIVE)
    attention = models.JSONField(default=dict, blank=True)
    """Why it needs attention: a `core.text.Text` as JSON, with the error's code."""
    options = models.JSONField(default=dict, blank=True)
    """What verify found and the connector needs: authentication method, base path, capabilities."""
    facts = models.JSONField(default=dict, blank=True)
    """What verify found, for people: version, currency, theme…"""
    report = models.JSONField(default=list, blank=True)
    """The checks of the last verify, as `connectors.base.Check.as_json`."""
    verified_at = models.DateTimeField(null=True, blank=True)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("company_group", Lower("name"), name="connection_name_unique")]

    def __str__(self) -> str:
        return self.name

    @property
    def company(self) -> Company | None:
        """Whose books and whose clock: the warehouse's company, else the group's first."""
        if self.warehouse_id is not None and self.warehouse is not None:
            return self.warehouse.company
        return Company.objects.filter(group_id=self.company_group_id).order_by("id").first()

    @property
    def time_zone(self) -> str:
        company = self.company
        return company.time_zone if company else "UTC"


class VerificationState(models.TextChoices):
    RUNNING = "running", _("Running")
    GREEN = "green", _("Green")
    RED = "red", _("Red")


class Verification(models.Model):
    """One press of Verify: what was tried and what was found. Save needs a green one over the very same fields."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company_group = models.ForeignKey(CompanyGroup, models.CASCADE)
    connection = models.ForeignKey(Connection, models.CASCADE, null=True, blank=True)
    """Set when an existing connection is verified again or edited."""
    system = models.CharField(max_length=30)
    api_url = models.CharField(max_length=500)
    order_start = models.DateField(null=True, blank=True)
    credentials = models.BinaryField()
    fingerprint = models.CharField(max_length=64)
    """HMAC over system, address, credentials and order start: what was verified."""
    state = models.CharField(max_length=10, choices=VerificationState.choices, default=VerificationState.RUNNING)
    checks = models.JSONField(default=list)
    options = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, models.CASCADE, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.system} {self.api_url} {self.state}"


class LinkKind(models.TextChoices):
    ORDER = "order"
    CUSTOMER = "customer"
    PRODUCT = "product"


class Link(models.Model):
    """Their id <-> our id, and the hash of what was last seen. The hash is what makes unchanged free."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="links")
    kind = models.CharField(max_length=20, choices=LinkKind.choices)
    external_id = models.CharField(max_length=64)
    object_id = models.BigIntegerField()
    content_hash = models.BinaryField()
    seen_at = models.DateTimeField()
    """When the content last changed here."""
    missing_since = models.DateTimeField(null=True, blank=True)
    """A full pass did not find it any more: deleted or trashed in the store."""

    class Meta:
        constraints = [models.UniqueConstraint("connection", "kind", "external_id", name="link_external_unique")]
        indexes = [models.Index(fields=["kind", "object_id"], name="link_object")]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id} -> {self.object_id}"
