"""Settings > External system connectors: list, new, verify, edit, detail with schedules."""
