"""The customer list, and one customer with the orders of all stores."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import TextChoices
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.core.terms import Term, Typed, typed
from xtnd.customers import queries
from xtnd.customers.models import Customer
from xtnd.database import keyset
from xtnd.orders import conditions
from xtnd.orders import queries as orders
from xtnd.orders.queries import Bought
from xtnd.web.guard import Request, get_or_404, needs
from xtnd.web.lists import PAGE_SIZE, Chip, Choice, answer, chosen, query, shortness, written

NEWEST_ORDERS = 50


class Show(TextChoices):
    ALL = "all", _("All")
    REGISTERED = "registered", _("With an account")
    GUESTS = "guests", _("Guests")


@dataclass(frozen=True, slots=True)
class CustomerRow:
    customer: Customer
    bought: list[Bought]

    @property
    def orders(self) -> int:
        return sum(one.orders for one in self.bought)


@needs(Act.SEE)
def customers(request: Request) -> HttpResponse:
    groups = access.groups(request.user)
    find, show = written(request), chosen(request, "show", Show, Show.ALL)
    asked = typed(find)
    words = (*(str(term) for term in asked.terms), *asked.words)
    hits = queries.found(groups, words) if words else None
    rows = queries.customers(
        groups, ids=hits.ids if hits else None, registered=None if show == Show.ALL else show == Show.REGISTERED
    )
    page = keyset.page(rows, order="-created_at", token=request.GET.get("page", ""), size=PAGE_SIZE)
    bought = orders.bought(groups, [one.pk for one in page.rows])
    kept = {"show": "" if show == Show.ALL else show, "find": find}
    shown = {
        "page": page,
        "rows": [CustomerRow(one, bought.get(one.pk, [])) for one in page.rows],
        "find": find,
        "show": show,
        "tabs": [
            Choice(str(label), query(find=find, show="" if value == Show.ALL else value), value == show)
            for value, label in Show.choices
        ],
        "chips": [Chip(find, query(show=kept["show"]))] if find else [],
        "problems": shortness(words),
        "capped": hits.capped if hits else False,
        "narrowed": bool(find or show != Show.ALL),
        "first_query": query(**kept),
        "next_query": query(**kept, page=page.next) if page.next else "",
        "previous_query": query(**kept, page=page.previous) if page.previous else "",
    }
    return answer(request, "customers/list.html", shown)


@needs(Act.SEE)
def customer(request: Request, customer_id: int) -> HttpResponse:
    groups = access.groups(request.user)
    found = get_or_404(Customer.objects.all(), request.user, pk=customer_id)
    asked = Typed((Term("customer", str(found.pk)),))
    rows = orders.listed(groups, conditions=conditions.understand(asked, groups).conditions)
    page = rows.page("", NEWEST_ORDERS)
    shown = {
        "customer": found,
        "bought": orders.bought(groups, [found.pk]).get(found.pk, []),
        "orders": page.rows,
        "more": bool(page.next),
        "list_query": query(find=str(asked)),
        "links": list(queries.stores_of(found)),
    }
    return render(request, "customers/customer.html", shown)
