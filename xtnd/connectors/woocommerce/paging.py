"""Reading a WooCommerce list that changes while it is read, without losing or doubling anything.

Page numbers over a changing list lose orders: 47 to 84 of 3,000 when 3 to 40 changed at every request (measured).
Two ways of reading do not:

*The pass* reads everything by id, ascending, several pages in flight. Every page begins with the last row of the page
before it. When it does not, something was trashed in front and the rows moved up: we step back until it does.

*The poll* reads what changed: always page 1 of "modified after the cursor", oldest first. `modified_after` has whole
seconds and is exclusive, and rows of one second have no stable order, so the last second of a full page is read again,
and a second that fills a page alone is read by id.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from xtnd.connectors.base import BadRecord
from xtnd.connectors.woocommerce.client import Answer, Client
from xtnd.core.errors import ExternalError, Unavailable, Unreadable
from xtnd.core.text import Text
from xtnd.core.text import gettext_noop as _
from xtnd.core.time import SECOND, now, parse_utc

MOST = 100
"""`per_page` above 100 is refused."""
LEAST = 10
"""Below this a slow store gains nothing more."""
SAFETY = timedelta(seconds=3)
"""A write that began before T0 may be stamped earlier and become visible later."""
UNKNOWN_CLOCK = timedelta(minutes=2)
"""Taken off our own clock when the store sends no Date."""

Params = tuple[tuple[str, str], ...]


class Peek(msgspec.Struct):
    """As little of a row as paging needs."""

    id: int
    date_modified_gmt: str | None = None


class Cursor(msgspec.Struct, omit_defaults=True):
    """What is stored between runs. `phase` "pass": `offset` rows are done, the last had `last_id`, and the pass
    began at `since`. `phase` "poll": everything modified at or before `since` is here."""

    phase: str = "pass"
    offset: int = 0
    last_id: int = 0
    since: str = ""
    scope: str = ""
    """What the list was narrowed to. When that changes, what is here is not what was asked for: a new pass."""

    @classmethod
    def read(cls, stored: str | None) -> Cursor:
        return msgspec.json.decode(stored, type=cls) if stored else cls()

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()


Row_P = TypeVar("Row_P", bound=Peek)


@dataclass(frozen=True, slots=True)
class Row(Generic[Row_P]):
    peek: Row_P
    raw: bytes
    extra: tuple[bytes, ...] = ()
    """What `enrich` fetched for it: refunds of an order, variations of a product."""


@dataclass(frozen=True, slots=True)
class RawPage(Generic[Row_P]):
    rows: Sequence[Row[Row_P]]
    cursor: str
    total: int | None
    unreadable: Sequence[BadRecord]
    complete: bool


@dataclass(frozen=True, slots=True)
class _Chunk(Generic[Row_P]):
    """What one request (or its halves) gave."""

    rows: list[Row[Row_P]]
    bad: list[BadRecord]
    full: bool
    """As many rows as were asked for: there may be more."""
    total: int | None
    store_time: datetime


@dataclass(slots=True)
class Reader(Generic[Row_P]):
    """One list of one store. `enrich` is called in the requesting thread, with a page's rows."""

    client: Client
    resource: str
    peek: type[Row_P]
    params: Params = ()
    enrich: Callable[[list[Row[Row_P]]], list[Row[Row_P]]] | None = None
    modified_filter: bool = True
    """The store can filter and order by modification. When it cannot, every read is a pass."""
    page_size: int = MOST
    in_flight: int = 2
    scope: str = ""
    _decoder: msgspec.json.Decoder[list[msgspec.Raw]] = field(
        default_factory=lambda: msgspec.json.Decoder(list[msgspec.Raw])
    )

    def read(self, stored: str | None) -> Iterator[RawPage[Row_P]]:
        """From the stored cursor to the end. The last page is `complete`."""
        cursor = Cursor.read(stored)
        if cursor.scope != self.scope:
            cursor = Cursor()
        if cursor.phase == "poll" and self.modified_filter:
            yield from self._poll(parse_utc(cursor.since))
            return
        if cursor.phase == "poll":  # the store lost the filter since: begin a pass
            cursor = Cursor()
        yield from self._pass(cursor)

    # -------------------------------------------------------------- the pass

    def _pass(self, cursor: Cursor) -> Iterator[RawPage[Row_P]]:
        began = parse_utc(cursor.since) if cursor.since else None
        offset, last_id = cursor.offset, cursor.last_id
        for chunk in self._chunks_by_id(offset, last_id):
            if began is None:
                began = chunk.store_time
            offset += len(chunk.rows)
            if chunk.rows:
                last_id = chunk.rows[-1].peek.id
            at = Cursor("pass", offset, last_id, _naive(began), self.scope)
            if chunk.full:
                yield RawPage(chunk.rows, str(at), chunk.total, chunk.bad, complete=False)
            elif self.modified_filter:
                # What changed during the pass comes now, not in an hour.
                since = began - SAFETY
                yield RawPage(chunk.rows, self._polled(since), chunk.total, chunk.bad, complete=False)
                yield from self._poll(since)
            else:
                yield RawPage(chunk.rows, "", chunk.total, chunk.bad, complete=True)

    def _chunks_by_id(self, offset: int, last_id: int, extra: Params = ()) -> Iterator[_Chunk[Row_P]]:
        """Chunks of rows with id > last_id, ascending, without a hole; the last is not `full`."""
        ordered: Params = (("orderby", "id"), ("order", "asc"), *extra)
        with ThreadPoolExecutor(self.in_flight, thread_name_prefix="page") as pool:
            ahead: deque[tuple[int, int, Future[_Chunk[Row_P]]]] = deque()
            at, back = max(offset - 1, 0), 1
            try:
                while True:
                    while len(ahead) < self.in_flight and (not ahead or last_id):
                        start = at if not ahead else ahead[-1][0] + ahead[-1][1] - 1
                        size = self.page_size
                        ahead.append((start, size, pool.submit(self._fetch, ordered, start, size)))
                    start, size, future = ahead.popleft()
                    chunk = future.result()
                    new = [row for row in chunk.rows if row.peek.id > last_id]
                    joined = not start or len(new) < len(chunk.rows) or bool(chunk.bad)
                    if not joined:
                        # The row we had last is not here: rows in front of it went away. Step back until it is.
                        _drop(ahead)
                        back *= 10
                        at = max(start - back, 0)
                        continue
                    back = 1
                    if new:
                        last_id = new[-1].peek.id
                    yield _Chunk(new, chunk.bad, chunk.full, chunk.total, chunk.store_time)
                    if not chunk.full:
                        return
                    if not ahead:
                        at = start + size - 1
            finally:
                _drop(ahead)

    # -------------------------------------------------------------- the poll

    def _poll(self, since: datetime) -> Iterator[RawPage[Row_P]]:
        """Everything modified at or after `since` (whole seconds), then the cursor stands at the store's now."""
        began: datetime | None = None
        while True:
            window = self._window(after=since - SECOND)
            chunk = self._fetch((("orderby", "modified"), ("order", "asc"), *window), 0, self.page_size)
            began = began or chunk.store_time
            self._refuse_ignored_filter(chunk.rows, since)
            if not chunk.full:
                yield RawPage(chunk.rows, self._polled(began - SAFETY), None, chunk.bad, complete=True)
                return
            newest = _modified(chunk.rows[-1]) if chunk.rows else since
            if newest > since:
                # The last second may be cut: it is read again with the next page.
                since = newest
                yield RawPage(chunk.rows, self._polled(since), None, chunk.bad, complete=False)
                continue
            yield from self._one_second(since)
            since += SECOND

    def _one_second(self, moment: datetime) -> Iterator[RawPage[Row_P]]:
        """A second that fills a page alone has no order to page by but the id."""
        here = self._polled(moment)
        after = self._polled(moment + SECOND)
        window = self._window(after=moment - SECOND, before=moment + SECOND)
        for chunk in self._chunks_by_id(0, 0, window):
            yield RawPage(chunk.rows, here if chunk.full else after, None, chunk.bad, complete=False)

    def _polled(self, since: datetime) -> str:
        return str(Cursor("poll", since=_naive(since), scope=self.scope))

    def _window(self, *, after: datetime, before: datetime | None = None) -> Params:
        """Naive GMT with `dates_are_gmt`: the local comparison has a repeated hour in autumn, and an offset together
        with `dates_are_gmt` is applied twice (measured)."""
        bounds = [("modified_after", _naive(after)), ("dates_are_gmt", "true")]
        if before is not None:
            bounds.append(("modified_before", _naive(before)))
        return tuple(bounds)

    def _refuse_ignored_filter(self, rows: Sequence[Row[Row_P]], since: datetime) -> None:
        """A store that ignores `modified_after` would be read from its beginning, silently, for ever."""
        dated = next((row for row in rows if row.peek.date_modified_gmt), None)
        if dated is not None and _modified(dated) < since - SECOND:
            raise Unreadable(
                Text(_("The store no longer filters by modification date. Verify the connection again.")),
                code="modified_filter_ignored",
            )

    # -------------------------------------------------------------- one request

    def _fetch(self, params: Params, offset: int, size: int) -> _Chunk[Row_P]:
        """One page. What cannot be read, or comes too slowly, is asked for again in halves, down to one record."""
        try:
            answer = self.client.get(self.resource, self._query(params, offset, size))
            raws = self._decoder.decode(answer.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, Unreadable, Unavailable) as error:
            if not _may_be_one_record(error):
                raise
            if size <= (LEAST if isinstance(error, Unavailable) else 1):
                return self._given_up(error)
            self.page_size = max(LEAST, min(self.page_size, size // 2))
            return self._halves(params, offset, size)
        rows, bad = self._rows(raws)
        if self.enrich is not None and rows:
            rows = self.enrich(rows)
        return _Chunk(rows, bad, len(raws) >= size, _total(answer), _store_time(answer))

    def _query(self, params: Params, offset: int, size: int) -> list[tuple[str, str]]:
        # One value a name: PHP keeps the last of two, and OAuth signs what PHP kept.
        query = dict((*self.params, *params, ("per_page", str(size))))
        if offset:
            query["offset"] = str(offset)
        return list(query.items())

    def _halves(self, params: Params, offset: int, size: int) -> _Chunk[Row_P]:
        half = size // 2
        first = self._fetch(params, offset, half)
        if not first.full:
            return first
        rest = self._fetch(params, offset + half, size - half)
        if not first.rows and not rest.rows and size > 2 and len(first.bad) + len(rest.bad) >= size:
            # Not one record is readable: the answer itself is wrong.
            raise Unreadable(Text(_("The answer is not a list of records.")), code="not_a_list")
        total = first.total if rest.total is None else rest.total
        return _Chunk([*first.rows, *rest.rows], [*first.bad, *rest.bad], rest.full, total, first.store_time)

    def _given_up(self, error: Exception) -> _Chunk[Row_P]:
        """One record that breaks its page is set aside. A store that is too slow for ten is not about a record."""
        if isinstance(error, Unavailable):
            raise error
        reason = error.text if isinstance(error, ExternalError) else Text(str(error))
        return _Chunk([], [BadRecord(b"", "", reason)], True, None, now() - UNKNOWN_CLOCK)

    def _rows(self, raws: Sequence[msgspec.Raw]) -> tuple[list[Row[Row_P]], list[BadRecord]]:
        rows: list[Row[Row_P]] = []
        bad: list[BadRecord] = []
        for raw in raws:
            text = bytes(raw)
            try:
                rows.append(Row(msgspec.json.decode(text, type=self.peek), text))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                bad.append(BadRecord(text, _path(error), Text(str(error)), _bare_id(text)))
        return rows, bad


def _drop(ahead: deque[tuple[int, int, Future[_Chunk[Row_P]]]]) -> None:
    for _start, _size, future in ahead:
        future.cancel()
    ahead.clear()


def _may_be_one_record(error: Exception) -> bool:
    if isinstance(error, Unavailable):
        return error.code in ("timeout", "cut", "too_large")
    if isinstance(error, Unreadable):
        return error.code == "unreadable"
    return True


def _modified(row: Row[Row_P]) -> datetime:
    """Drafts may have no date; they sort first and are older than any cursor asks for."""
    return parse_utc(row.peek.date_modified_gmt or "1970-01-01T00:00:00")


def _naive(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _total(answer: Answer) -> int | None:
    """HPOS says 0 past the end: only meant on a page with rows, and never used to stop."""
    stated = answer.headers.get("x-wp-total", "")
    return int(stated) if stated.isdigit() else None


def _store_time(answer: Answer) -> datetime:
    return answer.store_time or now().replace(microsecond=0) - UNKNOWN_CLOCK


class _Bare(msgspec.Struct):
    id: int | str = ""


def _bare_id(text: bytes) -> str:
    try:
        return str(msgspec.json.decode(text, type=_Bare).id)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


def _path(error: Exception) -> str:
    """msgspec ends its messages with "- at `$.line_items[0].total`"."""
    message = str(error)
    at = message.rfind("`$")
    return message[at + 1 : -1].removeprefix("$").removeprefix(".") if at >= 0 else ""
