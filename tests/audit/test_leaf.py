"""A leaf's bytes are those of RFC 8785, whichever way they are written."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from broker.audit.leaf import canonical
from broker.vocabulary import Purpose

EXACT = 2**53 - 1
words = st.text() | st.sampled_from(["\u2028", "\x7f", "\x00", '"', "\\", "\u20ac", "\U0001f600", "\ufb33"])
scalars = (
    st.none() | st.booleans() | st.integers(-EXACT, EXACT) | words | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars, lambda each: st.lists(each, max_size=4) | st.dictionaries(words, each, max_size=4), max_leaves=20
)


@given(values)
def test_canonical_json_is_what_rfc_8785_says(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_names_beyond_ascii_sort_by_their_utf_16() -> None:
    assert canonical({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


def test_a_code_is_written_as_its_text() -> None:
    assert canonical({"purpose": Purpose.DIRECT_CARE}) == b'{"purpose":"direct-care"}'


@pytest.mark.parametrize("value", [EXACT, -EXACT, 0, True, 1.0, 1e21, 5e-7, -0.0])
def test_what_json_can_say_exactly_is_written(value: Any) -> None:
    assert canonical([value]) == rfc8785.dumps([value])


@pytest.mark.parametrize(
    "value",
    [EXACT + 1, -EXACT - 1, float("nan"), float("inf"), b"bytes", "\ud800", {"\ud800": 1}, {1: "a number"}, object()],
)
def test_what_json_cannot_say_exactly_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not exact JSON"):
        canonical([value])
