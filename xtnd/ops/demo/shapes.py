"""The JSON of WooCommerce's resources: same keys, same order, same types as a real store's answers."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from urllib.parse import quote

from xtnd.ops.demo.pricing import Doc, money

Permalinks = Literal["pretty", "plain", "index.php"]

MODERN_VERSION = "9.9.5"
OLD_VERSION = "3.6.4"
SYMBOLS = {"SEK": "kr", "NOK": "kr", "DKK": "kr.", "EUR": "€", "USD": "$", "GBP": "£"}
STATUS_NAMES = {
    "pending": "Pending payment",
    "processing": "Processing",
    "on-hold": "On hold",
    "completed": "Completed",
    "cancelled": "Cancelled",
    "refunded": "Refunded",
    "failed": "Failed",
    "checkout-draft": "Draft",
}
BILLING = (
    "first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country",
    "email", "phone",
)  # fmt: skip
SHIPPING = tuple(field for field in BILLING if field != "email")
ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]

# What 9.9.5 says and 3.6.4 does not.
NEW_KEYS = {
    "order": {"currency_symbol", "is_editable", "needs_payment", "needs_processing", "payment_url"},
    "product": {"brands", "global_unique_id", "has_options", "low_stock_amount", "post_password"},
    "variation": {"name", "parent_id", "type", "global_unique_id", "low_stock_amount"},
    "refund": {"fee_lines", "shipping_lines", "tax_lines"},
}
NEW_LINE_KEYS = {"image", "parent_name"}


@dataclass(frozen=True)
class Site:
    """Where the store believes it lives. `home` has no trailing slash."""

    home: str
    permalinks: Permalinks = "pretty"

    def rest(self, path: str) -> str:
        """The absolute URL of a REST path such as "/wc/v3/orders"."""
        if self.permalinks == "plain":
            return f"{self.home}/index.php?rest_route={path}"
        if self.permalinks == "index.php":
            return f"{self.home}/index.php/wp-json{path}"
        return f"{self.home}/wp-json{path}"


def encode(value: object) -> bytes:
    """JSON as PHP's json_encode writes it: non-ASCII as \\u00e5 and every slash escaped."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def slug(text: str) -> str:
    """WordPress' sanitize_title: "Nät & Ändå" -> "nat-anda"."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def address(fields: Iterable[str], given: Mapping[str, str] | None) -> Doc:
    return {field: (given or {}).get(field, "") for field in fields}


def price_html(low: str, high: str = "") -> str:
    def span(price: str) -> str:
        shown = money(Decimal(price)).replace(".", ",")
        symbol = '<span class="woocommerce-Price-currencySymbol">&#107;&#114;</span>'
        return f'<span class="woocommerce-Price-amount amount"><bdi>{shown}{symbol}</bdi></span>'

    if not low:
        return ""
    return span(low) if high in ("", low) else f"{span(low)} &ndash; {span(high)}"


def html_symbol(currency: str) -> str:
    """The currency symbol as system_status writes it: HTML character references."""
    return {"SEK": "&#107;&#114;", "EUR": "&euro;"}.get(currency, html.escape(SYMBOLS.get(currency, currency)))


def new_order(order_id: int, currency: str, modern: bool) -> Doc:
    """An empty order, every key in WooCommerce's order."""
    return {
        "id": order_id,
        "parent_id": 0,
        "status": "pending",
        "currency": currency,
        "version": MODERN_VERSION if modern else OLD_VERSION,
        "prices_include_tax": True,
        "date_created": None,
        "date_modified": None,
        **dict.fromkeys(
            ("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax"),
            "0.00",
        ),
        "customer_id": 0,
        "order_key": "",
        "billing": {},
        "shipping": {},
        **dict.fromkeys(
            (
                "payment_method", "payment_method_title", "transaction_id", "customer_ip_address",
                "customer_user_agent", "created_via", "customer_note",
            ),
            "",
        ),
        "date_completed": None,
        "date_paid": None,
        "cart_hash": "",
        "number": str(order_id),
        "meta_data": [],
        "line_items": [],
        "tax_lines": [],
        "shipping_lines": [],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [],
        "payment_url": "",
        "is_editable": False,
        "needs_payment": False,
        "needs_processing": False,
        "date_created_gmt": None,
        "date_modified_gmt": None,
        "date_completed_gmt": None,
        "date_paid_gmt": None,
        "currency_symbol": SYMBOLS.get(currency, currency),
    }  # fmt: skip


