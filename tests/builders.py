"""Plain builders on the models: `make_order(lines=[Line(sku="MUG", quantity=2)])`. By keyword, all with defaults.

What is not said is made: an order makes its connection, a connection its group. Money may be written as text.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from xtnd.canonical.catalog import StockPolicy
from xtnd.canonical.customers import normalised_email
from xtnd.canonical.orders import Address, LineKind
from xtnd.catalog.models import Listing, Match, Product, Variant
from xtnd.companies.models import Company, CompanyGroup, Membership, Role, User, Warehouse
from xtnd.connections.models import Connection, ConnectionState, Link, LinkKind
from xtnd.core.money import ZERO, rounded, total
from xtnd.customers.models import Customer
from xtnd.database.search import SearchIndex
from xtnd.orders.models import (
    EventKind,
    Order,
    OrderDiscount,
    OrderEvent,
    OrderLine,
    OrderPayload,
    OrderVat,
    Paid,
    Payment,
    Refund,
    RefundLine,
    Shipped,
    State,
)
from xtnd.stock.models import Reason, StockLevel, StockMovement
from xtnd.sync.models import IssueState, RecordIssue, Run, RunState, Schedule, Trigger

Amount = Decimal | int | str
PASSWORD = "correct horse battery"
PLACED_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_serial = count(1)


def _d(amount: Amount) -> Decimal:
    return amount if isinstance(amount, Decimal) else Decimal(str(amount))


# ------------------------------------------------------------------ companies


def make_group(*, name: str = "") -> CompanyGroup:
    return CompanyGroup.objects.create(name=name or f"Group {next(_serial)}")


def make_company(
    *, group: CompanyGroup | None = None, name: str = "Demo AB", time_zone: str = "Europe/Stockholm", **fields: Any
) -> Company:
    return Company.objects.create(group=group or make_group(), name=name, time_zone=time_zone, **fields)


def make_warehouse(
    *, company: Company | None = None, group: CompanyGroup | None = None, code: str = "", name: str = "Main warehouse"
) -> Warehouse:
    """In `company`, else in the first company of `group`, else in a new one."""
    owner = company or (group and group.companies.first()) or make_company(group=group)
    return Warehouse.objects.create(company=owner, code=code or f"W{next(_serial)}", name=name)


def make_user(
    *,
    role: str = Role.OWNER,
    group: CompanyGroup | None = None,
    groups: Sequence[CompanyGroup] = (),
    email: str = "",
    name: str = "Anna Ek",
    language: str = "en",
    password: str | None = None,
) -> User:
    """A user with `role` in each group (a new one when none is given). Without a password: sign in with `force_login`.

    `password=PASSWORD` when the sign-in page itself is tested: hashing takes its time.
    """
    user = User(email=email or f"user{next(_serial)}@example.com", name=name, language=language)
    user.set_password(password)
    user.save()
    for one in [*groups, *([group] if group else [])] or [make_group()]:
        Membership.objects.create(user=user, group=one, role=role)
    return user


# ------------------------------------------------------------------ connections and sync


def make_connection(
    *,
    group: CompanyGroup | None = None,
    name: str = "",
    system: str = "woocommerce",
    api_url: str = "https://shop.example.com",
    state: str = ConnectionState.ACTIVE,
    warehouse: Warehouse | None = None,
    credentials: bytes = b"",
    **fields: Any,
) -> Connection:
    return Connection.objects.create(
        company_group=group or (warehouse.company.group if warehouse else make_group()),
        name=name or f"Store {next(_serial)}",
        system=system,
        api_url=api_url,
        state=state,
        warehouse=warehouse,
        credentials=credentials,
        **fields,
    )


def make_schedule(
    *,
    connection: Connection | None = None,
    entity: str = "orders",
    active: bool = True,
    every_minutes: int | None = 60,
    daily_at: time | None = None,
    cron: str = "",
    **fields: Any,
) -> Schedule:
    return Schedule.objects.create(
        connection=connection or make_connection(),
        entity=entity,
        active=active,
        every_minutes=None if daily_at or cron else every_minutes,
        daily_at=daily_at,
        cron=cron,
        **fields,
    )


def make_run(
    *,
    schedule: Schedule | None = None,
    state: str = RunState.SUCCEEDED,
    trigger: str = Trigger.SCHEDULE,
    queued_at: datetime = PLACED_AT,
    **fields: Any,
) -> Run:
    schedule = schedule or make_schedule()
    return Run.objects.create(
        schedule=schedule,
        connection=schedule.connection,
        entity=schedule.entity,
        trigger=trigger,
        state=state,
        queued_at=queued_at,
        **fields,
    )


def make_record_issue(
    *,
    connection: Connection | None = None,
    entity: str = "orders",
    external_id: str = "",
    code: str = "unreadable",
    message: str = "The field {path} is missing.",
    field_path: str = "line_items[0].total",
    payload: object = None,
    state: str = IssueState.OPEN,
    last_seen_at: datetime = PLACED_AT,
    **fields: Any,
) -> RecordIssue:
    return RecordIssue.objects.create(
        connection=connection or make_connection(),
        entity=entity,
        external_id=external_id or str(next(_serial)),
        content_hash=b"\0" * 16,
        payload=zlib.compress(json.dumps(payload if payload is not None else {"id": 1}).encode()),
        field_path=field_path,
        code=code,
        reason={"message": message, "params": {"path": field_path}},
        state=state,
        first_seen_at=last_seen_at,
        last_seen_at=last_seen_at,
        **fields,
    )


def make_link(*, connection: Connection, kind: str, object_id: int, external_id: str = "") -> Link:
    return Link.objects.create(
        connection=connection,
        kind=kind,
        external_id=external_id or str(next(_serial)),
        object_id=object_id,
        content_hash=b"\0" * 16,
        seen_at=PLACED_AT,
    )


# ------------------------------------------------------------------ customers


def make_customer(
    *,
    group: CompanyGroup | None = None,
    email: str = "",
    first_name: str = "Anna",
    last_name: str = "Andersson",
    company: str = "",
    city: str = "Jönköping",
    country: str = "SE",
    phone: str = "036-10 50 00",
    registered: bool = True,
    created_at: datetime = PLACED_AT,
    known_by: Sequence[Connection] = (),
    **fields: Any,
) -> Customer:
    """Found by the search too. `known_by`: connections with a Link to the customer."""
    email = email or f"customer{next(_serial)}@example.com"
    address = asdict(
        Address(first_name, last_name, company, "Storgatan 1", "", "553 16", city, "", country, email, phone)
    )
    customer = Customer.objects.create(
        company_group=group or (known_by[0].company_group if known_by else make_group()),
        email=email,
        email_key=normalised_email(email) or None,
        first_name=first_name,
        last_name=last_name,
        company=company,
        city=city,
        country=country,
        phone=phone,
        registered=registered,
        created_at=created_at,
        changed_at=created_at,
        **{"billing_address": address, "shipping_address": address, **fields},
    )
    for connection in known_by:
        make_link(connection=connection, kind=LinkKind.CUSTOMER, object_id=customer.pk)
    words = f"{email} {first_name} {last_name} {company} {phone} {city}"
    SearchIndex("customers_search").put([(customer.pk, words)], fresh=True)
    return customer


# ------------------------------------------------------------------ catalog and stock


@dataclass(frozen=True, kw_only=True)
class Level:
    """Stock of a variant in one warehouse."""

    warehouse: Warehouse
    on_hand: Amount = 10
    reserved: Amount = 0
    incoming: Amount = 0


@dataclass(frozen=True, kw_only=True)
class Sku:
    """A variant and how its store lists it. `sku=""`: the store has none."""

    sku: str = ""
    title: str = ""
    price: Amount = "125"
    match: str = Match.SKU
    policy: str = StockPolicy.OWN
    stock: Amount | None = 10
    in_stock: bool = True
    levels: Sequence[Level] = ()
    status: str = "publish"


def make_product(
    *,
    group: CompanyGroup | None = None,
    title: str = "Coffee mug",
    kind: str = "simple",
    variants: Sequence[Sku] = (),
    listed_in: Sequence[Connection] = (),
    created_at: datetime = PLACED_AT,
    **fields: Any,
) -> Product:
    """With one variant (and a SKU of its own) when none is given. Every variant is listed in every connection."""
    group = group or (listed_in[0].company_group if listed_in else make_group())
    product = Product.objects.create(
        company_group=group, title=title, kind=kind, created_at=created_at, changed_at=created_at, **fields
    )
    words = [title]
    for sku in variants or [Sku(sku=f"SKU-{next(_serial)}")]:
        variant = make_variant(product=product, sku=sku, listed_in=listed_in)
        words += [sku.sku, variant.barcode]
    SearchIndex("catalog_search").put([(product.pk, " ".join(words))], fresh=True)
    return product


def make_variant(*, product: Product, sku: Sku, listed_in: Sequence[Connection] = ()) -> Variant:
    own_sku = sku.sku if sku.match in (Match.SKU, Match.HAND) else ""
    variant = Variant.objects.create(
        company_group=product.company_group, product=product, sku=own_sku or None, title=sku.title
    )
    for connection in listed_in:
        make_listing(variant=variant, connection=connection, sku=sku)
    for level in sku.levels:
        make_level(variant=variant, level=level)
    return variant


def make_listing(*, variant: Variant, connection: Connection, sku: Sku | None = None, **fields: Any) -> Listing:
    sku = sku or Sku(sku=variant.sku or "")
    number = str(next(_serial))
    return Listing.objects.create(
        **{
            "connection": connection,
            "product": variant.product,
            "variant": variant,
            "external_product_id": str(variant.product_id),
            "external_variant_id": number,
            "sku": sku.sku,
            "title": variant.product.title,
            "status": sku.status,
            "match": sku.match,
            "price": _d(sku.price),
            "regular_price": _d(sku.price),
            "stock_policy": sku.policy,
            "stock_quantity": None if sku.stock is None else _d(sku.stock),
            "in_stock": sku.in_stock,
            "url": f"{connection.api_url}/product/{number}",
            "admin_url": f"{connection.api_url}/wp-admin/post.php?post={number}&action=edit",
            "changed_at": PLACED_AT,
            **fields,
        }
    )


def make_level(*, variant: Variant, level: Level, at: datetime = PLACED_AT) -> StockLevel:
    """With the movement that explains it."""
    StockMovement.objects.create(
        variant=variant,
        warehouse=level.warehouse,
        on_hand=_d(level.on_hand),
        reserved=_d(level.reserved),
        reason=Reason.IMPORTED,
        key=f"test:{next(_serial)}",
        at=at,
    )
    return StockLevel.objects.create(
        variant=variant,
        warehouse=level.warehouse,
        on_hand=_d(level.on_hand),
        reserved=_d(level.reserved),
        incoming=_d(level.incoming),
        changed_at=at,
    )


# ------------------------------------------------------------------ orders


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row as sold. `unit_price` and `discount` (of the whole row) excluding VAT, `vat_rate` in percent."""

    name: str = "Coffee mug"
    sku: str = "MUG-1"
    quantity: Amount = 1
    unit_price: Amount = 100
    discount: Amount = 0
    vat_rate: Amount = 25
    kind: str = LineKind.PRODUCT
    variant: Variant | None = None
    attributes: Sequence[tuple[str, str]] = ()

    @property
    def subtotal(self) -> Decimal:
        return _d(self.quantity) * _d(self.unit_price)

    @property
    def total(self) -> Decimal:
        return self.subtotal - _d(self.discount)

    @property
    def vat(self) -> Decimal:
        return rounded(self.total * _d(self.vat_rate) / 100, 4)


