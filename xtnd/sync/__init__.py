"""Schedules, runs, cursors, retries; the only room that knows both the stores and the database."""
