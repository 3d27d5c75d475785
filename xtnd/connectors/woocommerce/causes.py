"""Why a connection cannot be verified: every cause has what was found and what to do about it, in plain words."""

from __future__ import annotations

from typing import NamedTuple

from xtnd.core.text import gettext_noop as _


class Cause(NamedTuple):
    detail: str
    """Empty: the error that was met says it."""
    fix: str


_PERMALINKS = _("In WordPress, open Settings > Permalinks, choose anything but Plain (for example Post name), save.")
_NEW_KEY = _(
    "In WooCommerce > Settings > Advanced > REST API, add a key with Permissions Read/Write and copy the Consumer key "
    "(ck_) and the Consumer secret (cs_) from the page that follows."
)
_ASK_HOST = _("Ask the web host or the person who looks after the site.")
_LATER = _("Wait a while and verify again. If it stays like this, ask the web host.")
_ADDRESS = _("Check the spelling of the shop's address. Copy it from the browser.")
_FIREWALL = _(
    "Allow the path /wp-json/wc/ and this server's address in the firewall or the security plugin "
    "(Wordfence, Solid Security, Cloudflare, the web host's own), then verify again."
)
_CERTIFICATE = _("Have the certificate renewed or replaced by the web host; a browser shows the same warning.")
_USER = _(
    "In WooCommerce > Settings > Advanced > REST API, open the key and choose a user who is an administrator or a "
    "shop manager; or make a new key for such a user."
)

