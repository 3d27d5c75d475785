"""Reads: the home company, warehouses, users of a group."""

from __future__ import annotations

from django.db.models import QuerySet

from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.companies.models import Company, Membership, Role, User, Warehouse


def time_zone_of(user: User) -> str | None:
    """The time zone of the first company of the user's first group; None while there is none."""
    return (
        Company.objects.filter(group__memberships__user=user)
        .order_by("group_id", "id")
        .values_list("time_zone", flat=True)
        .first()
    )


def home_company(user: User, act: Act = Act.SEE) -> Company | None:
    """The first company of the first group in which the user may do `act`."""
    return Company.objects.filter(group__in=access.groups(user, act)).order_by("group_id", "id").first()


def companies(user: User, act: Act = Act.SEE) -> QuerySet[Company]:
    return Company.objects.filter(group__in=access.groups(user, act)).order_by("group_id", "id")


def warehouses(user: User, act: Act = Act.SEE) -> QuerySet[Warehouse]:
    return (
        Warehouse.objects.filter(company__group__in=access.groups(user, act))
        .select_related("company")
        .order_by("company_id", "code")
    )


def memberships(user: User, act: Act = Act.MANAGE_COMPANY) -> QuerySet[Membership]:
    """Everybody in the groups in which the user may do `act`."""
    return (
        Membership.objects.filter(group__in=access.groups(user, act))
        .select_related("user", "group")
        .order_by("group__name", "user__email")
    )


def active_owners(group_id: int) -> QuerySet[Membership]:
    return Membership.objects.filter(group=group_id, role=Role.OWNER, user__is_active=True)
