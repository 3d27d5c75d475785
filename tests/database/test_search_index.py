"""Any part of three letters or more finds it, as typed by a person and not as a query language."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from xtnd.database.search import SearchIndex, fold

INDEX = SearchIndex("orders_search")
TEXTS = {
    1: "1001 Åsa Öberg asa@example.com SKU-1 Ryggsäck 45 L",
    2: "1002 Björn Ek bjorn.ek@example.com SKU-2 Tält 100% bomull",
    3: '1003 O\'Neil "Sam" sam@example.com A_B-3 Kåsa i björk',
    4: "1004 Σωκράτης STRASSE Straße 10-AB NEAR AND OR NOT (x) col:y *",
}


@pytest.fixture
def index(db: None) -> SearchIndex:
    INDEX.put(TEXTS.items(), fresh=True)
    return INDEX


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("example", [3, 2, 1]),
        ("xampl", [3, 2, 1]),
        ("EXAMPLE", [3, 2, 1]),
        ("1002", [2]),
        ("öberg", [1]),
        ("ÖBERG", [1]),
        ("ryggsäck", [1]),
        ("oberg", []),
        ("björ", [3, 2]),
        ("björk kåsa", [3]),
        ("kåsa öberg", []),
        ("öberg 1001", [1]),
        ("strasse", [4]),
        ("straße", [4]),
        ("σωκράτης", [4]),
        ("o'neil", [3]),
        ('"sam"', [3]),
        ('"', None),
        ('"""', []),
        ("100%", [2]),
        ("10%", []),
        ("1%0", []),
        ("a_b", [3]),
        ("a_b-3", [3]),
        ("s_m@", []),
        ("10-ab", [4]),
        ("near", [4]),
        ("and not", [4]),
        ("col:y", [4]),
        ("(x)", [4]),
        ("sam*", []),
        ("^sam", []),
        ("ek", None),
        ("å", None),
        ("", None),
        ("   ", None),
        ("ek öberg", [1]),
        ("öberg\t  1001\n", [1]),
        ("\\\\\\", []),
        ("abc\x00def", []),
        ("sam\x00example", [3]),
        ("\x00\x00\x00", None),
    ],
)
def test_what_is_typed_finds_what_holds_it(index: SearchIndex, words: str, wanted: list[int] | None) -> None:
    assert index.ids(words) == wanted


@pytest.mark.django_db
def test_a_new_text_replaces_the_old_one(index: SearchIndex) -> None:
    index.put([(1, "1001 Karin Ny")])
    assert index.ids("öberg") == []
    assert index.ids("karin") == [1]
    index.remove([1, 77])
    index.remove([])
    assert index.ids("karin") == []
    assert index.ids("example") == [3, 2]


@pytest.mark.django_db
def test_common_words_are_bounded_and_gone_on_with() -> None:
    INDEX.put([(number, f"order {number} common") for number in range(1, 26)], fresh=True)
    assert INDEX.ids("common", limit=10) == list(range(25, 15, -1))
    assert INDEX.ids("common", limit=10, below=16) == list(range(15, 5, -1))
    assert INDEX.ids("common", limit=10, below=1) == []


SIGNS = "abåö'\"%_*-\\:()1"


class AnyPart(TestCase):
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.text(alphabet="abåö '\"%_*-\\:()1", max_size=24),
        st.text(alphabet="abåö'\"%_*-\\:()1", min_size=3, max_size=5),
    )
    def test_found_exactly_when_it_is_part_of_it(self, text: str, word: str) -> None:
        INDEX.put([(1, text), (2, f"{text} {word}")], fresh=True)
        assert INDEX.ids(word) == ([2, 1] if word in fold(text) else [2])
