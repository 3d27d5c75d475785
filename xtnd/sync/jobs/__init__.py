"""One file per entity: how a page of canonical items becomes rows."""
