"""First run, signing in and out, languages, one-time passwords."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from tests import builders
from xtnd.companies import services
from xtnd.companies.models import Company, Role, User, Warehouse

FILLED = {
    "email": "anna@example.com",
    "owner_name": "Anna",
    "password": "four right horses",
    "password_again": "four right horses",
    "language": "sv",
    "name": "Nordisk Handel AB",
    "country": "SE",
    "org_number": "5560360793",
    "vat_number": "",
    "currency": "SEK",
    "time_zone": "Europe/Stockholm",
    "warehouse_code": "1",
    "warehouse_name": "Main warehouse",
}


@pytest.mark.django_db
class TestFirstRun:
    def test_every_page_leads_to_it_until_there_is_an_owner(self, client: Client) -> None:
        for path in ("/", "/account/login/", "/settings/"):
            answer = client.get(path)
            assert (answer.status_code, answer["Location"]) == (302, "/first-run/")
        assert client.get("/health/live").status_code == 200

    def test_creates_everything_and_signs_in(self, client: Client) -> None:
        answer = client.post("/first-run/", FILLED)
        assert answer.status_code == 302
        assert Company.objects.get().org_number == "556036-0793"
        assert Warehouse.objects.get().code == "1"
        page = client.get("/settings/profile/")
        assert page.status_code == 200
        assert '<html lang="sv">' in page.text

    def test_is_over_when_there_is_an_owner(self, client: Client) -> None:
        builders.make_user()
        assert client.get("/first-run/")["Location"] == "/"
        assert client.post("/first-run/", FILLED)["Location"] == "/"
        assert User.objects.count() == 1

    def test_says_politely_that_somebody_was_faster(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def too_late(**_: object) -> None:
            raise services.AlreadyFounded

        monkeypatch.setattr(services, "found", too_late)
        assert client.post("/first-run/", FILLED)["Location"] == reverse("account_login")

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"org_number": "556036-0794"}, "org_number"),
            ({"password_again": "four wrong horses"}, "password_again"),
            ({"password": "short", "password_again": "short"}, "password"),
            ({"time_zone": "Mars/Olympus"}, "time_zone"),
            ({"email": "anna"}, "email"),
            ({"warehouse_code": ""}, "warehouse_code"),
            ({"country": "XX"}, "country"),
        ],
    )
    def test_a_wrong_field_is_said_beside_the_field(self, client: Client, wrong: dict[str, str], field: str) -> None:
        answer = client.post("/first-run/", FILLED | wrong)
        assert answer.status_code == 422
        assert field in answer.context["form"].errors
        assert not User.objects.exists()

    def test_the_language_can_be_switched_before_there_is_an_account(self, client: Client) -> None:
        answer = client.post("/language/", {"language": "sv", "next": "/first-run/"})
        assert answer["Location"] == "/first-run/"
        assert '<html lang="sv">' in client.get("/first-run/").text


@pytest.mark.django_db
class TestSigningIn:
    @pytest.fixture(autouse=True)
    def _user(self) -> None:
        builders.make_company(group=builders.make_user(email="anna@example.com", password="pw").memberships.get().group)

    def test_in_and_out(self, client: Client) -> None:
        assert client.post("/account/login/", {"login": "anna@example.com", "password": "pw"})["Location"] == "/"
        assert client.get("/settings/").status_code == 200
        assert client.get("/account/logout/").status_code == 200, "a link alone signs nobody out"
        assert client.get("/settings/").status_code == 200
        client.post("/account/logout/")
        assert client.get("/settings/").status_code == 302

    def test_goes_where_the_person_was_going(self, client: Client) -> None:
        sent = client.get("/settings/company/?company=1")["Location"]
        assert sent == "/account/login/?next=/settings/company/%3Fcompany%3D1"

    def test_wrong_password(self, client: Client) -> None:
        answer = client.post("/account/login/", {"login": "anna@example.com", "password": "no"})
        assert answer.status_code in (200, 422)
        assert "_auth_user_id" not in client.session

    def test_guessing_is_slowed_down(self, client: Client) -> None:
        for _attempt in range(12):
            client.post("/account/login/", {"login": "anna@example.com", "password": "no"})
        client.post("/account/login/", {"login": "anna@example.com", "password": "pw"})
        assert "_auth_user_id" not in client.session

    def test_there_is_no_sign_up(self, client: Client) -> None:
        assert client.get("/account/signup/")["Location"] == reverse("account_login")
        assert client.post("/account/signup/", {"email": "x@example.com"}).status_code == 302
        assert User.objects.count() == 1

    def test_a_forgotten_password_names_the_command(self, client: Client) -> None:
        assert "xtnd password" in client.get("/account/password/reset/").text


@pytest.mark.django_db
def test_a_one_time_password_must_be_changed_first(client: Client) -> None:
    group = builders.make_company().group
    _user, password = services.add_user(group=group, email="bo@example.com", name="Bo", role=Role.STAFF, language="en")
    client.post("/account/login/", {"login": "bo@example.com", "password": password})
    for path in ("/", "/settings/", "/settings/profile/"):
        assert client.get(path)["Location"] == "/account/password/change/"
    assert client.get("/", headers={"HX-Request": "true"})["HX-Redirect"] == "/account/password/change/"
    page = client.get("/account/password/change/")
    assert "one-time password" in page.text
    new = "four right horses"
    client.post("/account/password/change/", {"oldpassword": password, "password1": new, "password2": new})
    assert client.get("/settings/").status_code == 200


@pytest.mark.django_db
class TestLanguages:
    def test_the_users_own_language_wins_over_the_browsers(self, client: Client) -> None:
        client.force_login(builders.make_user(language="sv"))
        page = client.get("/settings/profile/", headers={"Accept-Language": "en"})
        assert '<html lang="sv">' in page.text

    def test_switching_is_remembered_for_the_user(self, client: Client) -> None:
        user = builders.make_user(language="en")
        client.force_login(user)
        client.post("/language/", {"language": "sv", "next": "/settings/"})
        user.refresh_from_db()
        assert user.language == "sv"

    @pytest.mark.parametrize("onward", ["https://evil.example", "//evil.example", "javascript:alert(1)", ""])
    def test_never_leads_to_another_site(self, client: Client, onward: str) -> None:
        builders.make_user()
        assert client.post("/language/", {"language": "sv", "next": onward})["Location"] == "/"

    def test_an_unknown_language_changes_nothing(self, client: Client) -> None:
        user = builders.make_user(language="en")
        client.force_login(user)
        assert "xtnd_language" not in client.post("/language/", {"language": "xx"}).cookies
        user.refresh_from_db()
        assert user.language == "en"


@pytest.mark.django_db
class TestSecondStep:
    PAGES = ("/account/mfa/", "/account/mfa/totp/activate/", "/account/mfa/webauthn/", "/account/mfa/webauthn/add/")

    @pytest.fixture
    def signed_in(self, client: Client) -> Client:
        builders.make_company(group=builders.make_user(email="anna@example.com", password="pw").memberships.get().group)
        client.post("/account/login/", {"login": "anna@example.com", "password": "pw"})
        assert "Location" in client.get(self.PAGES[1]).headers, "the password is asked for once more"
        client.post("/account/reauthenticate/", {"password": "pw"})
        return client

    @pytest.mark.parametrize("path", PAGES)
    def test_pages_have_our_shell_and_no_inline_code(self, signed_in: Client, path: str) -> None:
        page = signed_in.get(path)
        assert page.status_code == 200
        assert 'id="menu"' in page.text
        assert not re.search(r"<script(?![^>]*(src=|application/json))", page.text)
        assert " style=" not in page.text

    def test_authenticator_app_and_recovery_codes(self, signed_in: Client) -> None:
        from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

        secret = signed_in.get("/account/mfa/totp/activate/").context["form"].secret
        code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
        assert signed_in.post("/account/mfa/totp/activate/", {"code": code}).status_code == 302
        codes = signed_in.get("/account/mfa/recovery-codes/")
        assert codes.status_code == 200
        signed_in.post("/account/logout/")
        again = signed_in.post("/account/login/", {"login": "anna@example.com", "password": "pw"})
        assert again["Location"].startswith("/account/mfa/authenticate/")
        assert signed_in.get("/settings/").status_code == 302, "the password alone is not enough"
        one = codes.context["unused_codes"][0]
        assert signed_in.post("/account/mfa/authenticate/", {"code": one})["Location"] == "/"
        assert signed_in.get("/settings/").status_code == 200
