"""Reads: the customer list and who knows a customer."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.models import Q, QuerySet

from xtnd.connections.models import Link, LinkKind
from xtnd.customers.models import Customer
from xtnd.database.found import Hits, hits
from xtnd.database.search import SearchIndex

SEARCH = SearchIndex("customers_search")


def found(groups: Collection[int], words: Sequence[str]) -> Hits | None:
    """Customers whose name, company, email, phone or town holds every word; None when no word is long enough."""
    return hits(SEARCH, Customer, groups, words)


def customers(
    groups: Collection[int], *, ids: Collection[int] | None = None, registered: bool | None = None
) -> list[QuerySet[Customer]]:
    """The customer list, one queryset per company group."""
    wanted = Q() if ids is None else Q(pk__in=ids)
    if registered is not None:
        wanted &= Q(registered=registered)
    rows = Customer.objects.filter(wanted).defer("billing_address", "shipping_address")
    return [rows.filter(company_group_id=group) for group in sorted(groups)]


def stores_of(customer: Customer) -> QuerySet[Link]:
    """The accounts a customer has: one link per store that knows them."""
    return (
        Link.objects.filter(kind=LinkKind.CUSTOMER, object_id=customer.pk)
        .select_related("connection")
        .order_by("connection__name", "id")
    )
