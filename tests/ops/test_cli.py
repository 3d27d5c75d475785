"""The main job without a browser, as real commands against the simulated store: what they say, write and exit with."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.installation import SECRETS, Installation, export_differences, free_port, installation, wait_until
from tests.sync.shops import KEY, shop
from xtnd.core.time import now
from xtnd.ops.demo import faults
from xtnd.ops.demo.server import StoreServer
from xtnd.ops.demo.store import Store

ENTITIES = ("orders", "products", "customers", "stock")
REQUIRED = {
    "connection", "external_id", "number", "status", "currency", "total", "total_tax", "shipping_total",
    "discount_total", "refunded_total", "placed_at", "modified_at", "customer_email", "lines", "refunds",
}  # fmt: skip
FORMULA = '=HYPERLINK("http://evil.example","pay")'
Served = tuple[Store, StoreServer]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with shop(orders=80, products=20, customers=8) as (store, server):
        number = next(iter(store.orders))
        with store.changing():
            store.orders[number]["billing"]["first_name"] = FORMULA
            store.touch_order(number)
        yield store, server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, served: Served) -> Iterator[Installation]:
    """Connected and synchronised once; nothing a test does here may change what another one sees."""
    with installation(tmp_path_factory.mktemp("home")) as home:
        home.connect(served[1].url)
        done = home.run("sync", "Shop", "all", "--wait")
        assert done.returncode == 0, done.stderr
        yield home
        _no_secret(home)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Installation]:
    with installation(tmp_path) as fresh:
        yield fresh
        _no_secret(fresh)


def _no_secret(home: Installation) -> None:
    said = "\n".join(home.said)
    assert KEY.consumer_secret not in said
    assert KEY.consumer_key not in said


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit code 2 and one clear line."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("xtnd: ")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


# ------------------------------------------------------------------ verify


def test_verify_green(fresh: Installation, served: Served) -> None:
    done = fresh.run("verify", "woocommerce", "--url", served[1].url, settings=SECRETS)
    assert done.returncode == 0
    assert done.stdout.rstrip().endswith("The connection works.")
    assert "✗" not in done.stdout
    said = fresh.json("verify", "woocommerce", "--url", served[1].url, settings=SECRETS)
    assert said.keys() == {"green", "checks", "facts"}
    assert said["green"] is True
    assert all(check.keys() == {"name", "outcome", "label", "detail", "cause", "fix"} for check in said["checks"])
    assert {check["outcome"] for check in said["checks"]} <= {"ok", "info", "warning", "skipped"}
    assert not (fresh.folder / "xtnd.sqlite3").exists(), "verify needs no database"


def test_verify_red(fresh: Installation, served: Served) -> None:
    wrong = {**SECRETS, "XTND_SECRET": "cs_" + "0" * 40}
    done = fresh.run("verify", "woocommerce", "--url", served[1].url, "--json", settings=wrong)
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["green"] is False
    (failed,) = [check for check in said["checks"] if check["outcome"] == "failed"]
    assert failed["cause"]
    assert failed["fix"]
    nobody = fresh.run("verify", "woocommerce", "--url", f"http://127.0.0.1:{free_port()}", settings=SECRETS)
    assert nobody.returncode == 1
    assert "✗" in nobody.stdout


def test_credentials_that_are_missing_or_unreadable(fresh: Installation, served: Served) -> None:
    command = ("verify", "woocommerce", "--url", served[1].url)
    refused(fresh.run(*command), "XTND_ACCESS_TOKEN", "--access-token")
    only_key = {"XTND_ACCESS_TOKEN": KEY.consumer_key}
    refused(fresh.run(*command, settings=only_key), "XTND_SECRET")
    refused(
        fresh.run(*command, settings={**only_key, "XTND_SECRET_FILE": "/not/there"}), "XTND_SECRET_FILE", "/not/there"
    )
    refused(fresh.run("verify", "prestashop", "--url", served[1].url), "prestashop", "woocommerce")
    refused(fresh.run(*command, "--order-start", "1/2/2026", settings=SECRETS), "--order-start")


# ------------------------------------------------------------------ connect


def test_connect_saves_only_what_is_green_and_only_once(fresh: Installation, served: Served) -> None:
    for name, value in (("token", KEY.consumer_key), ("secret", KEY.consumer_secret)):
        (fresh.folder / name).write_text(f"{value}\n", encoding="utf-8")
    files = {
        "XTND_ACCESS_TOKEN_FILE": str(fresh.folder / "token"),
        "XTND_SECRET_FILE": str(fresh.folder / "secret"),
    }
    command = ("connect", "woocommerce", "--url", served[1].url, "--name")
    assert fresh.run(*command, "Butik", settings={**SECRETS, "XTND_SECRET": "cs_wrong"}).returncode == 1
    assert fresh.one("SELECT count(*) FROM connections_connection") == 0
    said = fresh.json(*command, "Butik", settings=files)
    assert (said["connection"], said["green"]) == ("Butik", True)
    refused(fresh.run(*command, "butik ", settings=files), "already", "butik")
    assert fresh.one("SELECT count(*) FROM connections_connection") == 1
    stored = fresh.one("SELECT credentials FROM connections_connection")
    assert KEY.consumer_secret.encode() not in stored
    assert fresh.query("SELECT DISTINCT active FROM sync_schedule") == [(0,)]


# ------------------------------------------------------------------ schedule


@pytest.mark.parametrize(
    ("rhythm", "column", "value"),
    [
        (("--every", "15m"), "every_minutes", 15),
        (("--daily", "03:00"), "daily_at", "03:00:00"),
        (("--cron", "0 6 * * 1-5"), "cron", "0 6 * * 1-5"),
    ],
)
def test_schedule(home: Installation, rhythm: tuple[str, str], column: str, value: object) -> None:
    said = home.json("schedule", "Shop", "customers", *rhythm)
    assert (said["connection"], said["entity"], said["active"]) == ("Shop", "customers", True)
    assert len(said["next"]) == 3
    assert said["next"] == sorted(said["next"])
    assert all(moment.endswith("Z") for moment in said["next"])
    where = "FROM sync_schedule WHERE entity = 'customers'"
    assert home.query(f"SELECT {column}, active {where}") == [(value, 1)]


def test_schedule_off(home: Installation) -> None:
    home.must("schedule", "Shop", "stock", "--every", "1h")
    assert home.json("schedule", "Shop", "stock", "--off")["active"] is False
    assert home.query("SELECT active, next_run_at FROM sync_schedule WHERE entity = 'stock'") == [(0, None)]


@pytest.mark.parametrize(
    "rhythm",
    [
        ("--every", "2m"),
        ("--every", "often"),
        ("--every", ""),
        ("--daily", "25:00"),
        ("--daily", ""),
        ("--cron", "0 0 31 2 *"),
        ("--cron", ""),
    ],
)
def test_a_rhythm_that_cannot_be_kept(home: Installation, rhythm: tuple[str, str]) -> None:
    refused(home.run("schedule", "Shop", "orders", *rhythm))


def test_wrong_usage(home: Installation) -> None:
    refused(home.run("schedule", "Nowhere", "orders", "--off"), "Nowhere", "Shop")
    for arguments in (("schedule", "Shop", "orders"), ("schedule", "Shop", "invoices", "--off"), ("nonsense",), ()):
        done = home.run(*arguments)
        assert done.returncode == 2
        assert "usage: xtnd" in done.stderr
        assert "Traceback" not in done.stderr


# ------------------------------------------------------------------ export


def test_exported_orders_are_the_stores_own(home: Installation, served: Served) -> None:
    documents = home.documents("orders", "--connection", "shop")
    assert export_differences(served[0], documents) == []
    assert all(document.keys() >= REQUIRED for document in documents)
    assert {document["connection"] for document in documents} == {"Shop"}
    assert any(document["refunds"] for document in documents)


def test_exported_orders_as_csv(home: Installation, served: Served) -> None:
    file = home.folder / "orders.csv"
    assert home.must("export", "orders", "--format", "csv", "--output", str(file)) == ""
    with file.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    documents: list[dict[str, Any]] = [
        {**row, "lines": json.loads(row["lines"]), "refunds": json.loads(row["refunds"])} for row in rows
    ]
    assert export_differences(served[0], documents) == []
    (evil,) = [row for row in rows if "HYPERLINK" in row["customer_name"]]
    assert evil["customer_name"].startswith("'=HYPERLINK")
    assert not [value for row in rows for value in row.values() if value[:1] in "=+-@" and value[:1]]
    assert file.stat().st_mode & 0o077 == 0


def test_exported_products_customers_and_stock(home: Installation, served: Served) -> None:
    store = served[0]
    sold = [one for one in store.products.values() if not one["variations"]]
    products = home.documents("products")
    theirs = {(str(one["id"]), "", one["sku"], one["price"]) for one in sold}
    theirs |= {(str(v["parent_id"]), str(v["id"]), _own_sku(store, v), v["price"]) for v in store.variations.values()}
    ours = {(p["external_product_id"], p["external_variant_id"], p["sku"], _price(p["price"])) for p in products}
    assert ours == {(product, variant, sku, _price(price)) for product, variant, sku, price in theirs}
    assert len(products) == len(ours)

    registered = {one["external_id"]: one for one in home.documents("customers") if one["registered"]}
    buyers = {str(one["id"]): one for one in store.customers.values() if one["role"] == "customer"}
    assert {number: one["email"] for number, one in registered.items()} == {
        number: one["email"] for number, one in buyers.items()
    }

    counted = {
        (one["external_product_id"], one["external_variant_id"]): Decimal(one["stock_quantity"])
        for one in home.documents("stock")
        if one["stock_quantity"] is not None
    }
    for one in sold:
        if one["manage_stock"]:
            assert counted[str(one["id"]), ""] == one["stock_quantity"]
    for entity in ("products", "customers", "stock"):
        rows = list(csv.DictReader(io.StringIO(home.must("export", entity, "--format", "csv"))))
        assert [row["connection"] for row in rows] == ["Shop"] * len(rows)
        assert rows


def _own_sku(store: Store, variation: dict[str, Any]) -> str:
    """A variation without a SKU shows its parent's, which is no name for it."""
    inherited = store.products[variation["parent_id"]]["sku"]
    return "" if variation["sku"] == inherited else str(variation["sku"])


