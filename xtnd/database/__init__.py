"""What the ORM leaves out, on either backend: bulk writes, id allocation, full-text search, keyset paging."""
