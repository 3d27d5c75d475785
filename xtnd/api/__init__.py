"""JSON for other programs and for monitoring."""
