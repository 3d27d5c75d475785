"""Runs and record issues."""
