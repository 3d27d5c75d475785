"""Every route and who may use it. A new route needs a row here, or `test_routes_by_role.py` fails.

A row: route name → `Route(Act.SEE)`, `Route(SIGNED_IN)` or `Route(PUBLIC)`. With ids in the address: `ids=` makes an
object in the given company group and returns the address's arguments; the test then also asks for another group's.
A route that only takes POST says `method="post"`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tests import builders
from xtnd.companies.access import Act
from xtnd.companies.models import CompanyGroup, Membership, Role
from xtnd.connections.services import Wish, open_verification

PUBLIC = "public"
SIGNED_IN = "signed in"
Ids = Callable[[CompanyGroup], dict[str, Any]]


@dataclass(frozen=True)
class Route:
    needs: Act | Literal["public", "signed in"]
    ids: Ids | None = None
    method: Literal["get", "post"] = "get"
    never_found: bool = False
    """About something of the user's own (a key, recovery codes) that this user has none of."""


def _warehouse(group: CompanyGroup) -> dict[str, Any]:
    return {"pk": builders.make_warehouse(group=group).pk}


def _membership(group: CompanyGroup) -> dict[str, Any]:
    return {"pk": Membership.objects.get(user=builders.make_user(role=Role.VIEWER, group=group)).pk}


def _order(group: CompanyGroup) -> dict[str, Any]:
    return {"order_id": builders.make_order(group=group).pk}


def _product(group: CompanyGroup) -> dict[str, Any]:
    return {"product_id": builders.make_product(group=group).pk}


def _customer(group: CompanyGroup) -> dict[str, Any]:
    return {"customer_id": builders.make_customer(group=group).pk}


def _connection(group: CompanyGroup) -> dict[str, Any]:
    return {"pk": builders.make_connection(group=group).pk}


def _verification(group: CompanyGroup) -> dict[str, Any]:
    wish = Wish(system="woocommerce", api_url="https://shop.example", credentials={}, order_start=None)
    return {"pk": open_verification(wish=wish, company_group_id=group.pk, user=None).pk}


def _schedule(group: CompanyGroup) -> dict[str, Any]:
    return {"pk": builders.make_schedule(connection=builders.make_connection(group=group)).pk}


def _run(group: CompanyGroup) -> dict[str, Any]:
    schedule = builders.make_schedule(connection=builders.make_connection(group=group))
    return {"pk": builders.make_run(schedule=schedule).pk}


def _issue(group: CompanyGroup) -> dict[str, Any]:
    return {"pk": builders.make_record_issue(connection=builders.make_connection(group=group)).pk}


def _unknown_system(group: CompanyGroup) -> dict[str, Any]:
    return {"system": "unknown"}


def _nothing(group: CompanyGroup) -> dict[str, Any]:
    return {"pk": 1}


