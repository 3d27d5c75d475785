"""Writes: founding the company, warehouses, users and their roles."""

from __future__ import annotations

import secrets
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from xtnd.companies import queries, registration
from xtnd.companies.models import Company, CompanyGroup, Membership, Role, User, Warehouse


class AlreadyFounded(Exception):
    """There is an owner: the first run is over."""


class Refused(Exception):
    """Something that must not be done now; the text says why, in plain words and in the reader's language."""


@dataclass(frozen=True, kw_only=True)
class CompanyFacts:
    """What a company says of itself. Numbers are checked and rewritten on the way in."""

    name: str
    country: str
    currency: str
    time_zone: str
    org_number: str = ""
    vat_number: str = ""
    street: str = ""
    postcode: str = ""
    city: str = ""


@dataclass(frozen=True, kw_only=True)
class WarehouseFacts:
    code: str
    name: str
    street: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""


# ------------------------------------------------------------------ the first run


@transaction.atomic
def found(
    *, email: str, password: str, name: str, language: str, company: CompanyFacts, warehouse: WarehouseFacts
) -> User:
    """The owner, the company and its first warehouse: all or nothing, once. Raises AlreadyFounded, ValidationError.

    What scripts made before there was an owner (`xtnd connect` on an empty installation) is theirs from now on: every
    group gets the owner, and the first company gets these facts.
    """
    _let_nobody_else_in()
    if User.objects.exists():
        raise AlreadyFounded
    owner = User(email=email.strip().lower(), name=name.strip(), language=language)
    with _as_field("password"):
        validate_password(password, owner)
    owner.set_password(password)
    owner.full_clean()
    owner.save()
    firm = Company.objects.order_by("id").first()
    if firm is None:
        firm = Company(group=CompanyGroup.objects.create(name=company.name))
    elif not CompanyGroup.objects.filter(name__iexact=company.name.strip()).exists():
        CompanyGroup.objects.filter(pk=firm.group_id).update(name=company.name.strip())
    for group in CompanyGroup.objects.all():
        Membership.objects.create(user=owner, group=group, role=Role.OWNER)
    change_company(company=firm, facts=company)
    made = Warehouse.objects.filter(company=firm, code__iexact=warehouse.code.strip()).first()
    change_warehouse(warehouse=made or Warehouse(company=firm), facts=warehouse)
    return owner


def _let_nobody_else_in() -> None:
    """Two first runs at once: the second waits, then finds an owner. SQLite's transaction has the only lock anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE companies_user IN SHARE ROW EXCLUSIVE MODE")


# ------------------------------------------------------------------ companies and warehouses


@transaction.atomic
def change_company(*, company: Company, facts: CompanyFacts) -> Company:
    """Raises ValidationError by field name."""
    if facts.time_zone not in zoneinfo.available_timezones():
        raise ValidationError({"time_zone": _("Choose one of the time zones, such as Europe/Stockholm.")}, code="zone")
    company.name = facts.name.strip()
    company.country, company.currency, company.time_zone = facts.country, facts.currency, facts.time_zone
    company.street, company.postcode, company.city = facts.street, facts.postcode, facts.city
    with _as_field("org_number"):
        company.org_number = registration.org_number(facts.country, facts.org_number)
    with _as_field("vat_number"):
        company.vat_number = registration.vat_number(facts.country, facts.vat_number, org_number=company.org_number)
    company.full_clean()
    company.save()
    return company


@contextmanager
def _as_field(name: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise ValidationError({name: error}) from error


def add_warehouse(*, company: Company, facts: WarehouseFacts) -> Warehouse:
    return change_warehouse(warehouse=Warehouse(company=company), facts=facts)


@transaction.atomic
def change_warehouse(*, warehouse: Warehouse, facts: WarehouseFacts) -> Warehouse:
    """Raises ValidationError, also when the company already has a warehouse with that code."""
    warehouse.code, warehouse.name = facts.code.strip(), facts.name.strip()
    warehouse.street, warehouse.postcode, warehouse.city = facts.street, facts.postcode, facts.city
    warehouse.country = facts.country or warehouse.company.country
    taken = Warehouse.objects.filter(company=warehouse.company, code__iexact=warehouse.code).exclude(pk=warehouse.pk)
    if taken.exists():
        raise ValidationError({"code": _("The company already has a warehouse with this code.")}, code="taken")
    warehouse.full_clean()
    warehouse.save()
    return warehouse


@transaction.atomic
def delete_warehouse(*, warehouse: Warehouse) -> None:
    """Refused while anything points at it, or when it is the company's last."""
    if not Warehouse.objects.select_for_update().filter(company=warehouse.company).exclude(pk=warehouse.pk).exists():
        raise Refused(_("This is the only warehouse. Add another one before you delete it."))
    try:
        warehouse.delete()
    except ProtectedError as error:
        raise Refused(_used_by(error)) from error


