"""Commands: serve, web, worker, verify, sync, export, doctor, demo store."""