ROUTES: dict[str, Route] = {
    # ---- monitoring
    "health-live": Route(PUBLIC),
    "health-ready": Route(PUBLIC),
    # ---- the shell
    "dashboard": Route(Act.SEE),
    "set-language": Route(PUBLIC, method="post"),
    "first-run": Route(PUBLIC),
    # ---- data
    "orders": Route(Act.SEE),
    "order": Route(Act.SEE, ids=_order),
    "order-source": Route(Act.SEE, ids=_order),
    "products": Route(Act.SEE),
    "product": Route(Act.SEE, ids=_product),
    "stock": Route(Act.SEE),
    "customers": Route(Act.SEE),
    "customer": Route(Act.SEE, ids=_customer),
    "search": Route(Act.SEE),
    # ---- signing in
    "account_login": Route(PUBLIC),
    "account_logout": Route(PUBLIC),
    "account_inactive": Route(PUBLIC),
    "account_signup": Route(PUBLIC),
    "account_reset_password": Route(PUBLIC),
    "account_email": Route(PUBLIC),
    "account_reauthenticate": Route(SIGNED_IN),
    "account_change_password": Route(SIGNED_IN),
    "account_set_password": Route(SIGNED_IN),
    "mfa_index": Route(SIGNED_IN),
    "mfa_authenticate": Route(PUBLIC),
    "mfa_reauthenticate": Route(SIGNED_IN),
    "mfa_activate_totp": Route(SIGNED_IN),
    "mfa_deactivate_totp": Route(SIGNED_IN, never_found=True),
    "mfa_view_recovery_codes": Route(SIGNED_IN, never_found=True),
    "mfa_generate_recovery_codes": Route(SIGNED_IN),
    "mfa_download_recovery_codes": Route(SIGNED_IN, never_found=True),
    "mfa_list_webauthn": Route(SIGNED_IN),
    "mfa_add_webauthn": Route(SIGNED_IN),
    "mfa_reauthenticate_webauthn": Route(SIGNED_IN),
    "mfa_remove_webauthn": Route(SIGNED_IN, ids=_nothing, never_found=True),
    "mfa_edit_webauthn": Route(SIGNED_IN, ids=_nothing, never_found=True),
    "mfa_login_webauthn": Route(PUBLIC),
    # ---- connections and their schedules
    "demo-start": Route(Act.MANAGE_CONNECTIONS, method="post"),
    "connections": Route(Act.SEE),
    "connections-new": Route(Act.MANAGE_CONNECTIONS),
    "connection": Route(Act.SEE, ids=_connection),
    "connection-edit": Route(Act.MANAGE_CONNECTIONS, ids=_connection),
    "connection-verify": Route(Act.MANAGE_CONNECTIONS, ids=_connection, method="post"),
    "connection-verification": Route(Act.MANAGE_CONNECTIONS, ids=_verification),
    "connection-pause": Route(Act.MANAGE_CONNECTIONS, ids=_connection, method="post"),
    "connection-activate": Route(Act.MANAGE_CONNECTIONS, ids=_connection, method="post"),
    "connection-delete": Route(Act.MANAGE_CONNECTIONS, ids=_connection),
    "schedule": Route(Act.SEE, ids=_schedule),
    "schedule-edit": Route(Act.MANAGE_CONNECTIONS, ids=_schedule),
    "schedule-preview": Route(Act.MANAGE_CONNECTIONS, ids=_schedule),
    "schedule-switch": Route(Act.MANAGE_CONNECTIONS, ids=_schedule, method="post"),
    "schedule-run": Route(Act.SYNCHRONISE, ids=_schedule, method="post"),
    "help": Route(Act.SEE, ids=_unknown_system, never_found=True),
    # ---- runs and record issues
    "runs": Route(Act.SEE),
    "run": Route(Act.SEE, ids=_run),
    "run-cancel": Route(Act.SYNCHRONISE, ids=_run, method="post"),
    "record-issues": Route(Act.SEE),
    "record-issue": Route(Act.SEE, ids=_issue),
    "record-issues-act": Route(Act.SYNCHRONISE, method="post"),
    # ---- settings
    "settings": Route(SIGNED_IN),
    "settings-profile": Route(SIGNED_IN),
    "settings-company": Route(Act.MANAGE_COMPANY),
    "settings-warehouses": Route(Act.MANAGE_COMPANY),
    "settings-warehouse-new": Route(Act.MANAGE_COMPANY),
    "settings-warehouse": Route(Act.MANAGE_COMPANY, ids=_warehouse),
    "settings-warehouse-delete": Route(Act.MANAGE_COMPANY, ids=_warehouse, method="post"),
    "settings-users": Route(Act.MANAGE_COMPANY),
    "settings-user-new": Route(Act.MANAGE_COMPANY),
    "settings-user-role": Route(Act.MANAGE_COMPANY, ids=_membership, method="post"),
    "settings-user-off": Route(Act.MANAGE_COMPANY, ids=_membership, method="post"),
    "settings-user-on": Route(Act.MANAGE_COMPANY, ids=_membership, method="post"),
    "settings-user-password": Route(Act.MANAGE_COMPANY, ids=_membership, method="post"),
}