def _price(text: str | None) -> Decimal | None:
    return Decimal(text) if text else None


def test_export_that_cannot_be_done(home: Installation) -> None:
    refused(home.run("export", "orders", "--connection", "Nowhere"), "Nowhere")
    refused(home.run("export", "orders", "--output", "/not/there/orders.ndjson"), "--output", "/not/there")


# ------------------------------------------------------------------ runs, issues, doctor


def test_runs(home: Installation) -> None:
    said = home.json("runs", "--connection", "shop")
    assert {run["entity"] for run in said} == set(ENTITIES)
    orders = next(run for run in said if run["entity"] == "orders")
    assert (orders["state"], orders["created"], orders["failed"]) == ("succeeded", 80, 0)
    assert len(home.must("runs", "--limit", "2").splitlines()) == 2


def test_issues_and_doctor_when_all_is_well(home: Installation) -> None:
    done = home.run("issues")
    assert (done.returncode, done.stdout) == (0, "No record is waiting.\n")
    said = home.json("doctor")
    assert said["sound"] is True
    assert all(rule["broken"] == 0 for rule in said["rules"])


def test_a_bad_record_is_kept_and_said(fresh: Installation, served: Served) -> None:
    with shop(orders=20, products=6) as (store, server):
        with store.changing():
            number = next(iter(store.orders))
            store.orders[number]["line_items"][0]["total"] = "12,50"
        fresh.connect(server.url)
        done = fresh.run("sync", "Shop", "orders", "--wait")
        assert done.returncode == 3
        assert "19 new" in done.stderr
        assert "1 failed" in done.stderr
        issues = fresh.run("issues")
        assert issues.returncode == 1
        assert f"orders {number} at order.line_items[0].total" in issues.stdout
        (said,) = fresh.json("issues")
        assert (said["external_id"], said["state"]) == (str(number), "open")
        with store.changing():
            store.orders[number]["line_items"][0]["total"] = "12.50"
            store.touch_order(number)
        assert fresh.run("sync", "Shop", "orders", "--wait").returncode == 0
        assert fresh.run("issues").returncode == 0
        assert len(fresh.documents("orders")) == 20


