"""Company, warehouses, users and one's own profile."""
