"""WooCommerce 3.5 and later, through its REST API wc/v3."""
