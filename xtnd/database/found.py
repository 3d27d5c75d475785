"""Full-text hits limited to the company groups somebody may see."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Model

from xtnd.database.search import LEAST, SearchIndex

MOST = 1000
"""Hits looked at. A list of more is no answer: the page asks for another word."""
_BATCHES = 20


@dataclass(frozen=True, slots=True)
class Hits:
    ids: Sequence[int]
    capped: bool
    """There are more than these."""


def hits(index: SearchIndex, model: type[Model], groups: Collection[int], words: Sequence[str]) -> Hits | None:
    """The newest ids whose text holds every word; None when no word is long enough to be searched for."""
    text = " ".join(words)
    batch = index.ids(text, limit=MOST)
    if batch is None:
        return None
    if len(batch) < MOST:
        return Hits(batch, False)  # the list itself leaves out what is another group's
    mine: list[int] = []
    for _ in range(_BATCHES):
        rows = model._default_manager.filter(pk__in=batch, company_group__in=groups)
        mine += sorted(rows.values_list("pk", flat=True), reverse=True)
        if len(mine) >= MOST or len(batch) < MOST:
            break
        batch = index.ids(text, limit=MOST, below=batch[-1]) or []
    return Hits(mine[:MOST], len(mine) >= MOST or len(batch) == MOST)


def too_short(words: Sequence[str]) -> list[str]:
    """The words an index of three-letter pieces cannot find."""
    return [part for word in words for part in word.split() if len(part) < LEAST]