CAUSES: dict[str, Cause] = {
    # The address
    "bad_url": Cause("", _("Enter the shop's address as in the browser, for example https://shop.example.")),
    "url_with_credentials": Cause("", _("Remove the user name and the password from the address.")),
    "blocked_port": Cause("", _("Enter the address visitors use, usually without a port.")),
    "blocked_address": Cause(
        "",
        _("Enter the shop's public address. For a shop on your own network, ask the operator of XTND to allow it."),
    ),
    # Reaching it
    "dns": Cause("", _ADDRESS),
    "refused": Cause("", _("Check the address and the port. If they are right, the web server is down.")),
    "unreachable": Cause("", _("Check the address. If it is right, the web host blocks us or is down.")),
    "connect_timeout": Cause("", _("Check the address. If it is right, a firewall may drop our connections.")),
    "timeout": Cause("", _("The shop is very slow or hangs. Try again; if it persists, ask the web host.")),
    "connection": Cause("", _LATER),
    "cut": Cause("", _LATER),
    "too_large": Cause("", _("This does not look like a WooCommerce shop. Check the address.")),
    # TLS
    "tls_name": Cause(
        "", _("Enter the name the certificate is made out to (perhaps with or without www.), or have it replaced.")
    ),
    "tls_expired": Cause("", _CERTIFICATE),
    "tls_not_yet_valid": Cause("", _("Check the clock of the computer XTND runs on, then the certificate.")),
    "tls_untrusted": Cause(
        "",
        _(
            "Have the web host install a certificate from a known authority, with its whole chain. "
            "For an own authority, ask the operator of XTND to add it."
        ),
    ),
    "tls": Cause("", _("Check that the shop opens with https:// in a browser; otherwise ask the web host.")),
    "no_https": Cause(
        _("The shop is served over http: orders and customers travel unencrypted. Requests are signed."),
        _("Have the web host switch on https for the shop, then verify again."),
    ),
    # Redirects
    "other_host": Cause(
        _("The address leads on to another one: {address}. Nothing was sent there."),
        _("If that is your shop, enter {address} as the shop address."),
    ),
    "redirect_to_http": Cause(
        _("The shop leads from https to http: orders and customers travel unencrypted. Requests are signed."),
        _("Have the web host remove the redirect from https to http."),
    ),
    "redirect_loop": Cause(
        _("The shop redirects in a circle."),
        _("Check Settings > General > Site Address in WordPress, and the redirects at the web host."),
    ),
    "redirect_elsewhere": Cause(
        _("Calls to the API are redirected to another page: {path}."),
        _("Exempt /wp-json/ from the redirect (a coming-soon page, a language or a redirect plugin)."),
    ),
    "login_wall": Cause(
        _("Calls to the API are redirected to the login page."),
        _("Exempt /wp-json/ in the plugin that closes the site to visitors."),
    ),
    "bad_redirect": Cause(_("The shop redirects without a readable address."), _ASK_HOST),
    # The API
    "html_instead_of_json": Cause(
        _("The API's address answers with a web page instead of data."),
        _(
            "Check that this is the WordPress site itself. A page-builder, cache or coming-soon plugin may answer in "
            "place of the API: exempt /wp-json/ from it."
        ),
    ),
    "not_wordpress": Cause(_("Something answers, but it is not WordPress."), _ADDRESS),
    "no_api_here": Cause(
        _("There is no WordPress API at {address}."),
        _("Check the address. If the shop is in a folder, enter it with the folder, for example {address}/shop."),
    ),
    "no_rewrite": Cause(
        _("WordPress announces its API at {address}, but the web server does not pass calls on to it."),
        _("Open Settings > Permalinks and save once more; on nginx, have the web host add the rule for WordPress."),
    ),
    "plain_permalinks": Cause(
        _("Permalinks are set to Plain. WooCommerce accepts no keys then, and every call gets the home page."),
        _PERMALINKS,
    ),
    "rest_prefix": Cause(
        _("The API has been given another address, {address}, which does not work yet."),
        _("Open Settings > Permalinks and save once more."),
    ),
    "rest_disabled": Cause(
        _("The WordPress API is switched off: {message}"),
        _("Switch it on in the plugin that disables the REST API, or exempt wc/v3."),
    ),
    "firewall": Cause(_("A firewall or a security plugin turned us away (HTTP {status})."), _FIREWALL),
    "bot_challenge": Cause(_("A bot protection asks us to prove that we are a person."), _FIREWALL),
    "site_password": Cause(
        _("The whole site is behind a password of the web server."),
        _("Exempt /wp-json/ from the web server's password, or remove it."),
    ),
    "maintenance": Cause(_("The shop is down for maintenance."), _("Wait until it is over, then verify again.")),
    "too_many_requests": Cause(_("The shop says that we ask too often."), _LATER),
    "database_down": Cause(_("WordPress cannot reach its database."), _ASK_HOST),
    "php_fatal": Cause(
        _("WordPress breaks down with a PHP error."),
        _("Look in WooCommerce > Status > Logs (fatal-errors), or ask the person who looks after the site."),
    ),
    "gateway": Cause(_("The web server gets no answer from the shop (HTTP {status})."), _LATER),
    "server_error": Cause(_("The shop answers with an error (HTTP {status})."), _ASK_HOST),
    "unexpected_status": Cause(_("The shop answered in an unexpected way (HTTP {status})."), _ASK_HOST),
    # WooCommerce
    "no_woocommerce": Cause(
        _("WordPress answers, but WooCommerce is not active on this site."),
        _("Install and activate WooCommerce under Plugins, or enter the address of the site that has the shop."),
    ),
    "woocommerce_too_old": Cause(
        _("This WooCommerce is older than 3.5 and lacks the API wc/v3."), _("Update WooCommerce.")
    ),
    # The key
    "no_key": Cause(_("The consumer key is missing."), _NEW_KEY),
    "no_secret": Cause(_("The consumer secret is missing."), _NEW_KEY),
    "swapped": Cause(
        _("The consumer key and the consumer secret have changed places."),
        _("Put the one that begins with ck_ in Consumer key, the one that begins with cs_ in Consumer secret."),
    ),
    "secret_is_key": Cause(
        _("A consumer key (ck_) was entered as the consumer secret."),
        _("Enter the consumer secret, which begins with cs_. If it is lost, make a new key."),
    ),
    "key_is_secret": Cause(
        _("A consumer secret (cs_) was entered as the consumer key."),
        _("Enter the consumer key, which begins with ck_. If it is lost, make a new key."),
    ),
    "application_password": Cause(
        _("This looks like a WordPress user name and application password, not a WooCommerce key."), _NEW_KEY
    ),
    "no_prefix": Cause(
        _("The consumer key does not begin with ck_, and the shop does not know it."),
        _("Copy the whole Consumer key, with ck_."),
    ),
    "incomplete_key": Cause(
        _("The consumer key has {length} characters; it should have 43. The shop does not know it."),
        _("Copy the whole Consumer key, from ck_ to the end and nothing more. If it is lost, make a new key."),
    ),
    "incomplete_secret": Cause(
        _("The consumer secret is not whole: it should begin with cs_ and have 43 characters. The shop refuses it."),
        _("Copy the whole Consumer secret, from cs_ to the end and nothing more. If it is lost, make a new key."),
    ),
    "wrong_key": Cause(
        _("The shop does not know this consumer key. It may have been revoked, or it belongs to another shop."),
        _NEW_KEY,
    ),
    "wrong_secret": Cause(
        _("The shop knows the consumer key, but the consumer secret is not the one that belongs to it."), _NEW_KEY
    ),
    "keys_ignored": Cause(
        _("The key was sent in every way WooCommerce knows, and the shop looked at none of them."),
        _(
            "A security plugin or the web server removes the key from our requests: exempt /wp-json/wc/. Otherwise "
            "make a new key."
        ),
    ),
    "store_clock": Cause(
        _("The shop's clock is wrong, so it refuses signed requests."),
        _("Have the web host set the server's clock. Or switch on https: then the clock does not matter."),
    ),
    "stripped_authorization": Cause(
        _(
            "The web server removes the Authorization header, so the key is sent in the address instead, "
            "where the web server's own log can keep it."
        ),
        _("Have the web host pass the Authorization header on to PHP, then verify again."),
    ),
    "https_hidden": Cause(
        _("The shop does not notice that it is visited over https (a proxy hides it). Requests are signed instead."),
        _("Have the web host tell WordPress about https (HTTPS=on, or X-Forwarded-Proto handled in wp-config.php)."),
    ),
    "https_assumed": Cause(
        _("The shop is visited over http but believes it is on https. Requests are signed to fit."),
        _("Enter the shop's https:// address if it has one."),
    ),
    # Rights
    "user_without_rights": Cause(_("The key is right, but its user may not read orders."), _USER),
    "products_forbidden": Cause(_("Orders can be read, but products cannot."), _USER),
    "write_only_key": Cause(
        _("The key may write but not read."),
        _("In WooCommerce > Settings > Advanced > REST API, open the key and set Permissions to Read/Write."),
    ),
    "unexpected_json": Cause(
        _("Orders were asked for, but something else came back."),
        _("A cache or a plugin answers in place of WooCommerce: exempt /wp-json/ from it."),
    ),
    "read_only_key": Cause(
        _("The key may read but not write."),
        _("In WooCommerce > Settings > Advanced > REST API, open the key and set Permissions to Read/Write."),
    ),
    "user_cannot_write": Cause(_("The key's user may read but not change products."), _USER),
    "write_blocked": Cause(
        _("Something in front of the shop lets us read but stops what we write (HTTP {status})."), _FIREWALL
    ),
    "write_unreadable": Cause(
        _("The trial write was answered with something that is not data."),
        _("A cache or a security plugin answers in place of WooCommerce: exempt /wp-json/ from it."),
    ),
    # Facts that deserve a word
    "status_unreadable": Cause(
        _("The shop's status page could not be read (HTTP {status}): currency, theme and version are not shown."),
        _USER,
    ),
    "probe_failed": Cause(
        _("It could not be found out whether the shop can list what changed. Everything is read each time instead."),
        _("Verify again later."),
    ),
    "clock_off": Cause(
        _("The shop's clock and ours differ by {seconds} seconds. XTND allows for it."),
        _("Have the web host set the server's clock, and check the one XTND runs on."),
    ),
    "no_orders": Cause(
        _("The shop has no orders since Order start."),
        _("Check the date in Order start. For a new shop this is as it should be."),
    ),
    "count_failed": Cause(_("The orders could not be counted."), _("Verify again later.")),
}

OTHER = Cause("", _ASK_HOST)
"""For an error without an entry of its own: it says itself what it is."""

WITH_WAIT = {
    "maintenance": _("The shop is down for maintenance and asks us to come back in {seconds} seconds."),
    "too_many_requests": _("The shop says that we ask too often, and to wait {seconds} seconds."),
}
