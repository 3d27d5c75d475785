"""A connection to the demo store, made in one go and verified like any other."""

from __future__ import annotations

from django.db import transaction

from xtnd.companies.models import User, Warehouse
from xtnd.connections.models import Connection
from xtnd.connections.services import Refused, Wish, create_connection, open_verification
from xtnd.sync import verifying
from xtnd.sync.demo import Address
from xtnd.sync.services import ensure_schedules

NAME = "Demo store"


def connect_demo(
    *, company_group_id: int, warehouse: Warehouse | None, user: User | None, store: Address
) -> Connection:
    """The group's demo connection: the one it has, or a new one, verified like any other. Raises `Refused`."""
    known = Connection.objects.filter(company_group_id=company_group_id, is_demo=True).first()
    if known is not None:
        return known
    wanted = Wish(
        system="woocommerce",
        api_url=store.url,
        credentials={"access_token": store.access_token, "secret": store.secret},
        order_start=None,
    )
    verification = open_verification(wish=wanted, company_group_id=company_group_id, user=user)
    report = verifying.verify(verification)
    if not report.green:
        reasons = "; ".join(str(check.detail) for check in report.checks if check.cause)
        raise Refused(reasons)
    with transaction.atomic():
        connection = create_connection(
            verification=verification,
            wish=wanted,
            name=NAME,
            company_group_id=company_group_id,
            warehouse=warehouse,
            user=user,
            is_demo=True,
        )
        ensure_schedules(connection)
    return connection
