"""Customers: one per person or company in a company group, linked to each store that knows them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from xtnd.companies.models import CompanyGroup


class Customer(models.Model):
    company_group = models.ForeignKey(CompanyGroup, models.PROTECT, related_name="customers")
    email = models.CharField(_("email"), max_length=254, blank=True)
    """As last seen."""
    email_key = models.CharField(max_length=254, null=True, blank=True)
    """Normalised; what guests are matched by. NULL when there is none."""
    first_name = models.CharField(_("first name"), max_length=200, blank=True)
    last_name = models.CharField(_("last name"), max_length=200, blank=True)
    company = models.CharField(_("company"), max_length=200, blank=True)
    phone = models.CharField(_("phone"), max_length=60, blank=True)
    org_number = models.CharField(_("organisation number"), max_length=40, blank=True)
    vat_number = models.CharField(_("VAT number"), max_length=40, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    billing_address = models.JSONField(default=dict)
    """`canonical.orders.Address` as a dictionary."""
    shipping_address = models.JSONField(default=dict)
    registered = models.BooleanField(default=False)
    """Has an account in a store (not only guest orders)."""
    created_at = models.DateTimeField()
    """Earliest known: account or first order."""
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("company_group", "email_key", name="customer_email_unique")]
        indexes = [models.Index(fields=["company_group", "-created_at", "-id"], name="customer_newest")]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()
