"""The short list of things that go wrong with an external system. Wrapped once, in `connectors.http`.

One question decides what the engine does: is it worth trying again? `retry` answers it.
"""

from __future__ import annotations

from xtnd.core.text import Text


class ExternalError(Exception):
    """Something about the other side. `code` names the cause; `text` says it in plain words (translatable)."""

    retry = False

    def __init__(self, text: Text | str, *, code: str, status: int | None = None) -> None:
        self.text = text if isinstance(text, Text) else Text(text)
        self.code = code
        self.status = status
        super().__init__(f"{code}: {self.text}")


class Unavailable(ExternalError):
    """Network, time-out, 5xx, maintenance: will pass. `wait` is what the other side asked for, in seconds."""

    retry = True

    def __init__(self, text: Text | str, *, code: str, status: int | None = None, wait: float | None = None) -> None:
        super().__init__(text, code=code, status=status)
        self.wait = wait


class RateLimited(Unavailable):
    """429, or a throttling answer of the system's own. Obey `wait`."""


class AuthenticationFailed(ExternalError):
    """The credentials were refused. Trying again only locks accounts: the connection needs a person."""


class Forbidden(ExternalError):
    """The credentials are right but the user behind them may not do this."""


class Rejected(ExternalError):
    """The other side understood and said no (validation). The record is parked, the rest goes on."""


class NotFound(Rejected):
    """The thing asked for is not there (any more)."""


class Unreadable(ExternalError):
    """An answer, or one record in it, that is not what it should be. `path`: the field, `line_items[2].total`."""

    def __init__(self, text: Text | str, *, code: str = "unreadable", path: str = "") -> None:
        super().__init__(text, code=code)
        self.path = path


class UnknownOutcome(ExternalError):
    """A write was sent and no readable answer came back: it may have happened. Ask the other side before repeating."""


class ConfigurationError(Exception):
    """A setting that stops the start. The text is the one line the operator reads."""
