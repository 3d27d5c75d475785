"""The contract every connector must pass. A connector's tests subclass it and give it a store to speak with.

The same suite runs on recorded answers (`ReadingContract`), on a simulator that changes and breaks on demand
(`ConnectorContract`) and, with `XTND_LIVE_<SYSTEM>`, on a live store (`ReadingContract`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import pytest

from xtnd.canonical.orders import LineKind, Order, difference
from xtnd.connectors import http as http_module
from xtnd.connectors.base import Connector, CustomerSource, OrderSource, Page, ProductSource, Record, StockSource
from xtnd.core.errors import (
    AuthenticationFailed,
    ExternalError,
    Forbidden,
    RateLimited,
    Unavailable,
    Unreadable,
)


class Spoiled(StrEnum):
    """Ways an answer goes wrong, which every HTTP API can show."""

    RATE_LIMITED = "429"
    MAINTENANCE = "503"
    SERVER_ERROR = "500"
    HTML = "html"
    CUT = "cut"
    DROPPED = "dropped"
    BYTE_ORDER_MARK = "bom"
    PRINTED_WARNING = "warning"
    """Something the server's language printed before the document."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What the store itself knows of an order."""

    total: Decimal
    total_vat: Decimal
    status: str
    refunded: Decimal


class Shop(Protocol):
    """A store whose truth is known."""

    def connector(self, *, order_start: datetime | None = None, page_size: int = 20) -> Connector: ...
    def truth(self) -> Mapping[str, Truth]:
        """Every order a buyer has placed and nobody has thrown away, by external id."""
        ...

    def secrets(self) -> tuple[str, ...]: ...


class MovingShop(Shop, Protocol):
    """A store that changes and breaks when told to."""

    def wrong_secret(self) -> Connector: ...
    def revision(self) -> int:
        """Moves with every change in the store."""
        ...

    def place(self) -> str: ...
    def touch(self, external_id: str) -> None: ...
    def throw_away(self, external_id: str) -> None: ...
    def level_dates(self, count: int) -> list[str]:
        """Give the first `count` orders one and the same modification date, now."""
        ...

    def break_record(self, external_id: str) -> None:
        """Take away something every order must have."""
        ...

    def when_asked(self, act: object) -> None:
        """Call `act(request_number)` after every answer; None to stop."""
        ...

    def spoil(self, how: Spoiled, *, request: int, times: int = 1) -> None: ...
    def heal(self) -> None: ...
    def requests(self) -> int: ...


def read_all(pages: Iterator[Page[Order]]) -> tuple[dict[str, Order], str]:
    """Orders by id, the last version of each, and the last cursor."""
    found: dict[str, Order] = {}
    cursor = ""
    for page in pages:
        for record in page.records:
            found[record.external_id] = record.read()
        cursor = page.cursor
    return found, cursor


class ReadingContract:
    """What is read is right. Works on any store whose truth is known."""

    @pytest.fixture
    def shop(self) -> Shop:
        raise NotImplementedError

    def test_every_order_once_with_its_totals(self, shop: Shop) -> None:
        connector = shop.connector()
        assert isinstance(connector, OrderSource)
        ids: list[str] = []
        for page in connector.fetch_orders(None):
            ids.extend(record.external_id for record in page.records)
        truth = shop.truth()
        assert sorted(ids) == sorted(truth)
        found, _cursor = read_all(connector.fetch_orders(None))
        for external_id, true in truth.items():
            order = found[external_id]
            said = (order.total, order.total_vat, order.status, order.refunded_total)
            assert said == (true.total, true.total_vat, true.status, true.refunded), external_id

    def test_rows_make_the_header(self, shop: Shop) -> None:
        """To the öre, or a rounding the store itself made: never more than a few of its smallest coins."""
        for order in read_orders(shop):
            assert abs(difference(order)) <= Decimal("0.05"), order.external_id
            assert sum((vat.goods + vat.shipping for vat in order.vat_totals), Decimal(0)) == order.total_vat
            freight = [line for line in order.lines if line.kind is LineKind.SHIPPING]
            assert sum((line.total for line in freight), Decimal(0)) == order.shipping_total

    def test_amounts_are_decimal_and_moments_are_utc(self, shop: Shop) -> None:
        for order in read_orders(shop):
            for amount in (order.total, *(line.total for line in order.lines), *(r.amount for r in order.refunds)):
                assert isinstance(amount, Decimal)
            for moment in (order.placed_at, order.modified_at, order.paid_at, *(r.refunded_at for r in order.refunds)):
                assert moment is None or moment.tzinfo is UTC

    def test_same_payload_same_hash(self, shop: Shop) -> None:
        first = {r.external_id: r.content_hash for r in records(shop)}
        second = {r.external_id: r.content_hash for r in records(shop)}
        assert first == second
        assert all(len(digest) == 16 for digest in first.values())


