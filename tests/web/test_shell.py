"""The page around every page: menu, headers, vendored files, tags, error pages."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.utils import timezone, translation

import xtnd.web
from tests import builders
from xtnd.companies.access import Act
from xtnd.companies.models import Company, Role
from xtnd.web import menu

WEB = Path(xtnd.web.__file__).parent
VENDOR = WEB / "static" / "vendor"
LOCK = json.loads((VENDOR / "lock.json").read_text())


class TestVendored:
    @pytest.mark.parametrize("entry", LOCK, ids=lambda entry: entry["file"])
    def test_a_file_is_the_one_we_locked(self, entry: dict[str, str]) -> None:
        content = (VENDOR / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert b"sourceMappingURL" not in content, "collectstatic would look for the map"
        assert entry["licence"] in ("MIT", "0BSD")

    def test_every_file_is_locked(self) -> None:
        there = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}
        assert {name for name in there if not re.search(r"(LICENSE(\.md)?|lock\.json)$", name)} == {
            entry["file"] for entry in LOCK
        }


class TestHeaders:
    def test_the_policy_allows_nothing_inline(self, browser: Client) -> None:
        policy = browser.get("/settings/")["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "style-src 'self'" in policy
        assert "unsafe" not in policy

    def test_no_template_has_inline_code(self) -> None:
        for path in (WEB / "templates").rglob("*.html"):
            text = path.read_text()
            where = str(path.relative_to(WEB))
            assert not re.search(r"<script(?![^>]*\b(src=|application/json))", text), where
            assert not re.search(r"<[^>]+\s(style|on[a-z]+)=[\"']", text), where
            assert "<style" not in text, where
            assert "hx-on" not in text, where

    def test_every_post_form_carries_a_token(self) -> None:
        for path in (WEB / "templates").rglob("*.html"):
            for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", path.read_text(), re.S):
                assert "csrf_token" in form, path.name

    def test_a_post_without_a_token_is_refused_in_plain_words(self, company: Company) -> None:
        builders.make_user(group=company.group)
        answer = Client(enforce_csrf_checks=True).post("/language/", {"language": "sv"})
        assert answer.status_code == 403
        assert "The form was too old" in answer.text

    def test_the_token_of_the_page_opens_htmx_requests(self, browser: Client) -> None:
        page = browser.get("/settings/").text
        token = re.search(r"hx-headers='\{\"X-CSRFToken\": \"(\w+)\"\}'", page)
        assert token
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = browser.cookies
        posted = strict.post("/language/", {"language": "en"}, headers={"X-CSRFToken": token[1]})
        assert posted.status_code == 302

    def test_cookies_are_hidden_from_scripts_and_secure_over_https(
        self, client: Client, settings: LazySettings, db: None
    ) -> None:
        settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = settings.LANGUAGE_COOKIE_SECURE = True
        builders.make_user(email="anna@example.com", password="pw")
        client.get("/account/login/")
        client.post("/account/login/", {"login": "anna@example.com", "password": "pw"})
        client.post("/language/", {"language": "sv"})
        for name in ("xtnd_session", "xtnd_csrf", "xtnd_language"):
            cookie = client.cookies[name]
            assert cookie["httponly"], name
            assert cookie["secure"], name
            assert cookie["samesite"] == "Lax", name


class TestMenu:
    def test_shows_only_what_the_role_may_use(self) -> None:
        def urls(*acts: Act) -> list[str]:
            return [item.url for _label, items in menu.sections(acts, "/") for item in items]

        assert "/settings/company/" in urls(*Act)
        assert "/settings/company/" not in urls(Act.SEE)
        assert urls(Act.SEE)[0] == "/"
        assert urls() == []

    def test_pages_that_do_not_exist_are_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        missing = menu.Section("", (menu.Entry("Nowhere", "no-such-page", "home", Act.SEE),))
        monkeypatch.setattr(menu, "MENU", (missing,))
        assert menu.sections([Act.SEE], "/") == []

    def test_the_page_we_are_on_is_marked_once(self) -> None:
        for path, marked in (("/", "/"), ("/settings/users/new/", "/settings/users/")):
            items = [item for _label, items in menu.sections(list(Act), path) for item in items]
            assert [item.url for item in items if item.active] == [marked]

    def test_every_icon_exists(self) -> None:
        from xtnd.web.icons import ICONS

        assert {entry.icon for section in menu.MENU for entry in section.entries} <= set(ICONS)
        used = {
            name
            for path in (WEB / "templates").rglob("*.html")
            for name in re.findall(r"{% icon [\"']([\w-]+)[\"']", path.read_text())
        }
        assert used <= set(ICONS)


def _render(text: str, **context: object) -> str:
    return Template("{% load xtnd %}" + text).render(Context(context))


class TestTags:
    @pytest.mark.parametrize(("language", "expected"), [("en", "SEK\xa01,234.50"), ("sv", "1\xa0234,50\xa0kr")])
    def test_money(self, language: str, expected: str) -> None:
        with translation.override(language):
            assert _render('{{ amount|money:"SEK" }}', amount=Decimal("1234.5")) == expected

    def test_money_without_a_currency_and_without_an_amount(self) -> None:
        with translation.override("en"):
            assert _render('{{ amount|money:"" }}', amount=Decimal("1234.5")) == "1,234.50"
            assert _render('{{ amount|money:"SEK" }}', amount=None) == "–"

    @pytest.mark.parametrize(
        ("number", "expected"), [(Decimal("2.000"), "2"), (Decimal("0.25"), "0,25"), (1200, "1\xa0200")]
    )
    def test_quantity(self, number: Decimal | int, expected: str) -> None:
        with translation.override("sv"):
            assert _render("{{ n|quantity }}", n=number) == expected

    def test_local_time(self) -> None:
        at = datetime(2026, 3, 1, 13, 5, tzinfo=UTC)
        with timezone.override("Europe/Stockholm"):
            assert _render("{{ at|local }}", at=at) == "2026-03-01 14:05"
            assert _render('{{ at|local:"UTC" }}', at=at) == "2026-03-01 13:05"
        assert _render("{{ at|local }}", at=None) == "–"

    def test_ago_has_the_exact_time_on_hover(self) -> None:
        shown = _render("{{ at|ago }}", at=timezone.now() - timedelta(hours=2, minutes=5))
        assert "2\xa0hours ago" in shown
        assert "title=" in shown

    def test_badges_say_the_state_in_words_and_escape_them(self) -> None:
        shown = _render("{% state_badge state label %}", state="failed", label="<b>Failed</b>")
        assert "bg-red-lt" in shown
        assert "&lt;b&gt;Failed" in shown
        assert "bg-secondary-lt" in _render("{% state_badge state %}", state="unheard_of")

    def test_icons_are_hidden_from_screen_readers(self) -> None:
        assert 'aria-hidden="true"' in _render('{% icon "home" %}')

    def test_query_replace(self) -> None:
        request = RequestFactory().get("/?q=a%26b&after=9&sort=total")
        shown = _render("{% query_replace sort='-total' after=None %}", request=request)
        assert shown == "q=a%26b&amp;sort=-total"


class TestErrorPages:
    def test_404(self, browser: Client) -> None:
        answer = browser.get("/no/such/page/")
        assert answer.status_code == 404
        assert "This page does not exist" in answer.text

    def test_403(self, client: Client, company: Company) -> None:
        client.force_login(builders.make_user(role=Role.VIEWER, group=company.group))
        answer = client.get("/settings/company/")
        assert answer.status_code == 403
        assert "Your role does not allow this" in answer.text

    def test_500(self, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        from xtnd.companies import queries

        browser.raise_request_exception = False
        monkeypatch.setattr(queries, "warehouses", lambda *_: 1 / 0)
        answer = browser.get("/settings/warehouses/")
        assert answer.status_code == 500
        assert "Something went wrong" in answer.text