@dataclass(frozen=True, kw_only=True)
class Refunded:
    """Money given back, including VAT, with the lines it was for."""

    amount: Amount
    reason: str = "Returned"
    lines: Sequence[Line] = ()
    refunded_at: datetime = field(default=PLACED_AT + timedelta(days=3))


def make_order(
    *,
    connection: Connection | None = None,
    group: CompanyGroup | None = None,
    number: str = "",
    external_id: str = "",
    status: str = "processing",
    state: str = State.RECEIVED,
    payment_state: str = Paid.PAID,
    shipment_state: str = Shipped.UNSHIPPED,
    currency: str = "SEK",
    lines: Sequence[Line] = (Line(),),
    shipping: Amount = 0,
    shipping_vat_rate: Amount = 25,
    charged: Amount | None = None,
    discounts: Sequence[tuple[str, Amount]] = (),
    refunds: Sequence[Refunded] = (),
    customer: Customer | None = None,
    customer_name: str = "Anna Andersson",
    customer_email: str = "anna@example.com",
    country: str = "SE",
    placed_at: datetime = PLACED_AT,
    payload: object = None,
    events: bool = True,
    **fields: Any,
) -> Order:
    """An order with its rows, VAT per rate, payment, refunds, payload and timeline; found by the search too.

    `charged`: the header total when it is not the rounded sum of the rows; the difference becomes a rounding line.
    `discounts`: codes with their amount excluding VAT, already taken off the lines' own `discount`.
    """
    connection = connection or make_connection(group=group)
    number = number or str(next(_serial) + 1000)
    rows = [*lines]
    if _d(shipping):
        rows.append(
            Line(name="Shipping", sku="", unit_price=shipping, vat_rate=shipping_vat_rate, kind=LineKind.SHIPPING)
        )
    summed = sum((row.total + row.vat for row in rows), ZERO)
    header = total(summed, currency) if charged is None else _d(charged)
    rounding = header - summed
    freight = [row for row in rows if row.kind == LineKind.SHIPPING]
    customer_fields = (
        {"customer_name": customer.name, "customer_email": customer.email}
        if customer
        else {"customer_name": customer_name, "customer_email": customer_email}
    )
    first, _space, last = customer_fields["customer_name"].partition(" ")
    address = asdict(
        Address(
            first, last, "", "Storgatan 1", "", "553 16", "Jönköping", "", country, customer_fields["customer_email"]
        )
    )
    order = Order.objects.create(
        **{
            "company_group": connection.company_group,
            "connection": connection,
            "external_id": external_id or number,
            "number": number,
            "status": status,
            "state": state,
            "payment_state": payment_state,
            "shipment_state": shipment_state,
            "currency": currency,
            "total": header,
            "total_vat": sum((row.vat for row in rows), ZERO),
            "shipping_total": sum((row.total for row in freight), ZERO),
            "shipping_vat": sum((row.vat for row in freight), ZERO),
            "discount_total": sum((_d(amount) for _code, amount in discounts), ZERO),
            "discount_vat": ZERO,
            "refunded_total": sum((_d(refund.amount) for refund in refunds), ZERO),
            "rounding": rounding,
            "customer": customer,
            **customer_fields,
            "country": country,
            "billing_address": address,
            "shipping_address": address,
            "payment_method": "klarna_payments",
            "payment_title": "Klarna",
            "admin_url": f"{connection.api_url}/wp-admin/post.php?post={external_id or number}&action=edit",
            "item_count": sum((_d(row.quantity) for row in rows if row.kind == LineKind.PRODUCT), ZERO),
            "placed_at": placed_at,
            "modified_at": placed_at,
            "paid_at": placed_at if payment_state == Paid.PAID else None,
            "received_at": placed_at,
            "changed_at": placed_at,
            **fields,
        }
    )
    _make_rows(order, rows, rounding)
    for code, amount in discounts:
        OrderDiscount.objects.create(order=order, code=code, amount=_d(amount), vat=ZERO)
    if payment_state in (Paid.PAID, Paid.PARTLY_REFUNDED, Paid.REFUNDED):
        Payment.objects.create(
            order=order,
            method=order.payment_method,
            title=order.payment_title,
            amount=header,
            transaction_id="T-1",
            paid_at=placed_at,
        )
    for refund in refunds:
        make_refund(order=order, refund=refund)
    if events:
        OrderEvent.objects.create(order=order, kind=EventKind.RECEIVED, at=placed_at, changes={"status": status})
    body = payload if payload is not None else {"id": order.external_id, "number": number}
    OrderPayload.objects.create(order=order, body=zlib.compress(json.dumps(body).encode()))
    words = " ".join([number, order.customer_name, order.customer_email, *(f"{row.sku} {row.name}" for row in rows)])
    SearchIndex("orders_search").put([(order.pk, words)], fresh=True)
    return order


