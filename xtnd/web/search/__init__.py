"""Search over orders, products and customers."""
