"""Texts keep for later what they say now; secrets say nothing."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtnd.core.secrets import Secret
from xtnd.core.text import Text
from xtnd.ops.say import as_json

# ------------------------------------------------------------------ texts


def test_a_text_is_said_in_another_language() -> None:
    text = Text("{count} orders from {shop}", {"count": 3, "shop": "Butik {1}"})
    assert str(text) == "3 orders from Butik {1}"
    swedish = {"{count} orders from {shop}": "Från {shop}: {count} order"}
    assert text.render(swedish.__getitem__) == "Från Butik {1}: 3 order"


def test_a_text_without_parameters_may_hold_braces() -> None:
    assert str(Text('the store said {"code": 1}')) == 'the store said {"code": 1}'


def test_no_text() -> None:
    assert str(Text("")) == ""
    assert Text("").render(lambda message: "the catalog's header") == ""
    for nothing in (None, {}, ""):
        assert Text.from_json(nothing) == Text("")
    assert Text.from_json("plain") == Text("plain")


@given(
    st.text(alphabet=st.characters(exclude_characters="{}", exclude_categories=["Cs"])),
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text() | st.integers(), max_size=4),
)
def test_a_text_survives_storage(words: str, params: dict[str, str | int]) -> None:
    text = Text(words + "".join(f" {{{name}}}" for name in params), params)
    again = Text.from_json(json.loads(json.dumps(text.as_json())))
    assert again == text
    assert str(again) == str(text) == words + "".join(f" {value}" for value in params.values())


# ------------------------------------------------------------------ secrets

HIDDEN = "cs_0123456789abcdef"


@dataclass
class Wallet:
    name: str
    key: Secret


@pytest.fixture
def secret() -> Secret:
    return Secret(HIDDEN)


def test_it_can_be_used(secret: Secret) -> None:
    assert secret.reveal() == HIDDEN
    assert secret == Secret(HIDDEN)
    assert secret != Secret("other")
    assert secret != HIDDEN
    assert len({secret, Secret(HIDDEN)}) == 1
    assert secret
    assert not Secret("")


def test_it_is_never_shown(secret: Secret) -> None:
    wallet = Wallet("purse", secret)
    shown = [
        str(secret), repr(secret), f"{secret}", f"{secret!r:>40}", f"{secret:>40}", "%s" % secret,  # noqa: UP031
        f"{secret}", f"{secret!s}", repr([secret]), repr({"key": secret}), repr(wallet),
        str(ValueError(secret)),
    ]  # fmt: skip
    assert not [text for text in shown if HIDDEN in text]
    assert not hasattr(secret, "__dict__")


def test_it_is_not_serialised(secret: Secret) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError) as refused:
            pickle.dumps(secret, protocol)
        assert HIDDEN not in str(refused.value)
    for serialise in (json.dumps, msgspec.json.encode, msgspec.msgpack.encode, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError) as refused:
            serialise(secret)
        assert HIDDEN not in str(refused.value)


def test_it_is_not_logged(secret: Secret, caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("tests.secrets")
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("refused %s", secret, extra={"key": secret})
        shown = traceback.format_exc()
    assert HIDDEN not in caplog.text + shown


def test_our_own_json_does_not_show_it(secret: Secret, capsys: pytest.CaptureFixture[str]) -> None:
    as_json({"key": secret, "sum": Decimal("1.50")})
    assert json.loads(capsys.readouterr().out) == {"key": "Secret(•••)", "sum": "1.50"}
