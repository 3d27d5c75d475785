"""Customers: the list and one customer over all stores."""
