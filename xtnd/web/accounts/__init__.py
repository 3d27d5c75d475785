"""Signing in, first run, profile."""

from xtnd.web.accounts.adapter import ClosedAccountAdapter

__all__ = ["ClosedAccountAdapter"]
