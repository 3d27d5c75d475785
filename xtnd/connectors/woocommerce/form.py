"""What the connection form asks for, and the guide beside it."""

from __future__ import annotations

from xtnd.connectors.base import Field, GuideStep
from xtnd.core.text import gettext_noop as _

FIELDS = (
    Field(
        "access_token",
        _("Consumer key"),
        _("Begins with ck_. WooCommerce shows it once, when the key is made."),
        secret=True,
        placeholder="ck_",
    ),
    Field(
        "secret",
        _("Consumer secret"),
        _("Begins with cs_. Shown once, beside the consumer key."),
        secret=True,
        placeholder="cs_",
    ),
    Field(
        "api_url",
        _("Shop address"),
        _("The address of the shop's home page. If the shop is in a folder, with the folder."),
        placeholder="https://shop.example",
    ),
)

GUIDE = (
    GuideStep(
        _("Permalinks"),
        _(
            "Choose any structure but Plain, for example Post name, and save. With Plain permalinks "
            "WooCommerce's API does not answer."
        ),
        ("Settings", "Permalinks"),
    ),
    GuideStep(
        _("Add a key"),
        _(
            "Choose Add key. Give it a description such as XTND, choose a user who is an administrator or a shop "
            "manager, set Permissions to Read/Write, and choose Generate API key."
        ),
        ("WooCommerce", "Settings", "Advanced", "REST API", "Add key"),
    ),
    GuideStep(
        _("Copy the key and the secret"),
        _(
            "Copy the Consumer key (ck_) and the Consumer secret (cs_) into the form at once: WooCommerce never shows "
            "them again. An application password from a user's profile is something else and does not belong here."
        ),
        ("WooCommerce", "Settings", "Advanced", "REST API", "Key details"),
    ),
    GuideStep(
        _("Shop address"),
        _("Copy the shop's address from the browser: https://, the host, and the folder if the shop is in one."),
    ),
    GuideStep(
        _("Status page"),
        _(
            "Should Verify show something unexpected, compare it with this page: version, currency, theme, "
            "HPOS and the address WordPress believes it has."
        ),
        ("WooCommerce", "Status"),
    ),
)
