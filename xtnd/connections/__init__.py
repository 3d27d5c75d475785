"""Linked systems: form data, encrypted credentials, verify reports, and Link (our id <-> their id)."""
