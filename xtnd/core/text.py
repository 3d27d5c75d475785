"""Text that can be said in the reader's language later, by a room that knows who reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def gettext_noop(message: str) -> str:
    """Mark `message` for translation without translating it (the extractor looks for this name)."""
    return message


@dataclass(frozen=True, slots=True)
class Text:
    """An English sentence with `{named}` parameters. `render(gettext)` says it in the reader's language.

    Parameters are never translated: they are names, numbers and addresses.
    """

    message: str
    params: Mapping[str, str | int] = field(default_factory=dict)

    def render(self, translate: Callable[[str], str] = str) -> str:
        said = translate(self.message) if self.message else ""
        return said.format(**self.params) if self.params else said

    def __str__(self) -> str:
        return self.render()

    def as_json(self) -> dict[str, object]:
        return {"message": self.message, "params": dict(self.params)}

    @classmethod
    def from_json(cls, stored: Mapping[str, object] | str | None) -> Text:
        if not stored:
            return cls("")
        if isinstance(stored, str):
            return cls(stored)
        params = stored.get("params") or {}
        assert isinstance(params, Mapping)  # noqa: S101 - narrowing: only as_json writes these
        return cls(str(stored.get("message", "")), {str(k): v for k, v in params.items()})
