"""Every "may this user". Pages, API, export and search ask here and nowhere else."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Protocol

from xtnd.companies.models import Membership, Role, User


class Act(StrEnum):
    """What can be done. A role has a set of them."""

    SEE = "see"
    """Read orders, products, stock, customers, runs."""
    SEE_BOOKS = "see_books"
    HANDLE_ORDERS = "handle_orders"
    HANDLE_STOCK = "handle_stock"
    SYNCHRONISE = "synchronise"
    """Press "Synchronize now", cancel, retry and ignore record issues."""
    MANAGE_CONNECTIONS = "manage_connections"
    """Create, edit, pause and delete connections and their schedules."""
    MANAGE_COMPANY = "manage_company"
    """Company, warehouses, users and roles."""


_MAY: dict[str, frozenset[Act]] = {
    Role.OWNER: frozenset(Act),
    Role.STAFF: frozenset(Act) - {Act.MANAGE_COMPANY},
    Role.WAREHOUSE: frozenset({Act.SEE, Act.HANDLE_STOCK, Act.SYNCHRONISE}),
    Role.ACCOUNTANT: frozenset({Act.SEE, Act.SEE_BOOKS}),
    Role.VIEWER: frozenset({Act.SEE}),
}


class Visitor(Protocol):
    """A user, or Django's AnonymousUser."""

    @property
    def is_authenticated(self) -> bool: ...


def groups(user: Visitor, act: Act = Act.SEE) -> frozenset[int]:
    """Ids of the company groups in which the user may do `act`. Empty for strangers and switched-off users."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    roles = _roles(user)
    return frozenset(group for group, role in roles.items() if act in _MAY.get(role, frozenset()))


def may(user: Visitor, act: Act, group_id: int | None = None) -> bool:
    """May the user do `act` in this group (in any group when None)?"""
    allowed = groups(user, act)
    return bool(allowed) if group_id is None else group_id in allowed


def acts(user: Visitor) -> Collection[Act]:
    """Everything the user may do in at least one group: what the menu shows."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    return frozenset[Act]().union(*(_MAY.get(role, frozenset()) for role in _roles(user).values()))


def _roles(user: User) -> dict[int, str]:
    """Read once per request: the user object lives that long."""
    known: dict[int, str] | None = getattr(user, "_roles_by_group", None)
    if known is None:
        known = dict(Membership.objects.filter(user=user).values_list("group_id", "role"))
        user._roles_by_group = known  # type: ignore[attr-defined]
    return known
