"""From a Connection row to a connector that speaks with its store."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import date

from django.conf import settings

from xtnd.connections.models import Connection
from xtnd.connections.services import unseal
from xtnd.connectors.base import Connector, Settings
from xtnd.connectors.http import READ_TIMEOUT, Http, NetworkPolicy
from xtnd.connectors.registry import CONNECTORS
from xtnd.core.secrets import Secret
from xtnd.core.time import start_of
from xtnd.sync import demo

_limits: dict[int, threading.BoundedSemaphore] = {}
_limits_lock = threading.Lock()


def http_client(*, connection_id: int | None = None, read_timeout: float = READ_TIMEOUT) -> Http:
    """Policed by the installation's network settings. Requests of one connection share its limit in this process."""
    return Http(
        NetworkPolicy.parse(settings.ALLOWED_PRIVATE_NETS, demo.endpoints()),
        ca_bundle=settings.CA_BUNDLE,
        limit=None if connection_id is None else _limit(connection_id),
        connections=settings.REQUESTS_IN_FLIGHT + 1,
        read_timeout=read_timeout,
    )


def connector_of(connection: Connection, http: Http) -> Connector:
    """Raises `Refused` when the credentials cannot be decrypted."""
    return make_connector(
        system=connection.system,
        api_url=connection.api_url,
        credentials=unseal(bytes(connection.credentials)),
        order_start=connection.order_start,
        time_zone=connection.time_zone,
        options=connection.options,
        http=http,
    )


def make_connector(
    *,
    system: str,
    api_url: str,
    credentials: Mapping[str, Secret],
    order_start: date | None,
    time_zone: str,
    options: Mapping[str, object],
    http: Http,
) -> Connector:
    return CONNECTORS[system](
        Settings(
            api_url=api_url,
            credentials=credentials,
            order_start=start_of(order_start, time_zone) if order_start else None,
            options=options,
            in_flight=settings.REQUESTS_IN_FLIGHT,
        ),
        http,
    )


def _limit(connection_id: int) -> threading.BoundedSemaphore:
    with _limits_lock:
        return _limits.setdefault(connection_id, threading.BoundedSemaphore(settings.REQUESTS_IN_FLIGHT))
