"""Benchmarks: figures side by side in one run, medians, never asserted."""
