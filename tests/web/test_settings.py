"""Company, warehouses, users and the profile."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests import builders
from xtnd.companies.models import Company, Membership, Role, User, Warehouse

COMPANY = {
    "name": "Demo AB",
    "country": "SE",
    "org_number": "556036-0793",
    "vat_number": "",
    "currency": "SEK",
    "time_zone": "Europe/Stockholm",
    "street": "",
    "postcode": "",
    "city": "Jönköping",
}


class TestCompany:
    def test_is_saved(self, browser: Client, company: Company) -> None:
        assert browser.post("/settings/company/", COMPANY).status_code == 302
        company.refresh_from_db()
        assert (company.city, company.vat_number) == ("Jönköping", "SE556036079301")

    def test_a_wrong_number_is_said_beside_its_field(self, browser: Client, company: Company) -> None:
        answer = browser.post("/settings/company/", COMPANY | {"org_number": "556036-0794"})
        assert answer.status_code == 422
        assert "org_number" in answer.context["form"].errors
        company.refresh_from_db()
        assert company.org_number == "556036-0793"

    def test_one_of_several(self, browser: Client, company: Company) -> None:
        other = builders.make_company(group=company.group, name="Other AB")
        assert "Other AB" in browser.get("/settings/company/").text
        browser.post(f"/settings/company/?company={other.pk}", COMPANY | {"name": "Renamed AB"})
        other.refresh_from_db()
        assert other.name == "Renamed AB"

    def test_another_groups_company_does_not_exist(self, browser: Client) -> None:
        address = f"/settings/company/?company={builders.make_company().pk}"
        assert browser.get(address).status_code == 404
        assert browser.post(address, COMPANY).status_code == 404
        assert browser.get("/settings/company/?company=x").status_code == 404

    def test_the_companys_time_zone_is_the_pages(self, browser: Client, company: Company) -> None:
        from django.utils import timezone

        Company.objects.update(time_zone="America/New_York")
        page = browser.get("/settings/")
        assert page.status_code == 200
        assert timezone.get_current_timezone_name() == "UTC", "and nothing leaks into the next request"


class TestWarehouses:
    FILLED = {"code": "JKPG", "name": "Jönköping", "street": "", "postcode": "", "city": "", "country": ""}

    def test_add_edit_delete(self, browser: Client, company: Company) -> None:
        browser.post("/settings/warehouses/new/", self.FILLED)
        warehouse = Warehouse.objects.get(code="JKPG")
        assert warehouse.company == company
        browser.post(f"/settings/warehouses/{warehouse.pk}/", self.FILLED | {"name": "Huskvarna"})
        warehouse.refresh_from_db()
        assert warehouse.name == "Huskvarna"
        browser.post(f"/settings/warehouses/{warehouse.pk}/delete/")
        assert not Warehouse.objects.filter(pk=warehouse.pk).exists()

    def test_the_reason_for_a_refusal_is_shown(self, browser: Client, company: Company) -> None:
        page = browser.post(f"/settings/warehouses/{company.warehouses.get().pk}/delete/", follow=True)
        assert "This is the only warehouse" in page.text

    def test_a_code_twice_is_said_beside_its_field(self, browser: Client) -> None:
        answer = browser.post("/settings/warehouses/new/", self.FILLED | {"code": "1"})
        assert answer.status_code == 422
        assert "code" in answer.context["form"].errors

    def test_never_in_another_groups_company(self, browser: Client) -> None:
        theirs = builders.make_company()
        assert browser.post("/settings/warehouses/new/", self.FILLED | {"company": theirs.pk}).status_code == 404
        assert not theirs.warehouses.exists()

    def test_only_our_own_are_listed(self, browser: Client) -> None:
        builders.make_warehouse(name="Somebody else's")
        assert "Somebody else" not in browser.get("/settings/warehouses/").text

    def test_deleting_takes_a_post(self, browser: Client, company: Company) -> None:
        assert browser.get(f"/settings/warehouses/{company.warehouses.get().pk}/delete/").status_code == 405


class TestUsers:
    NEW = {"email": "bo@example.com", "name": "Bo", "role": "staff", "language": "sv"}

    def test_a_new_user_and_a_password_shown_once(self, browser: Client) -> None:
        answer = browser.post("/settings/users/new/", self.NEW)
        user = User.objects.get(email="bo@example.com")
        shown = re.search(r"[a-z0-9]{4}(-[a-z0-9]{4}){3}", answer.text)
        assert shown
        assert user.check_password(shown[0])
        assert "no-store" in answer["Cache-Control"]
        assert shown[0] not in browser.get("/settings/users/").text

    def test_an_address_twice_is_said_beside_its_field(self, browser: Client) -> None:
        answer = browser.post("/settings/users/new/", self.NEW | {"email": "OWNER@example.com"})
        assert answer.status_code == 422
        assert "email" in answer.context["form"].errors

    def test_never_into_another_group(self, browser: Client) -> None:
        theirs = builders.make_group()
        assert browser.post("/settings/users/new/", self.NEW | {"group": theirs.pk}).status_code == 404
        assert not User.objects.filter(email="bo@example.com").exists()

    def test_roles_off_and_on(self, browser: Client, company: Company) -> None:
        user = builders.make_user(role=Role.VIEWER, group=company.group)
        row = Membership.objects.get(user=user)
        browser.post(f"/settings/users/{row.pk}/role/", {"role": "accountant"})
        row.refresh_from_db()
        assert row.role == Role.ACCOUNTANT
        browser.post(f"/settings/users/{row.pk}/off/")
        user.refresh_from_db()
        assert not user.is_active
        browser.post(f"/settings/users/{row.pk}/on/")
        user.refresh_from_db()
        assert user.is_active

    def test_the_last_owner_stays_and_the_page_says_why(self, browser: Client, owner: User) -> None:
        row = owner.memberships.get()
        assert "last owner" in browser.post(f"/settings/users/{row.pk}/off/", follow=True).text
        assert "last owner" in browser.post(f"/settings/users/{row.pk}/role/", {"role": "staff"}, follow=True).text
        assert (
            "Choose one of the roles"
            in browser.post(f"/settings/users/{row.pk}/role/", {"role": "king"}, follow=True).text
        )

    def test_only_our_own_are_listed(self, browser: Client) -> None:
        builders.make_user(name="Somebody Else")
        assert "Somebody Else" not in browser.get("/settings/users/").text

    def test_the_list_costs_the_same_for_many(
        self, browser: Client, company: Company, django_assert_num_queries: object
    ) -> None:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        browser.get("/settings/users/")
        with CaptureQueriesContext(connection) as few:
            browser.get("/settings/users/")
        for _user in range(10):
            builders.make_user(role=Role.STAFF, group=company.group)
        with CaptureQueriesContext(connection) as many:
            browser.get("/settings/users/")
        assert len(many) == len(few) <= 8


@pytest.mark.django_db
class TestProfile:
    def test_name_and_language(self, browser: Client, owner: User) -> None:
        answer = browser.post("/settings/profile/", {"name": "Anna", "language": "sv"}, follow=True)
        owner.refresh_from_db()
        assert (owner.name, owner.language) == ("Anna", "sv")
        assert '<html lang="sv">' in answer.text

    def test_an_empty_name_is_refused(self, browser: Client) -> None:
        assert browser.post("/settings/profile/", {"name": "", "language": "sv"}).status_code == 422

    def test_somebody_without_a_group_still_has_one(self, client: Client) -> None:
        user = builders.make_user()
        user.memberships.all().delete()
        client.force_login(user)
        assert client.get("/settings/profile/").status_code == 200
        assert client.get("/").status_code == 403
