"""The main job as a merchant does it, in English and in Swedish: from nothing to every order of a store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Installation, picture
from xtnd.ops.demo.seed import seed_store
from xtnd.ops.demo.server import StoreServer
from xtnd.ops.demo.store import Key, Store

pytestmark = pytest.mark.e2e

KEY = Key("ck_" + "f6" * 20, "cs_" + "07" * 20)
PASSWORD = "tre gula cyklar"

WORDS = {
    "en": {
        "title": "Welcome",
        "red": "The report is red",
        "green": "The report is green",
        "orders": "Orders",
        "search": "Search",
        "received": "Order received",
    },
    "sv": {
        "title": "Välkommen",
        "red": "Rapporten är röd",
        "green": "Rapporten är grön",
        "orders": "Ordrar",
        "search": "Sök",
        "received": "Ordern mottagen",
    },
}


@pytest.fixture
def shop() -> Iterator[tuple[Store, StoreServer]]:
    store = Store(keys=[KEY])
    seed_store(store, orders=230, products=40, customers=20)
    with StoreServer(store) as server:
        yield store, server


@pytest.mark.parametrize("language", ["en", "sv"])
def test_from_nothing_to_every_order(
    page: Page, installation: Installation, shop: tuple[Store, StoreServer], language: str
) -> None:
    store, server = shop
    words = WORDS[language]

    # First run: no default password, any address leads here.
    page.goto(f"{installation.url}/orders/")
    expect(page).to_have_url(re.compile("/first-run/"))
    if language == "sv":
        page.get_by_role("button", name="Svenska").click()
    expect(page.get_by_role("heading", name=words["title"])).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", language)
    _found(page)
    picture(page, f"{language}-1-first-run")
    page.locator("form:has([name=owner_name]) button[type=submit]").click()

    # The form and its guide; a wrong secret first.
    expect(page).to_have_url(re.compile("/connections/new/"))
    page.fill("[name=name]", "WooCommerce Jönköping")
    page.fill("[name=access_token]", f"  {KEY.consumer_key} ")
    page.fill("[name=api_url]", server.url)
    page.fill("[name=secret]", "cs_" + "11" * 20)
    page.fill("[name=order_start]", "2020-01-01")
    page.select_option("[name=warehouse]", index=1)
    picture(page, f"{language}-2-form")
    page.locator("[data-verify]").click()
    expect(page.locator("#report")).to_contain_text(words["red"])
    expect(page.locator("[name=act][value=save]")).to_have_count(0)
    picture(page, f"{language}-3-red-report")
    support = page.locator("#report textarea").input_value()
    assert KEY.consumer_key not in support
    assert "11" * 20 not in support

    # The right one, live, then Save; an edit hides Save again.
    page.fill("[name=secret]", KEY.consumer_secret)
    page.locator("[data-verify]").click()
    expect(page.locator("#report")).to_contain_text(words["green"])
    save = page.locator("button[name=act][value=save]")
    expect(save).to_be_visible()
    picture(page, f"{language}-4-green-report")
    page.fill("[name=api_url]", f"{server.url}/")
    expect(save).not_to_be_visible()
    page.locator("[data-verify]").click()
    expect(save).to_be_visible()
    save.click()

    # The connection: everything off; run it by hand and watch.
    expect(page).to_have_url(re.compile(r"/connections/\d+/"))
    expect(page.get_by_role("switch")).to_have_count(4)
    assert all(one.get_attribute("aria-checked") == "false" for one in page.get_by_role("switch").all())
    assert KEY.consumer_secret not in page.content()
    for button_id in [one.get_attribute("id") for one in page.locator("[id^=run-]").all()]:
        page.locator(f"#{button_id}").click()
    expect(page.locator("[id^=run-]")).to_have_count(4, timeout=60_000)
    page.reload()
    picture(page, f"{language}-5-connection")
    page.get_by_role("switch").nth(1).click()
    expect(page.get_by_role("switch").nth(1)).to_have_attribute("aria-checked", "true")

    # Every order is there, to the öre.
    page.goto(f"{installation.url}/orders/")
    expect(page.locator("h1, h2.page-title").first).to_contain_text(words["orders"])
    picture(page, f"{language}-6-orders")
    some = sorted(store.orders)[-40]
    page.goto(f"{installation.url}/orders/?find=number:{some}")
    expect(page.locator("table tbody tr")).to_have_count(1)
    page.locator("table tbody tr a").first.click()
    total = Decimal(store.orders[some]["total"])
    body = re.sub(r"\s", "", page.locator("main").inner_text())
    shown = f"{total:,.2f}" if language == "en" else f"{total:.2f}".replace(".", ",")
    assert shown in body
    expect(page.locator("main")).to_contain_text(words["received"])
    picture(page, f"{language}-7-order")

    # The rest of the house, wide and narrow, light and dark.
    for name in ("", "products/", "stock/", "customers/", "runs/", "record-issues/", "connections/", "settings/"):
        page.goto(f"{installation.url}/{name}")
        expect(page.locator("main")).to_be_visible()
        picture(page, f"{language}-8-{name.strip('/') or 'dashboard'}")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    for name in ("", "orders/", "connections/1/", f"orders/?find=number:{some}"):
        page.goto(f"{installation.url}/{name}")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} px wider than a phone"
        picture(page, f"{language}-9-phone-dark-{re.sub(r'[^a-z0-9]+', '-', name).strip('-') or 'dashboard'}")


def _found(page: Page) -> None:
    page.fill("[name=email]", "anna@butiken.test")
    page.fill("[name=owner_name]", "Anna Ågren")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=password_again]", PASSWORD)
    page.fill("[name=name]", "Butiken AB")
    page.fill("[name=org_number]", "556036-0793")


def test_the_demo_store_is_one_click_away(page: Page, installation: Installation) -> None:
    page.goto(installation.url)
    _found(page)
    page.locator("form:has([name=owner_name]) button[type=submit]").click()
    expect(page).to_have_url(re.compile("/connections/new/"))
    page.goto(f"{installation.url}/connections/")
    page.locator("form[action*='demo/start'] button").first.click()
    expect(page).to_have_url(re.compile(r"/connections/\d+/"))
    expect(page.locator("[id^=run-]")).to_have_count(4, timeout=60_000)
    page.goto(f"{installation.url}/orders/")
    expect(page.locator("table tbody tr").first).to_be_visible()
    picture(page, "demo-orders")
    page.goto(installation.url)
    picture(page, "demo-dashboard")


def test_sign_in_again_and_by_keyboard(browser: Browser, page: Page, installation: Installation) -> None:
    page.goto(installation.url)
    _found(page)
    page.locator("form:has([name=owner_name]) button[type=submit]").click()
    expect(page).to_have_url(re.compile("/connections/new/"))
    stranger = browser.new_context()
    other = stranger.new_page()
    other.goto(f"{installation.url}/orders/")
    expect(other).to_have_url(re.compile("/accounts/login/|/login/"))
    other.fill("[name=login]", "anna@butiken.test")
    other.fill("[name=password]", PASSWORD)
    other.press("[name=password]", "Enter")
    expect(other).to_have_url(re.compile("/orders/"))
    other.keyboard.press("/")
    assert other.evaluate("document.activeElement.name") == "q"
    stranger.close()
