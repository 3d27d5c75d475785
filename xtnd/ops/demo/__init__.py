"""A store that answers as WooCommerce does: the demo store, and the simulator of the tests."""
