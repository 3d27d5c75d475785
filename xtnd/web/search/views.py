"""One box over everything: an order with exactly that number first, then orders, products and customers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from xtnd.catalog import queries as catalog
from xtnd.catalog.models import Product
from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.core.terms import typed
from xtnd.customers import queries as customers
from xtnd.customers.models import Customer
from xtnd.database.found import Hits, hits
from xtnd.orders.conditions import ORDERS_SEARCH
from xtnd.orders.models import Order
from xtnd.web.guard import Request, needs
from xtnd.web.lists import query, shortness, written

TOP = 10
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Top(Generic[Row]):
    rows: Sequence[Row] = ()
    more: bool = False


@needs(Act.SEE)
def search(request: Request) -> HttpResponse:
    groups = access.groups(request.user)
    said = written(request, "q")
    asked = typed(said)
    words = (*(str(term) for term in asked.terms), *asked.words)
    exact = _of_number(groups, said)
    in_orders = hits(ORDERS_SEARCH, Order, groups, words) if words else None
    products = Product.objects.filter(company_group__in=groups).prefetch_related("variants")
    people = Customer.objects.filter(company_group__in=groups).defer("billing_address", "shipping_address")
    orders = _top(_orders(groups).exclude(pk__in=[one.pk for one in exact]), in_orders, "-placed_at")
    shown = {
        "said": said,
        "exact": exact,
        "orders": orders,
        "products": _top(products, catalog.found(groups, words) if words else None, "-created_at"),
        "customers": _top(people, customers.found(groups, words) if words else None, "-created_at"),
        # A short word that is a whole order number was found after all.
        "problems": [] if exact else shortness(words),
        "list_query": query(find=said),
    }
    shown["nothing"] = bool(said) and not exact and not any(shown[name].rows for name in _KINDS)  # type: ignore[attr-defined]
    return render(request, "search/search.html", shown)


_KINDS = ("orders", "products", "customers")


def _orders(groups: Collection[int]) -> QuerySet[Order]:
    return (
        Order.objects.filter(company_group__in=groups)
        .select_related("connection")
        .defer("billing_address", "shipping_address", "note")
    )


def _of_number(groups: Collection[int], said: str) -> list[Order]:
    number = said.lstrip("#").strip()
    ids = Order.objects.filter(company_group__in=groups, number=number).values_list("pk", flat=True)[:TOP]
    return list(_orders(groups).filter(pk__in=list(ids)).order_by("-placed_at")) if number else []


def _top(rows: QuerySet[Row], found: Hits | None, order: str) -> Top[Row]:
    """The newest of what was found."""
    if found is None or not found.ids:
        return Top()
    newest = list(rows.filter(pk__in=found.ids).order_by(order)[: TOP + 1])
    return Top(newest[:TOP], len(newest) > TOP)
