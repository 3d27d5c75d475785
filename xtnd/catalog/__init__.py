"""Products, variants (SKU) and listings per store."""
