"""Taking a connection away, with what is only its own."""

from __future__ import annotations

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import ngettext

from xtnd.connections.models import Connection
from xtnd.connections.services import Refused
from xtnd.sync.queries import holdings


def delete_connection(connection: Connection) -> None:
    """Its schedules, runs, record issues, listings and links go with it; products and customers stay.

    Raises `Refused` when it has orders: they are books, and point at it.
    """
    try:
        with transaction.atomic():
            _refuse_with_orders(holdings(connection).orders)
            connection.delete()
    except ProtectedError as error:  # an order came in between
        _refuse_with_orders(max(holdings(connection).orders, 1))
        raise AssertionError from error


def _refuse_with_orders(count: int) -> None:
    if count:
        raise Refused(
            ngettext(
                "This connection has one order, so it cannot be deleted. Pause it instead: the order stays.",
                "This connection has %(count)s orders, so it cannot be deleted. Pause it instead: the orders stay.",
                count,
            )
            % {"count": count}
        )
