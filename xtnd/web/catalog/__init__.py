"""Products: the list and one product with its variants and listings."""