def new_refund(refund_id: int, order_id: int) -> Doc:
    """As `/wc/v3/refunds` shows it; `orders/<id>/refunds` leaves `parent_id` out."""
    return {
        "id": refund_id,
        "parent_id": order_id,
        "date_created": None,
        "date_created_gmt": None,
        "amount": "0.00",
        "reason": "",
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [],
        "line_items": [],
        "shipping_lines": [],
        "tax_lines": [],
        "fee_lines": [],
    }


def _sale_fields() -> Doc:
    dates = ("date_on_sale_from", "date_on_sale_from_gmt", "date_on_sale_to", "date_on_sale_to_gmt")
    return {"sale_price": "", **dict.fromkeys(dates), "on_sale": False}


def _download_fields() -> Doc:
    return {"downloads": [], "download_limit": -1, "download_expiry": -1}


def _stock_fields() -> Doc:
    return {"backorders": "no", "backorders_allowed": False, "backordered": False, "low_stock_amount": None}


def _size_fields() -> Doc:
    return {"weight": "", "dimensions": {"length": "", "width": "", "height": ""}}


def new_product(product_id: int, name: str, slug_: str) -> Doc:
    """A product without price or stock. `permalink` is relative to the site until it is rendered."""
    return {
        "id": product_id,
        "name": name,
        "slug": slug_,
        "permalink": f"/product/{slug_}/",
        "date_created": None,
        "date_created_gmt": None,
        "date_modified": None,
        "date_modified_gmt": None,
        "type": "simple",
        "status": "publish",
        "featured": False,
        "catalog_visibility": "visible",
        "description": "",
        "short_description": "",
        "sku": "",
        "price": "",
        "regular_price": "",
        **_sale_fields(),
        "purchasable": False,
        "total_sales": 0,
        "virtual": False,
        "downloadable": False,
        **_download_fields(),
        "external_url": "",
        "button_text": "",
        "tax_status": "taxable",
        "tax_class": "",
        "manage_stock": False,
        "stock_quantity": None,
        **_stock_fields(),
        "sold_individually": False,
        **_size_fields(),
        "shipping_required": True,
        "shipping_taxable": True,
        "shipping_class": "",
        "shipping_class_id": 0,
        "reviews_allowed": True,
        "average_rating": "0.00",
        "rating_count": 0,
        "upsell_ids": [],
        "cross_sell_ids": [],
        "parent_id": 0,
        "purchase_note": "",
        "categories": [{"id": 15, "name": "Uncategorized", "slug": "uncategorized"}],
        "brands": [],
        "tags": [],
        "images": [],
        "attributes": [],
        "default_attributes": [],
        "variations": [],
        "grouped_products": [],
        "menu_order": 0,
        "price_html": "",
        "related_ids": [],
        "meta_data": [],
        "stock_status": "instock",
        "has_options": False,
        "post_password": "",
        "global_unique_id": "",
    }


def new_variation(variation_id: int, parent: Doc, options: Mapping[str, str]) -> Doc:
    """`options`: attribute name -> chosen option, such as {"Storlek": "M"}."""
    chosen = "&".join(f"attribute_{slug(name)}={quote(option)}" for name, option in options.items())
    return {
        "id": variation_id,
        "type": "variation",
        "date_created": None,
        "date_created_gmt": None,
        "date_modified": None,
        "date_modified_gmt": None,
        "description": "",
        "permalink": f"{parent['permalink']}?{chosen}",
        "sku": parent["sku"],
        "global_unique_id": "",
        "price": "",
        "regular_price": "",
        **_sale_fields(),
        "status": "publish",
        "purchasable": False,
        "virtual": False,
        "downloadable": False,
        **_download_fields(),
        "tax_status": "taxable",
        "tax_class": parent["tax_class"],
        "manage_stock": False,
        "stock_quantity": None,
        "stock_status": "instock",
        **_stock_fields(),
        **_size_fields(),
        "shipping_class": "",
        "shipping_class_id": 0,
        "image": None,
        "attributes": [
            {"id": 0, "name": name, "slug": slug(name), "option": option} for name, option in options.items()
        ],
        "menu_order": 0,
        "meta_data": [],
        "name": ", ".join(options.values()),
        "parent_id": parent["id"],
    }