def _used_by(error: ProtectedError) -> str:
    kinds = {type(row)._meta.model_name for row in error.protected_objects}
    if "connection" in kinds:
        return _("A connection uses this warehouse. Choose another warehouse for the connection first.")
    if kinds & {"stocklevel", "stockmovement"}:
        return _(
            "There is stock, or a history of stock, in this warehouse. It is kept for the books and cannot be deleted."
        )
    return _("This warehouse is in use and cannot be deleted.")


# ------------------------------------------------------------------ users and roles


@transaction.atomic
def add_user(*, group: CompanyGroup, email: str, name: str, role: str, language: str) -> tuple[User, str]:
    """The user and a password to hand over, which they must change when they first sign in.

    Somebody who already has an account (in another group) keeps their password, and "" comes back.
    """
    email = email.strip().lower()
    user = User.objects.filter(email__iexact=email).first()
    if user is not None:
        if Membership.objects.filter(user=user, group=group).exists():
            raise ValidationError({"email": _("There is already a user with this email address.")}, code="taken")
        Membership.objects.create(user=user, group=group, role=role)
        return user, ""
    user = User(email=email, name=name.strip(), language=language)
    password = _give_one_time_password(user)
    user.full_clean()
    user.save()
    Membership.objects.create(user=user, group=group, role=role)
    return user, password


@transaction.atomic
def change_role(*, membership: Membership, role: str) -> None:
    if role not in Role.values:
        raise ValidationError({"role": _("Choose one of the roles.")}, code="role")
    if role != Role.OWNER:
        _keep_an_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])


@transaction.atomic
def switch_off(*, membership: Membership) -> None:
    """The account cannot sign in any more. Somebody who also works in another group only leaves this one."""
    _keep_an_owner(membership)
    user = membership.user
    if Membership.objects.filter(user=user).exclude(pk=membership.pk).exists():
        membership.delete()
        return
    user.is_active = False
    user.save(update_fields=["is_active"])


def switch_on(*, membership: Membership) -> None:
    membership.user.is_active = True
    membership.user.save(update_fields=["is_active"])


@transaction.atomic
def renew_password(*, membership: Membership) -> str:
    """A new one-time password. Refused for somebody who also works in another group: it is their account too."""
    user = membership.user
    if Membership.objects.filter(user=user).exclude(pk=membership.pk).exists():
        raise Refused(_("This person also works in another company group and must change the password themselves."))
    password = _give_one_time_password(user)
    user.save()
    return password


def set_password(*, email: str, password: str) -> User:
    """From the command line, where there is no email to send a link with. Raises User.DoesNotExist, ValidationError."""
    user = User.objects.get(email__iexact=email.strip())
    validate_password(password, user)
    user.set_password(password)
    user.save()
    return user


def change_profile(*, user: User, name: str, language: str) -> None:
    user.name, user.language = name.strip(), language
    user.full_clean()
    user.save(update_fields=["name", "language"])


def _keep_an_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER or not membership.user.is_active:
        return
    owners = list(queries.active_owners(membership.group_id).select_for_update(of=("self",)))
    if len(owners) <= 1:
        raise Refused(_("This is the last owner. Make somebody else an owner first."))


_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def _give_one_time_password(user: User) -> str:
    """Four groups of four, easy to read out: 79 bits, without 0, o, 1, l and i."""
    password = "-".join("".join(secrets.choice(_LETTERS) for _letter in range(4)) for _group in range(4))
    user.set_password(password)
    user.password_is_temporary = True
    return password
