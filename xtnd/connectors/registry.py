"""The list of connectors. A new one is one line here."""

from __future__ import annotations

from xtnd.connectors.base import Connector
from xtnd.connectors.woocommerce.connector import WooCommerce

CONNECTORS: dict[str, type[Connector]] = {connector.system: connector for connector in (WooCommerce,)}
