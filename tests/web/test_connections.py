"""The list, the form, the live report, Save only on green, one connection, pause, delete, help."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.test import Client
from django.utils.text import slugify

from tests import builders
from xtnd.catalog.models import Listing
from xtnd.companies.models import Company, Role, User
from xtnd.connections import services
from xtnd.connections.models import Connection, ConnectionState, Verification, VerificationState
from xtnd.connectors.base import Check, Field, GuideStep, Outcome
from xtnd.connectors.registry import CONNECTORS
from xtnd.connectors.woocommerce.causes import CAUSES
from xtnd.connectors.woocommerce.connector import WooCommerce
from xtnd.core.text import Text
from xtnd.core.time import now
from xtnd.ops.demo.seed import seed_store
from xtnd.ops.demo.server import StoreServer
from xtnd.ops.demo.store import Key, Store
from xtnd.sync import verifying
from xtnd.sync.models import IssueState, RunState, Schedule

HTMX = {"HX-Request": "true"}
KEY, SECRET = "ck_" + "a1" * 20, "cs_" + "b2" * 20
FORM = {
    "name": "WooCommerce Jönköping",
    "system": "woocommerce",
    "access_token": KEY,
    "api_url": "https://shop.example",
    "secret": SECRET,
    "order_start": "2026-01-01",
    "warehouse": "",
    "company_group": "",
}
OK = Check("address", Text("Address"), Outcome.OK, Text("https://shop.example"))
WRONG = Check(
    "authentication",
    Text("API key"),
    Outcome.FAILED,
    Text(f"The secret {SECRET} at https://shop.example is wrong."),
    "wrong_secret",
    Text("Make a new key."),
)


@pytest.fixture
def started() -> Iterator[list[Verification]]:
    """Verifications that were started; nothing is asked of any store."""
    begun: list[Verification] = []
    with patch("xtnd.sync.verifying.start", side_effect=begun.append):
        yield begun


def _close(verification: Verification, *checks: Check) -> None:
    services.close_verification(
        verification,
        green=all(check.outcome != Outcome.FAILED for check in checks),
        checks=[check.as_json() for check in checks],
        options={"auth": "basic"},
        facts={"version": "9.9.5"},
    )


def _verified(browser: Client, started: list[Verification], **changes: str) -> Verification:
    """A green report of the form."""
    browser.post("/connections/new/", FORM | {"act": "verify"} | changes)
    _close(started[-1], OK)
    return started[-1]


def _save(browser: Client, verification: Verification | None, **changes: str) -> Any:
    posted = FORM | {"act": "save", "verification": str(verification.pk) if verification else ""} | changes
    return browser.post("/connections/new/", posted)


def _stored(company: Company, **fields: Any) -> Connection:
    sealed = services.seal({"access_token": KEY, "secret": SECRET})
    hints = services.hints({"access_token": KEY, "secret": SECRET})
    fields = {"name": "Butiken", "api_url": "https://shop.example", "order_start": date(2026, 1, 1)} | fields
    return builders.make_connection(group=company.group, credentials=sealed, credential_hints=hints, **fields)


# ------------------------------------------------------------------ the list


def test_the_empty_list_says_what_to_do(browser: Client) -> None:
    page = browser.get("/connections/").content.decode()
    assert "No store is connected yet" in page
    assert 'href="/connections/new/"' in page
    assert "Start the demo store" in page


def test_a_viewer_is_not_offered_to_connect(company: Company) -> None:
    client = Client()
    client.force_login(builders.make_user(role=Role.VIEWER, group=company.group))
    page = client.get("/connections/").content.decode()
    assert "Create new connection" not in page


def test_broken_comes_first_with_its_reason_and_its_fix(browser: Client, company: Company) -> None:
    group = company.group
    fine = builders.make_connection(group=group, name="A fine store")
    builders.make_run(schedule=builders.make_schedule(connection=fine, last_run_at=now(), next_run_at=now()))
    never = builders.make_connection(group=group, name="B new store")
    builders.make_schedule(connection=never, active=False)
    broken = builders.make_connection(
        group=group, name="Z store", state=ConnectionState.ATTENTION, attention=Text("The key was revoked.").as_json()
    )
    issues = builders.make_connection(group=group, name="Y store")
    builders.make_record_issue(connection=issues)
    page = browser.get("/connections/").content.decode()
    assert re.findall(r"[ABYZ] (?:fine |new )?store(?=</a>)", page) == [
        "Z store",
        "Y store",
        "B new store",
        "A fine store",
    ]
    assert "The key was revoked." in page
    assert f"/connections/{broken.pk}/#verify" in page
    assert f"/record-issues/?connection={issues.pk}" in page
    assert f"/connections/{never.pk}/#schedules" in page


def test_orders_today_are_those_of_the_companys_day(browser: Client, company: Company) -> None:
    connection = builders.make_connection(group=company.group)
    builders.make_order(connection=connection, placed_at=now())
    builders.make_order(connection=connection, placed_at=now() - timedelta(hours=25))
    page = browser.get("/connections/").content.decode()
    assert re.search(r'data-label="Orders today"[^>]*>1<', page)


def test_the_list_costs_the_same_for_any_number_of_stores(
    browser: Client, company: Company, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for _ in range(8):
        connection = builders.make_connection(group=company.group)
        for entity in ("orders", "products"):
            builders.make_run(schedule=builders.make_schedule(connection=connection, entity=entity))
    with django_assert_max_num_queries(13):
        browser.get("/connections/")


def test_late_when_no_worker_takes_it(browser: Client, company: Company) -> None:
    connection = builders.make_connection(group=company.group)
    schedule = builders.make_schedule(
        connection=connection, last_run_at=now(), next_run_at=now() - timedelta(minutes=10)
    )
    builders.make_run(schedule=schedule)
    assert "A run is late" in browser.get("/connections/").content.decode()
    assert 'data-state="late"' in browser.get(f"/connections/{connection.pk}/").content.decode()


# ------------------------------------------------------------------ the form


def test_the_fields_come_in_the_seeds_order_with_the_connectors_words(browser: Client) -> None:
    page = browser.get("/connections/new/").content.decode()
    labels = re.findall(r'<label class="form-label[^"]*" for="id_\w+">([^<]+)</label>', page)
    assert labels == [
        "Name",
        "External system",
        "Consumer key",
        "Shop address",
        "Consumer secret",
        "Order start",
        "Warehouse",
        "Company group",
    ]
    assert "data-save>" not in page


def test_the_guide_has_a_picture_for_every_step_of_every_connector(browser: Client) -> None:
    for system, connector in CONNECTORS.items():
        page = browser.get(f"/connections/new/?system={system}").content.decode()
        for step in connector.guide:
            assert f"guide/{system}/{slugify(step.title)}.svg" in page, step.title


class _Other(WooCommerce):
    system = "other"
    label = "Other shop"
    fields = (Field("secret", "API password", secret=True), Field("extra", "Shop number"), Field("api_url", "Address"))
    guide = (GuideStep("Where", "There."),)


def test_another_system_swaps_the_labels(browser: Client) -> None:
    with patch.dict(CONNECTORS, {"other": _Other}):
        part = browser.get("/connections/new/?system=other", headers=HTMX).content.decode()
        assert re.findall(r"<label[^>]*>([^<]+)</label>", part) == ["Address", "API password", "Shop number"]
        assert "Where to find this in Other shop" in part
        assert "<html" not in part
        page = browser.get("/connections/new/?system=other").content.decode()
        assert "API password" in page
        assert '?system=woocommerce"' in page  # without JavaScript: a link each


def test_what_is_wrong_stands_at_its_field(browser: Client, started: list[Verification], company: Company) -> None:
    builders.make_connection(group=company.group, name="woocommerce JÖNKÖPING".replace("Ö", "ö"))
    answer = browser.post("/connections/new/", FORM | {"act": "verify", "api_url": "", "order_start": "soon"})
    assert answer.status_code == 422
    page = answer.content.decode()
    errors = dict(re.findall(r'id="error-(\w+)"[^>]*><p>([^<]+)</p>', page))
    assert set(errors) == {"name", "api_url", "order_start"}
    assert KEY not in page
    assert SECRET not in page
    assert not started


def test_htmx_gets_the_errors_alone_and_the_pasted_keys_stay_in_the_page(browser: Client) -> None:
    answer = browser.post("/connections/new/", FORM | {"act": "verify", "name": ""}, headers=HTMX)
    part = answer.content.decode()
    assert answer.status_code == 422
    assert "<input" not in part
    assert 'id="error-name"' in part


def test_a_warehouse_of_another_group_is_not_on_offer(browser: Client, started: list[Verification]) -> None:
    foreign = builders.make_warehouse()
    answer = browser.post("/connections/new/", FORM | {"act": "verify", "warehouse": str(foreign.pk)})
    assert answer.status_code == 422
    assert not started


# ------------------------------------------------------------------ verify


def test_verify_seals_what_was_typed_trimmed(browser: Client, started: list[Verification], owner: User) -> None:
    answer = browser.post(
        "/connections/new/",
        FORM | {"act": "verify", "access_token": f"  {KEY}\n", "secret": f"{SECRET} "},
        headers=HTMX,
    )
    (verification,) = started
    kept = services.unseal(bytes(verification.credentials))
    assert {name: value.reveal() for name, value in kept.items()} == {"access_token": KEY, "secret": SECRET}
    assert verification.created_by == owner
    part = answer.content.decode()
    assert f"/connections/verifications/{verification.pk}/?seen=0&amp;form=1" in part
    assert KEY not in part
    assert "data-save>" not in part


def test_the_report_grows_line_by_line(browser: Client, started: list[Verification]) -> None:
    browser.post("/connections/new/", FORM | {"act": "verify"}, headers=HTMX)
    verification = started[0]
    address = f"/connections/verifications/{verification.pk}/"
    assert browser.get(f"{address}?seen=0", headers=HTMX).status_code == 204
    services.note_check(verification, OK.as_json())
    part = browser.get(f"{address}?seen=0", headers=HTMX).content.decode()
    assert part.count('<li class="check') == 1
    assert "?seen=1" in part
    assert browser.get(f"{address}?seen=1", headers=HTMX).status_code == 204
    _close(verification, OK, Check("orders", Text("Orders"), Outcome.INFO, Text("{count} orders", {"count": 7})))
    part = browser.get(f"{address}?seen=1&form=1", headers=HTMX).content.decode()
    assert part.count('<li class="check') == 1
    assert "7 orders" in part
    assert "hx-get" not in part
    assert "data-save>" in part


def test_a_red_report_has_the_fix_the_help_and_a_text_without_secrets(
    browser: Client, started: list[Verification]
) -> None:
    browser.post("/connections/new/", FORM | {"act": "verify", "api_url": "https://shop.example/?k=1"}, headers=HTMX)
    _close(started[0], OK, WRONG)
    part = browser.get(f"/connections/verifications/{started[0].pk}/?seen=0&form=1", headers=HTMX).content.decode()
    assert "data-save>" not in part
    assert "How to fix it:" in part
    assert "/help/woocommerce/#wrong_secret" in part
    text = part[part.index("<textarea") : part.index("</textarea>")]
    assert "[FAILED] API key (wrong_secret)" in text
    assert "Fix: Make a new key." in text
    assert "9.9.5" in text
    assert SECRET not in text
    assert "k=1" not in text


def test_without_javascript_the_page_comes_back_with_the_report_and_no_secret(
    browser: Client, started: list[Verification]
) -> None:
    answer = browser.post("/connections/new/", FORM | {"act": "verify"})
    assert answer.status_code == 302
    assert KEY not in answer["Location"]
    running = browser.get(answer["Location"]).content.decode()
    assert '<noscript><meta http-equiv="refresh"' in running
    _close(started[0], OK)
    page = browser.get(answer["Location"]).content.decode()
    assert 'http-equiv="refresh"' not in page
    assert 'value="WooCommerce Jönköping"' in page
    assert "data-save>" in page
    assert KEY not in page
    assert SECRET not in page


def test_a_user_cannot_start_verifications_without_end(browser: Client, started: list[Verification]) -> None:
    answers = [browser.post("/connections/new/", FORM | {"act": "verify"}).status_code for _ in range(4)]
    assert answers == [302, 302, 302, 422]


# ------------------------------------------------------------------ save


def test_save_on_green_makes_the_connection_and_its_schedules_switched_off(
    browser: Client, started: list[Verification], company: Company
) -> None:
    answer = _save(browser, _verified(browser, started))
    connection = Connection.objects.get()
    assert answer["Location"] == f"/connections/{connection.pk}/"
    assert connection.name == "WooCommerce Jönköping"
    assert connection.company_group == company.group
    assert connection.options == {"auth": "basic"}
    schedules = Schedule.objects.filter(connection=connection)
    assert {schedule.entity for schedule in schedules} == {"products", "orders", "customers", "stock"}
    assert not schedules.filter(active=True).exists()


@pytest.mark.parametrize("blank", [("access_token", "secret"), ("secret",)])
def test_secrets_left_blank_are_those_that_were_verified(
    browser: Client, started: list[Verification], blank: tuple[str, ...]
) -> None:
    _save(browser, _verified(browser, started), **dict.fromkeys(blank, ""))
    kept = services.unseal(bytes(Connection.objects.get().credentials))
    assert kept["secret"].reveal() == SECRET


@pytest.mark.parametrize(
    "change",
    [
        {"secret": SECRET + "0"},
        {"access_token": KEY + "0"},
        {"api_url": "https://other.example"},
        {"order_start": "2026-02-01"},
    ],
)
def test_what_was_changed_must_be_verified_again(
    browser: Client, started: list[Verification], change: dict[str, str]
) -> None:
    answer = _save(browser, _verified(browser, started), **change)
    assert answer.status_code == 422
    assert "Verify again" in answer.content.decode()
    assert not Connection.objects.exists()


def test_nothing_is_saved_without_a_green_report(browser: Client, started: list[Verification]) -> None:
    assert _save(browser, None).status_code == 422
    browser.post("/connections/new/", FORM | {"act": "verify"})
    assert _save(browser, started[-1]).status_code == 422  # still running
    _close(started[-1], WRONG)
    assert _save(browser, started[-1]).status_code == 422
    Verification.objects.filter(pk=_verified(browser, started).pk).update(updated_at=now() - timedelta(hours=2))
    assert "more than an hour old" in _save(browser, started[-1]).content.decode()
    assert not Connection.objects.exists()


def test_somebody_elses_report_does_not_stand_for_a_blank_secret(
    browser: Client, started: list[Verification], company: Company
) -> None:
    verification = _verified(browser, started)
    other = Client()
    other.force_login(builders.make_user(role=Role.STAFF, group=company.group))
    assert _save(other, verification, access_token="", secret="").status_code == 422


def test_kept_secrets_go_to_no_other_host(browser: Client, started: list[Verification], company: Company) -> None:
    connection = _stored(company)
    posted = FORM | {"act": "verify", "api_url": "https://evil.example", "access_token": "", "secret": ""}
    answer = browser.post(f"/connections/{connection.pk}/edit/", posted)
    assert answer.status_code == 422
    assert "another host" in answer.content.decode()
    assert not started
    posted |= {"api_url": "https://www.shop.example/butik"}
    assert browser.post(f"/connections/{connection.pk}/edit/", posted).status_code == 302


# ------------------------------------------------------------------ one connection


def test_edit_keeps_the_secrets_that_were_left_blank(
    browser: Client, started: list[Verification], company: Company
) -> None:
    connection = _stored(company)
    address = f"/connections/{connection.pk}/edit/"
    page = browser.get(address).content.decode()
    assert 'value="Butiken"' in page
    assert 'value="https://shop.example"' in page
    assert KEY not in page
    posted = FORM | {"name": "Nya butiken", "access_token": "", "secret": "", "system": "other"}
    assert browser.post(address, posted | {"act": "save"}).status_code == 422
    browser.post(address, posted | {"act": "verify"})
    assert started[0].connection == connection
    _close(started[0], OK)
    answer = browser.post(address, posted | {"act": "save", "verification": str(started[0].pk)})
    assert answer.status_code == 302
    connection.refresh_from_db()
    assert connection.name == "Nya butiken"
    assert connection.system == "woocommerce"
    assert services.unseal(bytes(connection.credentials))["secret"].reveal() == SECRET


def test_the_detail_shows_facts_hints_and_schedules_but_no_key(browser: Client, company: Company) -> None:
    report = [Check("currency", Text("Currency"), Outcome.INFO, Text("SEK")).as_json(), WRONG.as_json()]
    connection = _stored(company, report=report, verified_at=now())
    builders.make_schedule(connection=connection)
    page = browser.get(f"/connections/{connection.pk}/").content.decode()
    assert "…b2b2" in page
    assert "Currency" in page
    assert "Every hour" in page
    assert "The last verification failed." in page
    assert KEY not in page
    text = page[page.index("<textarea") : page.index("</textarea>")]
    assert SECRET not in text


def test_facts_outlive_a_red_report(browser: Client, company: Company) -> None:
    connection = _stored(company, report=[WRONG.as_json()], facts={"currency_position": "{right}", "version": "9.9.5"})
    page = browser.get(f"/connections/{connection.pk}/").content.decode()
    assert "Currency position" in page
    assert "{right}" in page
    assert "9.9.5" in page


def test_a_viewer_sees_it_and_can_press_nothing(company: Company) -> None:
    connection = _stored(company)
    builders.make_schedule(connection=connection)
    client = Client()
    client.force_login(builders.make_user(role=Role.VIEWER, group=company.group))
    page = client.get(f"/connections/{connection.pk}/").content.decode()
    for word in ("Pause all", "Edit", "Delete", "Verify again", "Synchronize now", 'role="switch"'):
        assert f"{word}</button>" not in page, word
        assert f"{word}</a>" not in page, word


def test_verify_again_uses_the_stored_fields(browser: Client, started: list[Verification], company: Company) -> None:
    connection = _stored(company)
    answer = browser.post(f"/connections/{connection.pk}/verify/", headers=HTMX)
    assert answer.status_code == 200
    assert services.unseal(bytes(started[0].credentials))["secret"].reveal() == SECRET
    _close(started[0], OK)
    part = browser.get(f"/connections/verifications/{started[0].pk}/?seen=0", headers=HTMX).content.decode()
    assert 'id="connection-state"' in part
    assert "data-save>" not in part
    answer = browser.post(f"/connections/{connection.pk}/verify/")
    assert answer["Location"] == f"/connections/verifications/{started[1].pk}/"
    assert "Back to the connection" in browser.get(answer["Location"]).content.decode()


def test_pause_and_activate(browser: Client, company: Company) -> None:
    connection = _stored(company)
    browser.post(f"/connections/{connection.pk}/pause/")
    connection.refresh_from_db()
    assert connection.state == ConnectionState.PAUSED
    browser.post(f"/connections/{connection.pk}/activate/")
    connection.refresh_from_db()
    assert connection.state == ConnectionState.ACTIVE


def test_a_connection_with_orders_is_not_deleted(browser: Client, company: Company) -> None:
    connection = _stored(company)
    builders.make_order(connection=connection)
    address = f"/connections/{connection.pk}/delete/"
    page = browser.get(address).content.decode()
    assert "This connection has one order, so it cannot be deleted." in page
    assert "Pause all" in page
    assert browser.post(address, {"name": "Butiken"}).status_code == 422
    assert Connection.objects.filter(pk=connection.pk).exists()


def test_delete_wants_the_name_and_takes_what_is_its_own(browser: Client, company: Company) -> None:
    connection = _stored(company)
    schedule = builders.make_schedule(connection=connection)
    builders.make_run(schedule=schedule, state=RunState.FAILED)
    builders.make_record_issue(connection=connection, state=IssueState.OPEN)
    builders.make_product(listed_in=[connection])
    address = f"/connections/{connection.pk}/delete/"
    assert (
        "1 listing" in browser.get(address).content.decode() or "one listing" in browser.get(address).content.decode()
    )
    assert browser.post(address, {"name": "butik"}).status_code == 422
    assert browser.post(address, {"name": "Butiken"}).status_code == 302
    assert not Connection.objects.filter(pk=connection.pk).exists()
    assert not Listing.objects.exists()
    assert not Schedule.objects.exists()


# ------------------------------------------------------------------ help


def test_the_help_page_has_every_cause(browser: Client) -> None:
    page = browser.get("/help/woocommerce/").content.decode()
    missing = [cause for cause in CAUSES if f'id="{cause}"' not in page]
    assert not missing
    assert browser.get("/help/unknown/").status_code == 404


# ------------------------------------------------------------------ against a store


@pytest.fixture
def shop() -> Iterator[StoreServer]:
    store = Store(keys=[Key(KEY, SECRET)])
    seed_store(store, orders=12, products=6, customers=4)
    with StoreServer(store) as server:
        yield server


def test_the_whole_journey_to_a_saved_store(browser: Client, shop: StoreServer) -> None:
    with patch("xtnd.sync.verifying.start", side_effect=verifying.verify):
        wrong = browser.post(
            "/connections/new/", FORM | {"act": "verify", "api_url": shop.url, "secret": "cs_" + "0" * 40}
        )
        red = browser.get(wrong["Location"]).content.decode()
        assert "The report is red" in red
        assert "wrong_secret" in red
        answer = browser.post("/connections/new/", FORM | {"act": "verify", "api_url": shop.url})
    page = browser.get(answer["Location"]).content.decode()
    assert "The report is green. You can save the connection now." in page
    pk = UUID(page.split('name="verification" value="')[1][:36])
    assert Verification.objects.get(pk=pk).state == VerificationState.GREEN
    blank = {"access_token": "", "secret": "", "api_url": shop.url, "act": "save", "verification": str(pk)}
    saved = browser.post("/connections/new/", FORM | blank)
    detail = browser.get(saved["Location"]).content.decode()
    assert "No schedule is switched on, so nothing is read yet." in detail
    assert "SEK" in detail
