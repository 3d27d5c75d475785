"""Reads: the connections and verifications of the company groups somebody may see."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from django.db.models import QuerySet

from xtnd.companies.models import Company, User
from xtnd.connections.models import Connection, Verification, VerificationState
from xtnd.core.time import now


def connections(groups: Collection[int]) -> QuerySet[Connection]:
    return (
        Connection.objects.filter(company_group__in=groups)
        .select_related("company_group", "warehouse__company")
        .order_by("name", "id")
    )


def name_taken(group_id: int, name: str, *, besides: Connection | None = None) -> bool:
    """Names are one whatever their case."""
    others = Connection.objects.filter(company_group=group_id, name__iexact=name.strip())
    return (others.exclude(pk=besides.pk) if besides else others).exists()


def time_zones(rows: Iterable[Connection]) -> dict[int, str]:
    """Each connection's time zone, in one query for all (`Connection.time_zone` asks once for each)."""
    rows = list(rows)
    first: dict[int, str] = {}
    companies = Company.objects.filter(group__in={row.company_group_id for row in rows}).order_by("id")
    for group_id, zone in companies.values_list("group_id", "time_zone"):
        first.setdefault(group_id, zone)
    return {
        row.pk: row.warehouse.company.time_zone if row.warehouse else first.get(row.company_group_id, "UTC")
        for row in rows
    }


def verifications(groups: Collection[int]) -> QuerySet[Verification]:
    return Verification.objects.filter(company_group__in=groups).select_related("connection")


def running_verifications(user: User, within: timedelta) -> int:
    """How many reports this user waits for: each is a thread, and requests to somebody's server."""
    rows = Verification.objects.filter(created_by=user, state=VerificationState.RUNNING)
    return rows.filter(created_at__gt=now() - within).count()
