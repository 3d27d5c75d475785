"""What a person wrote in a search box: `status:processing total:>500 -country:NO anna` as terms and free words."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<minus>-)?(?P<key>[^\W\d_][\w-]*):(?P<operator>>=|<=|>|<|=)?(?P<value>"[^"]*"?|\S*)
    | (?P<word>"[^"]*"?|\S+)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Term:
    """One `key:value`. `operator` is one of = > >= < <=; `negated` when it began with a minus."""

    key: str
    value: str
    operator: str = "="
    negated: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        """`a,b` means either."""
        return tuple(part.strip() for part in self.value.split(",") if part.strip())

    def __str__(self) -> str:
        """As a person would write it."""
        value = f'"{self.value}"' if not self.value or re.search(r"^[<>=]|\s", self.value) else self.value
        operator = "" if self.operator == "=" else self.operator
        return f"{'-' if self.negated else ''}{self.key}:{operator}{value}"


@dataclass(frozen=True, slots=True)
class Typed:
    terms: tuple[Term, ...] = ()
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        quoted = (f'"{word}"' if re.search(r"[\s:]", word) else word for word in self.words)
        return " ".join([*map(str, self.terms), *quoted])

    def without(self, term: Term) -> Typed:
        return Typed(tuple(other for other in self.terms if other != term), self.words)

    def without_words(self) -> Typed:
        return Typed(self.terms, ())

    def keys(self) -> frozenset[str]:
        return frozenset(term.key for term in self.terms)


def typed(text: str) -> Typed:
    """Never fails: what looks like no term is a word. A value with spaces is written in quotes."""
    terms: list[Term] = []
    words: list[str] = []
    for match in _TOKEN.finditer(text):
        if match["key"]:
            value = match["value"].strip('"').strip()
            terms.append(Term(match["key"].lower(), value, match["operator"] or "=", bool(match["minus"])))
        elif word := match["word"].strip('"').strip():
            words.append(word)
    return Typed(tuple(dict.fromkeys(terms)), tuple(words))
