"""The demo store, one click away."""
