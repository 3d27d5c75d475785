"""The store's own facts: index, system status, settings, taxes, shipping, gateways, currency."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC

from xtnd.ops.demo import shapes
from xtnd.ops.demo.pricing import RATES, Doc
from xtnd.ops.demo.shapes import Site
from xtnd.ops.demo.store import Store

NAMESPACES = [
    "oembed/1.0", "wc/v3", "wc/v1", "jetpack/v4", "wc-admin", "wc-analytics", "wc/store", "wc/store/v1", "wc/private",
    "wc/v2", "wc-admin-email", "wc-telemetry", "wccom-site/v3", "wp/v2", "wp-site-health/v1", "wp-block-editor/v1",
    "wp-abilities/v1",
]  # fmt: skip
SHOP = re.compile(r"wc|jetpack|wc-|wccom")
CURRENCIES = {"SEK": "Swedish krona", "EUR": "Euro", "NOK": "Norwegian krone", "DKK": "Danish krone"}
COUNTRIES = {"SE": "Sweden", "NO": "Norway", "FI": "Finland", "DK": "Denmark", "DE": "Germany"}
WRITABLE = ["GET", "POST", "PUT", "PATCH"]


def index(store: Store, site: Site, routes: Iterable[str], *, inactive: bool) -> Doc:
    """`GET /wp-json/`. `inactive`: WooCommerce is switched off, its namespaces are gone."""
    offset = store.clock().astimezone(store.zone).utcoffset()
    hours = offset.total_seconds() / 3600 if offset else 0.0
    names = [name for name in NAMESPACES if not (inactive and SHOP.match(name))]
    authorization = f"{site.home}/wp-admin/authorize-application.php"
    return {
        "name": store.name,
        "description": "",
        "url": site.home,
        "home": site.home,
        "gmt_offset": int(hours) if hours.is_integer() else hours,
        "timezone_string": store.timezone,
        "page_for_posts": 0,
        "page_on_front": 0,
        "show_on_front": "posts",
        "namespaces": names,
        "authentication": {"application-passwords": {"endpoints": {"authorization": authorization}}},
        "routes": {route: {"namespace": route[1:6].strip("/")} for route in routes},
        "site_logo": 0,
        "site_icon": 0,
        "site_icon_url": "",
        "_links": {"help": [{"href": "https://developer.wordpress.org/rest-api/"}]},
    }


def namespace(site: Site, name: str, routes: Iterable[str]) -> Doc:
    up = {"up": [{"href": site.rest("/")}]}
    return {"namespace": name, "routes": {route: {"namespace": name} for route in routes}, "_links": up}


def system_status(store: Store, site: Site) -> Doc:
    version = shapes.MODERN_VERSION if store.modern else shapes.OLD_VERSION
    settings: Doc = {
        "api_enabled": store.api_option,
        "force_ssl": False,
        "currency": store.currency,
        "currency_symbol": shapes.html_symbol(store.currency),
        "currency_position": "right",
        "thousand_separator": " ",
        "decimal_separator": ",",
        "number_of_decimals": 2,
        "geolocation_enabled": False,
        "taxonomies": {kind: kind for kind in ("external", "grouped", "simple", "variable")},
        "product_visibility_terms": {
            "exclude-from-catalog": "exclude-from-catalog",
            "outofstock": "outofstock",
        },
    }
    if store.modern:
        datastore = "Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore"
        settings |= {"woocommerce_com_connected": "no", "enforce_approved_download_dirs": True}
        settings |= {"order_datastore": datastore, "HPOS_enabled": True, "HPOS_sync_enabled": False}
        settings |= {"enabled_features": ["marketplace", "order_attribution", "custom_order_tables"]}
    return {
        "environment": _environment(site, version, store.modern),
        "database": {"wc_database_version": version, "database_prefix": "wp_", "database_tables": {}},
        "active_plugins": [],
        "inactive_plugins": [],
        "dropins_mu_plugins": {"dropins": [], "mu_plugins": []},
        "theme": _theme(),
        "settings": settings,
        "security": {"secure_connection": site.home.startswith("https"), "hide_errors": True},
        "pages": [],
        "post_type_counts": [{"type": "product", "count": str(len(store.products))}],
        "logging": {"logging_enabled": True, "default_handler": "", "retention_period_days": 30},
    }


def _environment(site: Site, version: str, modern: bool) -> Doc:
    return {
        "home_url": site.home,
        "site_url": site.home,
        "version": version,
        "log_directory_writable": True,
        "wp_version": "6.9" if modern else "5.7",
        "wp_multisite": False,
        "wp_memory_limit": 536870912,
        "wp_debug_mode": False,
        "wp_cron": True,
        "language": "sv_SE",
        "server_info": "nginx/1.22.1",
        "php_version": "8.2.36" if modern else "7.4.33",
        "php_max_execution_time": 120,
        "default_timezone": "UTC",
    }


def _theme() -> Doc:
    return {
        "name": "Salient",
        "version": "8.5.5",
        "version_latest": 0,
        "author_url": "http://themenectar.com",
        "is_child_theme": False,
        "is_block_theme": False,
        "has_woocommerce_support": True,
        "has_woocommerce_file": False,
        "has_outdated_templates": False,
        "overrides": [],
        **dict.fromkeys(("parent_name", "parent_version", "parent_version_latest", "parent_author_url"), ""),
    }


def _setting(site: Site, group: str, row: tuple[str, str, str, str, str, dict[str, str] | None]) -> Doc:
    number, label, kind, default, value, options = row
    path = f"/wc/v3/settings/{group}"
    shown: Doc = {
        "id": number,
        "label": label,
        "description": "",
        "type": kind,
        "default": default,
        "tip": label,
    }
    shown |= {"value": value} if options is None else {"value": value, "options": options}
    shown["_links"] = {
        "self": [{"href": site.rest(f"{path}/{number}"), "targetHints": {"allow": WRITABLE}}],
        "collection": [{"href": site.rest(path)}],
    }
    return shown


def settings(store: Store, site: Site, group: str) -> list[Doc]:
    """`group`: "general" or "tax"."""
    rates = {"": "Standard", **{rate.tax_class: rate.label for rate in RATES[1:]}}
    yes_no = {
        "yes": "Yes, I will enter prices inclusive of tax",
        "no": "No, I will enter prices exclusive of tax",
    }
    based_on = {"shipping": "Customer shipping address", "billing": "Customer billing address"}
    shown_as = {"incl": "Including tax", "excl": "Excluding tax"}
    sides = {
        "left": "Left",
        "right": "Right",
        "left_space": "Left with space",
        "right_space": "Right with space",
    }
    general = [
        ("woocommerce_store_address", "Address line 1", "text", "", "Fjällvägen 3", None),
        ("woocommerce_store_address_2", "Address line 2", "text", "", "", None),
        ("woocommerce_store_city", "City", "text", "", "Östersund", None),
        ("woocommerce_default_country", "Country / State", "select", "US:CA", "SE", COUNTRIES),
        ("woocommerce_store_postcode", "Postcode / ZIP", "text", "", "831 30", None),
        (
            "woocommerce_allowed_countries",
            "Selling location(s)",
            "select",
            "all",
            "all",
            {"all": "All countries"},
        ),
        ("woocommerce_calc_taxes", "Enable taxes", "checkbox", "no", "yes", None),
        ("woocommerce_currency", "Currency", "select", "USD", store.currency, CURRENCIES),
        ("woocommerce_currency_pos", "Currency position", "select", "left", "right", sides),
        ("woocommerce_price_thousand_sep", "Thousand separator", "text", ",", " ", None),
        ("woocommerce_price_decimal_sep", "Decimal separator", "text", ".", ",", None),
        ("woocommerce_price_num_decimals", "Number of decimals", "number", "2", "2", None),
    ]
    tax = [
        ("woocommerce_prices_include_tax", "Prices entered with tax", "radio", "no", "yes", yes_no),
        ("woocommerce_tax_based_on", "Calculate tax based on", "select", "shipping", "shipping", based_on),
        ("woocommerce_shipping_tax_class", "Shipping tax class", "select", "inherit", "inherit", rates),
        ("woocommerce_tax_round_at_subtotal", "Rounding", "checkbox", "no", "no", None),
        ("woocommerce_tax_classes", "Additional tax classes", "textarea", "", "", None),
        ("woocommerce_tax_display_shop", "Display prices in the shop", "select", "excl", "incl", shown_as),
        ("woocommerce_tax_display_cart", "Display prices during cart", "select", "excl", "incl", shown_as),
    ]
    return [_setting(site, group, row) for row in {"general": general, "tax": tax}[group]]


def _linked(site: Site, collection: str, name: object, allow: list[str]) -> Doc:
    return {
        "self": [{"href": site.rest(f"{collection}/{name}"), "targetHints": {"allow": allow}}],
        "collection": [{"href": site.rest(collection)}],
    }


def taxes(site: Site) -> list[Doc]:
    return [
        {
            "id": rate.id, "country": "SE", "state": "", "postcode": "", "city": "", "rate": f"{rate.percent}.0000",
            "name": rate.label, "priority": 1, "compound": False, "shipping": True, "order": rate.id - 1,
            "class": rate.tax_class or "standard", "postcodes": [], "cities": [],
            "_links": _linked(site, "/wc/v3/taxes", rate.id, shapes.ALL),
        }
        for rate in RATES
    ]  # fmt: skip


def tax_classes(site: Site) -> list[Doc]:
    links = {"collection": [{"href": site.rest("/wc/v3/taxes/classes")}]}
    named = [("standard", "Standard rate"), *((rate.tax_class, f"Moms {rate.percent}") for rate in RATES[1:])]
    return [{"slug": slug, "name": name, "_links": links} for slug, name in named]


def payment_gateways(site: Site) -> list[Doc]:
    rows = [
        ("bacs", "Banköverföring", "Direct bank transfer", True),
        ("swish", "Swish", "Swish", True),
        ("klarna", "Klarna", "Klarna Checkout", True),
        ("cod", "Postförskott", "Cash on delivery", False),
    ]
    return [
        {
            "id": name, "title": title, "description": title, "order": "", "enabled": enabled,
            "method_title": method, "method_description": method, "method_supports": ["products"],
            "settings": {
                "title": {
                    "id": "title", "label": "Title", "description": "", "type": "safe_text", "value": title,
                    "default": method, "tip": "", "placeholder": "",
                }
            },
            "needs_setup": False, "post_install_scripts": [],
            "settings_url": f"{site.home}/wp-admin/admin.php?page=wc-settings&tab=checkout&section={name}",
            "connection_url": None, "setup_help_text": None, "required_settings_keys": [],
            "_links": _linked(site, "/wc/v3/payment_gateways", name, WRITABLE),
        }
        for name, title, method, enabled in rows
    ]  # fmt: skip


ZONES = {0: "Locations not covered by your other zones", 1: "Sverige", 2: "Norden & EU"}
METHODS = {
    1: (("flat_rate", "PostNord MyPack"), ("free_shipping", "Fri frakt"), ("local_pickup", "Hämta i butik")),
    2: (("flat_rate", "PostNord Norden"),),
}


def shipping_zones(site: Site) -> list[Doc]:
    path = "/wc/v3/shipping/zones"
    return [
        {
            "id": number, "name": name, "order": 0,
            "_links": _linked(site, path, number, shapes.ALL)
            | {"describedby": [{"href": site.rest(f"{path}/{number}/locations")}]},
        }
        for number, name in ZONES.items()
    ]  # fmt: skip


def zone_methods(site: Site, zone: int) -> list[Doc]:
    path = f"/wc/v3/shipping/zones/{zone}/methods"
    return [
        {
            "id": zone * 10 + index, "instance_id": zone * 10 + index, "title": title, "order": index,
            "enabled": True, "method_id": method, "method_title": method.replace("_", " ").capitalize(),
            "method_description": "", "settings": {},
            "_links": _linked(site, path, zone * 10 + index, shapes.ALL)
            | {"describes": [{"href": site.rest(f"/wc/v3/shipping/zones/{zone}")}]},
        }
        for index, (method, title) in enumerate(METHODS.get(zone, ()), 1)
    ]  # fmt: skip


def shipping_methods(site: Site) -> list[Doc]:
    rows = {"flat_rate": "Flat rate", "free_shipping": "Free shipping", "local_pickup": "Local pickup"}
    path = "/wc/v3/shipping_methods"
    return [
        {"id": name, "title": title, "description": title, "_links": _linked(site, path, name, ["GET"])}
        for name, title in rows.items()
    ]


def current_currency(store: Store, site: Site) -> Doc:
    code = store.currency
    return {
        "code": code,
        "name": CURRENCIES.get(code, code),
        "symbol": shapes.html_symbol(code),
        "_links": _linked(site, "/wc/v3/data/currencies", code, ["GET"]),
    }


def order_totals(store: Store) -> list[Doc]:
    """`reports/orders/totals`: orders per status, without the trash."""
    counts = dict.fromkeys(shapes.STATUS_NAMES, 0)
    for order in store.orders.values():
        if order["status"] in counts:
            counts[order["status"]] += 1
    return [{"slug": slug, "name": shapes.STATUS_NAMES[slug], "total": total} for slug, total in counts.items()]


def http_date(store: Store) -> str:
    """The store's clock as an RFC 7231 date, whatever the machine's locale."""
    now = store.clock().astimezone(UTC)
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{days[now.weekday()]}, {now:%d} {months[now.month - 1]} {now:%Y %H:%M:%S} GMT"
