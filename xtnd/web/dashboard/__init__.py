"""The first page: what needs attention, then sales and the health of the synchronisation."""