def _make_rows(order: Order, rows: Sequence[Line], rounding: Decimal) -> None:
    if rounding:
        rows = [*rows, Line(name="Rounding", sku="", unit_price=rounding, vat_rate=0, kind=LineKind.ROUNDING)]
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            position=position,
            kind=row.kind,
            external_id=str(position),
            name=row.name,
            sku=row.sku,
            variant=row.variant,
            quantity=_d(row.quantity),
            unit_price=_d(row.unit_price),
            subtotal=row.subtotal,
            total=row.total,
            vat=row.vat,
            vat_rows=[{"rate": str(row.vat_rate), "amount": str(row.vat), "label": ""}],
            attributes=[list(pair) for pair in row.attributes],
        )
        for position, row in enumerate(rows, start=1)
    )
    charged = [row for row in rows if row.kind != LineKind.ROUNDING]
    for rate in sorted({_d(row.vat_rate) for row in charged}, reverse=True):
        of_rate = [row for row in charged if _d(row.vat_rate) == rate]
        OrderVat.objects.create(
            order=order,
            rate=rate,
            label=f"Moms {rate}%",
            goods=sum((row.vat for row in of_rate if row.kind != LineKind.SHIPPING), ZERO),
            shipping=sum((row.vat for row in of_rate if row.kind == LineKind.SHIPPING), ZERO),
        )


def make_refund(*, order: Order, refund: Refunded) -> Refund:
    made = Refund.objects.create(
        order=order,
        external_id=str(next(_serial)),
        amount=_d(refund.amount),
        reason=refund.reason,
        refunded_at=refund.refunded_at,
    )
    for row in refund.lines:
        RefundLine.objects.create(
            refund=made,
            kind=row.kind,
            name=row.name,
            sku=row.sku,
            quantity=_d(row.quantity),
            total=row.total,
            vat=row.vat,
        )
    return made


def on(day: date, hour: int = 12, minute: int = 0) -> datetime:
    """An instant on that day, UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
