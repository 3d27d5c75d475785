"""Writes: customers of stores and of orders, matched by normalised email within a company group, never across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from xtnd.canonical.customers import Customer as CanonicalCustomer
from xtnd.canonical.customers import normalised_email
from xtnd.canonical.orders import Address, Order
from xtnd.connections.models import Connection, LinkKind
from xtnd.connections.services import Known, link, relink
from xtnd.customers.models import Customer
from xtnd.database.bulk import allocate_ids, chunks, insert_rows, update_rows
from xtnd.database.search import SearchIndex

SEARCH = SearchIndex("customers_search")

_COLUMNS = (
    "company_group", "email", "email_key", "first_name", "last_name", "company", "phone", "org_number", "vat_number",
    "country", "city", "billing_address", "shipping_address", "registered", "created_at", "changed_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    created: int = 0
    updated: int = 0


def record_customers(
    connection: Connection,
    customers: Sequence[tuple[CanonicalCustomer, bytes]],
    known: Mapping[str, Known],
    at: datetime,
) -> Stored:
    """Registered customers of a store, each with its hash. An email another store knows is the same customer."""
    by_email = _ids_by_email(connection.company_group_id, (customer.email for customer, _hash in customers))
    new, changed, links, relinks = [], [], [], []
    fresh = iter(allocate_ids(Customer, len(customers)))
    for customer, digest in customers:
        key = normalised_email(customer.email) or None
        mine = known.get(customer.external_id)
        owner = by_email.get(key) if key else None
        object_id = owner or (mine.object_id if mine else None)
        if object_id is None:
            object_id = next(fresh)
            new.append((object_id, *_row(connection, customer, key, at)))
            if key:
                by_email[key] = object_id
        else:
            changed.append((object_id, customer, key))
        if mine is None:
            links.append((customer.external_id, object_id, digest))
        else:
            relinks.append((mine.link_id, object_id, digest))
    insert_rows(Customer, ("id", *_COLUMNS), new)
    _update(changed, at)
    link(connection, LinkKind.CUSTOMER, links, at)
    relink(relinks, at)
    _index([row[0] for row in new], fresh=True)
    _index([row[0] for row in changed])
    return Stored(created=len(links), updated=len(relinks))


def customers_of_orders(connection: Connection, orders: Sequence[Order], at: datetime) -> dict[str, int]:
    """Normalised email -> our id, for every order that has an email; guests never seen before become customers."""
    found = _ids_by_email(connection.company_group_id, (order.billing.email for order in orders))
    missing: dict[str, Order] = {}
    for order in orders:
        key = normalised_email(order.billing.email)
        if key and key not in found:
            missing.setdefault(key, order)
    rows = []
    for object_id, (key, order) in zip(allocate_ids(Customer, len(missing)), missing.items(), strict=True):
        found[key] = object_id
        rows.append((object_id, *_guest_row(connection, order, key, at)))
    insert_rows(Customer, ("id", *_COLUMNS), rows)
    _index([row[0] for row in rows], fresh=True)
    return found


def _ids_by_email(group_id: int, emails: Any) -> dict[str, int]:
    keys = sorted({key for email in emails if (key := normalised_email(email))})
    found: dict[str, int] = {}
    for chunk in chunks(keys):
        rows = Customer.objects.filter(company_group_id=group_id, email_key__in=chunk)
        found.update({str(key): object_id for key, object_id in rows.values_list("email_key", "id")})
    return found


def _row(connection: Connection, customer: CanonicalCustomer, key: str | None, at: datetime) -> tuple[Any, ...]:
    billing = customer.billing
    return (
        connection.company_group_id, customer.email[:254], key, customer.first_name[:200], customer.last_name[:200],
        billing.company[:200], billing.phone[:60], customer.org_number[:40], customer.vat_number[:40],
        (billing.country or customer.shipping.country)[:2], (billing.city or customer.shipping.city)[:100],
        billing, customer.shipping, True, customer.created_at or at, at,
    )  # fmt: skip


def _guest_row(connection: Connection, order: Order, key: str, at: datetime) -> tuple[Any, ...]:
    billing: Address = order.billing
    return (
        connection.company_group_id, billing.email[:254], key, billing.first_name[:200], billing.last_name[:200],
        billing.company[:200], billing.phone[:60], order.org_number[:40], order.vat_number[:40], billing.country,
        billing.city[:100], billing, order.shipping, False, order.placed_at, at,
    )  # fmt: skip


def _update(changed: Sequence[tuple[int, CanonicalCustomer, str | None]], at: datetime) -> None:
    columns = (
        "id", "email", "email_key", "first_name", "last_name", "company", "phone", "org_number", "vat_number",
        "country", "city", "billing_address", "shipping_address", "registered", "changed_at",
    )  # fmt: skip
    rows = []
    for object_id, customer, key in changed:
        billing = customer.billing
        rows.append(
            (object_id, customer.email[:254], key, customer.first_name[:200], customer.last_name[:200],
             billing.company[:200], billing.phone[:60], customer.org_number[:40], customer.vat_number[:40],
             (billing.country or customer.shipping.country)[:2], (billing.city or customer.shipping.city)[:100],
             billing, customer.shipping, True, at)
        )  # fmt: skip
    update_rows(Customer, columns, rows)


def _index(ids: Sequence[int], *, fresh: bool = False) -> None:
    for chunk in chunks(list(ids)):
        rows = Customer.objects.filter(id__in=chunk).values_list(
            "id", "first_name", "last_name", "company", "email", "phone", "org_number", "vat_number", "city"
        )
        SEARCH.put(((row[0], " ".join(filter(None, row[1:]))) for row in rows), fresh=fresh)
