"""What a connector is: one class that says what its system can do.

A connector knows HTTP and canonical things; it knows no database. `connectors/testing.py` is the suite it must pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from xtnd.canonical.catalog import Product, StockCount
from xtnd.canonical.customers import Customer
from xtnd.canonical.orders import Order
from xtnd.connectors.http import Http
from xtnd.core.secrets import Secret
from xtnd.core.text import Text


class Entity(StrEnum):
    ORDERS = "orders"
    PRODUCTS = "products"
    CUSTOMERS = "customers"
    STOCK = "stock"


# ------------------------------------------------------------------ the form


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the connection form. `secret` fields are encrypted at rest and never shown again."""

    name: str
    """access_token, secret, api_url, or the connector's own."""
    label: str
    help: str = ""
    secret: bool = False
    required: bool = True
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class GuideStep:
    """One picture-by-picture step of the guide beside the form."""

    title: str
    text: str
    path: tuple[str, ...] = ()
    """Where to click, e.g. ("WooCommerce", "Settings", "Advanced", "REST API")."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a connector needs to speak with one store. Made by `connections`, or by a script."""

    api_url: str
    credentials: Mapping[str, Secret]
    order_start: datetime | None = None
    """Orders placed before this instant (aware UTC) are not asked for."""
    options: Mapping[str, object] = field(default_factory=dict)
    """What verify found out and stored: authentication method, base path, capabilities. JSON values."""
    page_size: int = 100
    in_flight: int = 2
    """Requests at once towards the store."""


# ------------------------------------------------------------------ verify


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    WARNING = "warning"
    """Works, but the merchant should know."""
    INFO = "info"
    """A fact, never a reason to refuse."""
    SKIPPED = "skipped"
    """Not tried, because an earlier line failed."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the verify report. A failed line has its exact cause and its exact fix."""

    name: str
    """Stable key, e.g. "address", "tls", "authentication"."""
    label: Text
    outcome: Outcome
    detail: Text = Text("")
    """What was found: "WooCommerce 9.9.5"."""
    cause: str = ""
    """Stable key of the reason, e.g. "wrong_secret". Set when failed or warning."""
    fix: Text = Text("")
    """What to do, in the words of the other system's menus. Set when failed or warning."""

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "label": self.label.as_json(),
            "outcome": self.outcome.value,
            "detail": self.detail.as_json(),
            "cause": self.cause,
            "fix": self.fix.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of verify. `options` is what the connection stores and gives back in `Settings.options`."""

    checks: tuple[Check, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    """For people: {"version": "9.9.5", "currency": "SEK", …}."""

    @property
    def green(self) -> bool:
        return bool(self.checks) and all(
            check.outcome not in (Outcome.FAILED, Outcome.SKIPPED) for check in self.checks
        )


# ------------------------------------------------------------------ reading

Thing_co = TypeVar("Thing_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Record(Generic[Thing_co]):
    """One thing as it came. It is read (mapped) only when its hash is new: unchanged costs nothing."""

    external_id: str
    content_hash: bytes
    """16 bytes over the payload and the mapper's version."""
    payload: bytes
    """JSON as received."""
    read: Callable[[], Thing_co]
    """The canonical thing. Raises `Unreadable` with the field's path."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Thing_co]):
    """Records, and the cursor to store in the transaction that stores them."""

    records: Sequence[Record[Thing_co]]
    cursor: str
    """Opaque to everyone but the connector. Given back to `fetch_*` after a crash, or next time."""
    total: int | None = None
    """How many records this fetch will yield in all, when the system says."""
    unreadable: Sequence[BadRecord] = ()
    complete: bool = False
    """The fetch has read everything there was. Always set on the last page, only there."""


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record of a page that could not even be told apart as a thing with an id."""

    payload: bytes
    path: str
    reason: Text
    external_id: str = ""


class Connector(ABC):
    """One external system. Made per run with the connection's settings and an HTTP client."""

    system: ClassVar[str]
    """Stable key: "woocommerce"."""
    label: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]]
    guide: ClassVar[tuple[GuideStep, ...]]

    def __init__(self, settings: Settings, http: Http) -> None:
        self.settings = settings
        self.http = http

    @classmethod
    def entities(cls) -> tuple[Entity, ...]:
        """What can be synchronised, in the order that serves a first import."""
        sources: tuple[tuple[type, Entity], ...] = (
            (ProductSource, Entity.PRODUCTS),
            (OrderSource, Entity.ORDERS),
            (CustomerSource, Entity.CUSTOMERS),
            (StockSource, Entity.STOCK),
        )
        return tuple(entity for source, entity in sources if issubclass(cls, source))

    @abstractmethod
    def verify(self, say: Callable[[Check], None]) -> Report:
        """Walk the checks, calling `say` after each one; never raises for anything the other side does.

        Writes nothing in the store. Ends within 60 s.
        """


class OrderSource(ABC):
    @abstractmethod
    def fetch_orders(self, cursor: str | None) -> Iterator[Page[Order]]:
        """From the beginning (None) or from a stored cursor. Raises `ExternalError`: nothing of that page counts."""

    @abstractmethod
    def fetch_order(self, external_id: str) -> Record[Order] | None:
        """One order now, by its id; None when the store does not have it."""


class ProductSource(ABC):
    @abstractmethod
    def fetch_products(self, cursor: str | None) -> Iterator[Page[Product]]: ...

    @abstractmethod
    def fetch_product(self, external_id: str) -> Record[Product] | None: ...


class CustomerSource(ABC):
    @abstractmethod
    def fetch_customers(self, cursor: str | None) -> Iterator[Page[Customer]]: ...

    @abstractmethod
    def fetch_customer(self, external_id: str) -> Record[Customer] | None: ...


class StockSource(ABC):
    @abstractmethod
    def fetch_stock(self, cursor: str | None) -> Iterator[Page[tuple[StockCount, ...]]]:
        """One record per product of the store: the counts of its variants (or its own)."""

    @abstractmethod
    def fetch_stock_of(self, external_product_id: str) -> Record[tuple[StockCount, ...]] | None: ...