# ------------------------------------------------------------------ the store is down


def test_sync_of_a_store_that_is_down(fresh: Installation) -> None:
    with shop(orders=5, products=5) as (_store, server):
        fresh.connect(server.url)
        server.faults = faults.always(faults.maintenance())
        waiting = fresh.start("sync", "Shop", "orders", "--wait")
        wait_until(lambda: fresh.one("SELECT state FROM sync_run") == "waiting", why="it waits for the store")
        wait_until(lambda: "Next try at" in fresh.log("sync"), why="it says so")
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(5) == 130
        # The store asked for ten minutes. Let them pass, and let this be the last attempt.
        soon = now() + timedelta(seconds=4)
        fresh.change("UPDATE sync_run SET attempts = 5, not_before = ?", str(soon.replace(tzinfo=None)))
        done = fresh.run("sync", "Shop", "orders", "--wait", "--json")
    assert done.returncode == 1
    (said,) = json.loads(done.stdout)
    assert said["state"] == "failed"
    assert said["error"]
    assert fresh.one("SELECT count(*) FROM sync_run") == 1


def test_ctrl_c_does_not_wait_for_a_slow_store(fresh: Installation) -> None:
    with shop(orders=5, products=5) as (_store, server):
        fresh.connect(server.url)
        server.faults = faults.always(faults.slow(60))
        reading = fresh.start("sync", "Shop", "orders", "--wait")
        wait_until(lambda: fresh.one("SELECT state FROM sync_run") == "running", why="it asks the store")
        reading.send_signal(signal.SIGINT)
        assert reading.wait(8) == 130
        server.faults = faults.Faults()
        assert fresh.run("sync", "Shop", "orders", "--wait").returncode == 0
        assert len(fresh.documents("orders")) == 5


def test_sync_of_a_store_whose_key_was_revoked(fresh: Installation) -> None:
    refusal = b'{"code":"woocommerce_rest_authentication_error","message":"Consumer key is invalid."}'
    with shop(orders=5, products=5) as (_store, server):
        fresh.connect(server.url)
        server.faults = faults.always(faults.answer(401, refusal, {"Content-Type": "application/json"}))
        done = fresh.run("sync", "Shop", "all", "--wait")
        assert done.returncode == 1
        assert "Failed" in done.stderr
    refused(fresh.run("sync", "Shop", "orders", "--wait"), "needs attention")
