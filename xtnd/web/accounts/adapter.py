from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up: the owner adds users."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
