"""Sealed credentials, what was verified is what is saved, and what a report does to its connection."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from cryptography.fernet import Fernet
from django.test import override_settings

from tests import builders
from xtnd.companies.models import CompanyGroup
from xtnd.connections import queries, services
from xtnd.connections.models import Connection, ConnectionState, Verification
from xtnd.connections.services import Refused, Wish
from xtnd.core.text import Text
from xtnd.core.time import now

pytestmark = pytest.mark.django_db

WISH = Wish(
    system="woocommerce",
    api_url="https://shop.example",
    credentials={"access_token": "ck_" + "a1" * 20, "secret": "cs_" + "b2" * 20},
    order_start=date(2026, 1, 1),
)


def _green(group: CompanyGroup, wish: Wish = WISH) -> Verification:
    verification = services.open_verification(wish=wish, company_group_id=group.pk, user=None)
    services.close_verification(verification, green=True, checks=[], options={"auth": "basic"}, facts={})
    return verification


def _create(group: CompanyGroup, verification: Verification, wish: Wish = WISH, name: str = "Shop") -> Connection:
    return services.create_connection(
        verification=verification, wish=wish, name=name, company_group_id=group.pk, warehouse=None, user=None
    )


def test_credentials_are_sealed_trimmed_and_cannot_be_printed() -> None:
    sealed = services.seal({"secret": " cs_very-secret-0042 "})
    assert b"very-secret" not in sealed
    opened = services.unseal(sealed)
    assert opened["secret"].reveal() == "cs_very-secret-0042"
    assert "very-secret" not in repr(opened)
    assert services.hints({"secret": " cs_very-secret-0042 ", "short": "abc"}) == {"secret": "…0042", "short": "…"}


def test_a_new_key_in_front_still_opens_what_the_old_one_sealed() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    with override_settings(CREDENTIAL_KEYS=[old]):
        sealed = services.seal({"secret": "x"})
    with override_settings(CREDENTIAL_KEYS=[new, old]):
        assert services.unseal(sealed)["secret"].reveal() == "x"
    with override_settings(CREDENTIAL_KEYS=[new]), pytest.raises(Refused, match="cannot be decrypted"):
        services.unseal(sealed)


@pytest.mark.parametrize(
    "other",
    [
        replace(WISH, system="shopify"),
        replace(WISH, api_url="https://shop.example/butik"),
        replace(WISH, credentials={**WISH.credentials, "secret": "other"}),
        replace(WISH, order_start=None),
    ],
)
def test_only_the_very_same_fields_are_what_was_verified(other: Wish) -> None:
    group = builders.make_group()
    verification = _green(group)
    assert services.refuse_unless_verified(verification, WISH) is verification
    with pytest.raises(Refused):
        services.refuse_unless_verified(verification, other)


def test_spaces_around_a_field_change_nothing() -> None:
    spaced = replace(
        WISH, api_url=" https://shop.example ", credentials={k: f" {v}\n" for k, v in WISH.credentials.items()}
    )
    assert spaced.fingerprint() == WISH.fingerprint()
    assert WISH.credentials["secret"] not in WISH.fingerprint()


def test_an_old_report_is_no_report() -> None:
    verification = _green(builders.make_group())
    verification.updated_at = now() - timedelta(minutes=61)
    with pytest.raises(Refused, match="more than an hour"):
        services.refuse_unless_verified(verification, WISH)


def test_a_report_of_another_group_saves_nothing() -> None:
    verification = _green(builders.make_group())
    with pytest.raises(Refused, match="company group was changed"):
        _create(builders.make_group(), verification)


def test_a_warehouse_of_another_group_is_refused() -> None:
    group = builders.make_group()
    with pytest.raises(Refused, match="warehouse belongs to another"):
        services.create_connection(
            verification=_green(group),
            wish=WISH,
            name="Shop",
            company_group_id=group.pk,
            warehouse=builders.make_warehouse(),
            user=None,
        )


def test_names_are_one_whatever_their_case() -> None:
    group = builders.make_group()
    connection = _create(group, _green(group), name=" Butik ")
    assert connection.name == "Butik"
    assert queries.name_taken(group.pk, "BUTIK")
    assert not queries.name_taken(group.pk, "butik", besides=connection)
    assert not queries.name_taken(builders.make_group().pk, "butik")
    with pytest.raises(Refused, match="already a connection"):
        _create(group, _green(group), name="BUTIK")


def test_edit_keeps_the_system_and_mends_what_needed_attention() -> None:
    group = builders.make_group()
    connection = _create(group, _green(group))
    services.needs_attention(connection.pk, Text("The key was revoked."), "wrong_key")
    connection.refresh_from_db()
    assert connection.state == ConnectionState.ATTENTION
    shopify = replace(WISH, system="shopify")
    with pytest.raises(Refused, match="external system"):
        services.update_connection(
            connection, verification=_green(group, shopify), wish=shopify, name="Shop", warehouse=None
        )
    services.update_connection(connection, verification=_green(group), wish=WISH, name="Shop 2", warehouse=None)
    connection.refresh_from_db()
    assert (connection.state, connection.name, connection.attention) == (ConnectionState.ACTIVE, "Shop 2", {})


def test_pause_is_not_undone_by_a_report_or_an_error() -> None:
    group = builders.make_group()
    connection = _create(group, _green(group))
    services.pause(connection)
    services.needs_attention(connection.pk, Text("No."), "wrong_key")
    services.adopt_report(connection, _green(group))
    connection.refresh_from_db()
    assert connection.state == ConnectionState.PAUSED


def test_time_zones_follow_the_warehouse_else_the_groups_first_company() -> None:
    group = builders.make_group()
    builders.make_company(group=group, time_zone="Europe/Oslo")
    finnish = builders.make_company(group=group, time_zone="Europe/Helsinki")
    plain = builders.make_connection(group=group)
    there = builders.make_connection(group=group, warehouse=builders.make_warehouse(company=finnish))
    alone = builders.make_connection()
    rows = queries.connections([group.pk, alone.company_group_id])
    assert queries.time_zones(rows) == {plain.pk: "Europe/Oslo", there.pk: "Europe/Helsinki", alone.pk: "UTC"}
    assert {row.pk: row.time_zone for row in rows} == queries.time_zones(rows)