class ConnectorContract(ReadingContract):
    """Everything, on a store that changes and breaks when told to."""

    @pytest.fixture
    def shop(self) -> MovingShop:
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _no_waiting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_module, "pause", lambda seconds: None)

    # ---------------------------------------------------------- verify

    def test_verify_is_green_and_changes_nothing(self, shop: MovingShop) -> None:
        before = shop.revision()
        said: list[str] = []
        report = shop.connector().verify(lambda check: said.append(check.name))
        assert report.green, [check for check in report.checks if check.cause]
        assert said == [check.name for check in report.checks]
        assert shop.revision() == before

    def test_verify_names_cause_and_fix(self, shop: MovingShop) -> None:
        report = shop.wrong_secret().verify(lambda check: None)
        assert not report.green
        failed = [check for check in report.checks if check.outcome.value == "failed"]
        assert failed
        assert all(check.cause and check.fix.message for check in failed)

    # ---------------------------------------------------------- paging

    def test_complete_while_orders_change(self, shop: MovingShop) -> None:
        ids = sorted(shop.truth(), key=int)

        def disturb(number: int) -> None:
            for step in range(3):
                shop.touch(ids[(number * 7 + step * 13) % len(ids)])
            if number % 2:
                shop.place()

        shop.when_asked(disturb)
        connector = shop.connector()
        assert isinstance(connector, OrderSource)
        found: dict[str, Order] = {}
        for pages, page in enumerate(connector.fetch_orders(None)):
            found.update({record.external_id: record.read() for record in page.records})
            cursor = page.cursor
            if pages == 25:  # a store that never rests would never be read to its end
                shop.when_asked(None)
        shop.when_asked(None)
        rest, _cursor = read_all(connector.fetch_orders(cursor))
        found.update(rest)
        self._same(found, shop.truth())

    def test_complete_while_orders_in_front_go_away(self, shop: MovingShop) -> None:
        ids = sorted(shop.truth(), key=int)
        gone = iter(ids[:12])

        def throw(number: int) -> None:
            for _ in range(2):
                if (external_id := next(gone, None)) is not None:
                    shop.throw_away(external_id)

        shop.when_asked(throw)
        connector = shop.connector()
        assert isinstance(connector, OrderSource)
        found, _cursor = read_all(connector.fetch_orders(None))
        assert set(shop.truth()) <= set(found)

    def test_equal_dates(self, shop: MovingShop) -> None:
        connector = shop.connector()
        assert isinstance(connector, OrderSource)
        _found, cursor = read_all(connector.fetch_orders(None))
        levelled = shop.level_dates(73)
        found, _cursor = read_all(connector.fetch_orders(cursor))
        assert set(levelled) <= set(found)

    def test_goes_on_after_a_crash_at_any_page(self, shop: MovingShop) -> None:
        connector = shop.connector()
        assert isinstance(connector, OrderSource)
        cursors = [page.cursor for page in connector.fetch_orders(None)]
        for stop_after in range(len(cursors)):
            found: dict[str, Order] = {}
            cursor = ""
            for number, page in enumerate(connector.fetch_orders(None)):
                found.update({record.external_id: record.read() for record in page.records})
                cursor = page.cursor
                if number == stop_after:
                    break
            rest, _cursor = read_all(connector.fetch_orders(cursor))
            found.update(rest)
            self._same(found, shop.truth())

    def test_a_quiet_poll_is_one_request(self, shop: MovingShop) -> None:
        connector = shop.connector()
        assert isinstance(connector, OrderSource)
        _found, cursor = read_all(connector.fetch_orders(None))
        before = shop.requests()
        read_all(connector.fetch_orders(cursor))
        assert shop.requests() - before == 1

    def test_a_change_comes_with_the_next_poll(self, shop: MovingShop) -> None:
        connector = shop.connector()
        assert isinstance(connector, OrderSource)
        _found, cursor = read_all(connector.fetch_orders(None))
        touched = sorted(shop.truth(), key=int)[3]
        shop.touch(touched)
        placed = shop.place()
        found, _cursor = read_all(connector.fetch_orders(cursor))
        assert {touched, placed} <= set(found)

    def test_order_start_is_honoured_to_the_second(self, shop: MovingShop) -> None:
        placed = sorted((order.placed_at, order.external_id) for order in read_orders(shop))
        start = placed[len(placed) // 2][0]
        wanted = {external_id for moment, external_id in placed if moment >= start}
        connector = shop.connector(order_start=start)
        assert isinstance(connector, OrderSource)
        found, cursor = read_all(connector.fetch_orders(None))
        assert set(found) == wanted
        shop.touch(placed[0][1])  # an old order that changes stays out
        found, cursor = read_all(connector.fetch_orders(cursor))
        assert placed[0][1] not in found
        # The merchant moves Order start: what lies between comes with the next run.
        connector = shop.connector(order_start=placed[0][0] - timedelta(days=1))
        assert isinstance(connector, OrderSource)
        found, _cursor = read_all(connector.fetch_orders(cursor))
        assert set(found) >= {external_id for _moment, external_id in placed}

    # ---------------------------------------------------------- other entities

    def test_products_customers_and_stock_end(self, shop: MovingShop) -> None:
        connector = shop.connector()
        sources: tuple[tuple[type, str], ...] = (
            (ProductSource, "products"), (CustomerSource, "customers"), (StockSource, "stock"),
        )  # fmt: skip
        for source, name in sources:
            if not isinstance(connector, source):
                continue
            seen: list[str] = []
            completed = []
            for page in getattr(connector, f"fetch_{name}")(None):
                seen.extend(record.external_id for record in page.records)
                completed.append(page.complete)
                for record in page.records:
                    record.read()
            assert seen, name
            assert len(seen) == len(set(seen)), name
            assert completed[-1], name
            assert not any(completed[:-1]), name

    # ---------------------------------------------------------- faults

    @pytest.mark.parametrize("how", [Spoiled.RATE_LIMITED, Spoiled.MAINTENANCE, Spoiled.SERVER_ERROR, Spoiled.DROPPED])
    @pytest.mark.parametrize("request_number", [1, 3, 6])
    def test_lasting_trouble_is_said_and_the_cursor_is_good(
        self, shop: MovingShop, how: Spoiled, request_number: int
    ) -> None:
        connector = shop.connector()
        assert isinstance(connector, OrderSource)
        shop.spoil(how, request=request_number, times=1000)
        found: dict[str, Order] = {}
        cursor = ""
        with pytest.raises(Unavailable) as caught:
            for page in connector.fetch_orders(None):
                found.update({record.external_id: record.read() for record in page.records})
                cursor = page.cursor
        assert caught.value.text.message
        if how is Spoiled.RATE_LIMITED:
            assert isinstance(caught.value, RateLimited)
        if how in (Spoiled.RATE_LIMITED, Spoiled.MAINTENANCE):
            assert caught.value.wait
        shop.heal()
        rest, _cursor = read_all(connector.fetch_orders(cursor or None))
        found.update(rest)
        self._same(found, shop.truth())

    @pytest.mark.parametrize("how", [Spoiled.SERVER_ERROR, Spoiled.DROPPED, Spoiled.CUT])
    def test_passing_trouble_passes(self, shop: MovingShop, how: Spoiled) -> None:
        connector = shop.connector()
        assert isinstance(connector, OrderSource)
        shop.spoil(how, request=3, times=1)
        found, _cursor = read_all(connector.fetch_orders(None))
        self._same(found, shop.truth())

    @pytest.mark.parametrize("how", [Spoiled.BYTE_ORDER_MARK, Spoiled.PRINTED_WARNING])
    def test_noise_before_the_document_is_read_through(self, shop: MovingShop, how: Spoiled) -> None:
        connector = shop.connector()
        assert isinstance(connector, OrderSource)
        shop.spoil(how, request=1, times=1000)
        found, _cursor = read_all(connector.fetch_orders(None))
        self._same(found, shop.truth())

    def test_a_page_of_html_is_no_answer(self, shop: MovingShop) -> None:
        connector = shop.connector()
        assert isinstance(connector, OrderSource)
        shop.spoil(Spoiled.HTML, request=1, times=1000)
        with pytest.raises(ExternalError):
            read_all(connector.fetch_orders(None))

    def test_one_bad_record_is_set_aside_with_its_path(self, shop: MovingShop) -> None:
        ids = sorted(shop.truth(), key=int)
        broken = ids[len(ids) // 2]
        shop.break_record(broken)
        good = 0
        with pytest.raises(Unreadable) as caught:
            for record in records(shop):
                if record.external_id == broken:
                    continue
                record.read()
                good += 1
            next(record for record in records(shop) if record.external_id == broken).read()
        assert good == len(ids) - 1
        assert caught.value.path

    # ---------------------------------------------------------- secrets

    def test_no_secret_is_ever_said(self, shop: MovingShop, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        said: list[str] = []
        report = shop.connector().verify(lambda check: None)
        said.append(repr(report))
        report = shop.wrong_secret().verify(lambda check: None)
        said.extend([repr(report), repr([check.as_json() for check in report.checks])])
        connector = shop.connector()
        assert isinstance(connector, OrderSource)
        said.extend([repr(connector.settings), repr(vars(connector)), str(connector)])
        for how in (Spoiled.SERVER_ERROR, Spoiled.HTML, Spoiled.DROPPED, Spoiled.RATE_LIMITED):
            shop.spoil(how, request=1, times=1000)
            try:
                read_all(connector.fetch_orders(None))
            except ExternalError as error:
                said.extend([str(error), repr(error), repr(error.__cause__), repr(error.__context__)])
        shop.heal()
        try:
            wrong = shop.wrong_secret()
            assert isinstance(wrong, OrderSource)
            read_all(wrong.fetch_orders(None))
        except (AuthenticationFailed, Forbidden) as error:
            said.extend([str(error), repr(error)])
        said.append(caplog.text)
        for secret in shop.secrets():
            assert not any(secret in text for text in said)

    def _same(self, found: Mapping[str, Order], truth: Mapping[str, Truth]) -> None:
        missing = sorted(set(truth) - set(found))
        assert not missing, missing
        stale = [
            external_id
            for external_id, true in truth.items()
            if (found[external_id].total, found[external_id].status) != (true.total, true.status)
        ]
        assert not stale, stale


def records(shop: Shop) -> Iterator[Record[Order]]:
    connector = shop.connector()
    assert isinstance(connector, OrderSource)
    for page in connector.fetch_orders(None):
        yield from page.records


def read_orders(shop: Shop) -> Iterator[Order]:
    for record in records(shop):
        yield record.read()