def new_customer(customer_id: int, email: str, username: str, role: str) -> Doc:
    return {
        "id": customer_id,
        "date_created": None,
        "date_created_gmt": None,
        "date_modified": None,
        "date_modified_gmt": None,
        "email": email,
        "first_name": "",
        "last_name": "",
        "role": role,
        "username": username,
        "billing": address(BILLING, None),
        "shipping": address(SHIPPING, None),
        "is_paying_customer": False,
        "avatar_url": "https://secure.gravatar.com/avatar/0?s=96&d=mm&r=g",
        "meta_data": [],
    }


def variation_as_product(variation: Doc, parent: Doc) -> Doc:
    """A variation in a product's shape, as `products?sku=` finds it."""
    shared = {key: value for key, value in variation.items() if key not in ("name", "image", "attributes")}
    product = new_product(variation["id"], f"{parent['name']} - {variation['name']}", parent["slug"])
    own = {key: value for key, value in shared.items() if key in product}
    return {**product, **own, "attributes": [], "price_html": price_html(variation["price"])}


def rendered(kind: str, doc: Doc, site: Site, modern: bool, *, edit: bool = False) -> Doc:
    """The resource as the API answers it: absolute URLs, `_links`, and an old store's fewer keys.

    `edit`: as answered to a write, where products say two things more.
    """
    shown = dict(doc)
    for field in ("permalink", "payment_url"):
        if field in shown:
            shown[field] = site.home + shown[field]
    if kind == "note":
        del shown["order_id"]
    if kind == "product" and edit:
        shown["permalink_template"] = f"{site.home}/product/%pagename%/"
        shown["generated_slug"] = doc["slug"].removesuffix("__trashed")
    if not modern:
        _age(kind, shown)
    shown["_links"] = links(kind, doc, site, modern)
    return shown


def _age(kind: str, shown: Doc) -> None:
    for key in NEW_KEYS.get(kind, ()):
        shown.pop(key, None)
    if "line_items" in shown:
        shown["line_items"] = [
            {key: value for key, value in line.items() if key not in NEW_LINE_KEYS} for line in shown["line_items"]
        ]


def path_of(kind: str, doc: Doc) -> str:
    """The REST path of one resource."""
    base = {
        "order": "/wc/v3/orders",
        "product": "/wc/v3/products",
        "customer": "/wc/v3/customers",
        "variation": f"/wc/v3/products/{doc.get('parent_id')}/variations",
        "refund": f"/wc/v3/orders/{doc.get('parent_id')}/refunds",
        "note": f"/wc/v3/orders/{doc.get('order_id')}/notes",
    }[kind]
    return f"{base}/{doc['id']}"


def links(kind: str, doc: Doc, site: Site, modern: bool) -> Doc:
    path = path_of(kind, doc)
    own: Doc = {"href": site.rest(path)}
    if modern:
        deletable = kind != "customer" or doc["role"] == "customer"
        own["targetHints"] = {
            "allow": ["GET", "DELETE"] if kind in ("refund", "note") else ALL[: 5 if deletable else 4]
        }
    collection = path.rsplit("/", 1)[0]
    found: Doc = {"self": [own], "collection": [{"href": site.rest(collection)}]}
    if kind in ("variation", "refund", "note"):
        found["up"] = [{"href": site.rest(collection.rsplit("/", 1)[0])}]
    if kind == "order" and modern:
        found["email_templates"] = [{"embeddable": True, "href": site.rest(f"{path}/actions/email_templates")}]
    if kind == "order" and doc["customer_id"]:
        found["customer"] = [{"href": site.rest(f"/wc/v3/customers/{doc['customer_id']}")}]
    return found


ORDER_MONEY = (
    "discount_total",
    "discount_tax",
    "shipping_total",
    "shipping_tax",
    "cart_tax",
    "total",
    "total_tax",
)
LINE_MONEY = ("subtotal", "subtotal_tax", "total", "total_tax", "tax_total", "shipping_tax_total")


def with_decimals(doc: Doc, places: int) -> Doc:
    """The order or refund with `dp` decimals. Taxes, prices and coupons keep their own form, as measured."""

    def spelled(source: Doc, fields: Iterable[str]) -> Doc:
        return {
            **source,
            **{field: money(Decimal(source[field]), places) for field in fields if field in source},
        }

    shown = spelled(doc, ORDER_MONEY if "total" in doc else ("amount",))
    for group in ("line_items", "tax_lines", "shipping_lines", "fee_lines"):
        if group in shown:
            shown[group] = [spelled(line, LINE_MONEY) for line in shown[group]]
    return shown
