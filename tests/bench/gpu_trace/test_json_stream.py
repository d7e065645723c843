"""JSON read in pieces of any size is what JSON read at once is; whatever is cut off is said to end."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.gpu_trace import json_stream
from anatomy.bench.gpu_trace.json_stream import JsonStream, JsonStreamError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def stream(text: str, piece: int) -> JsonStream:
    source = io.StringIO(text)
    return JsonStream(lambda count: source.read(min(count, piece)))


@given(st.dictionaries(st.text(max_size=4), values, max_size=4), st.integers(1, 9), st.sampled_from([None, 1]))
def test_pieces_of_any_size_give_the_same(written: dict[str, Any], piece: int, indent: int | None) -> None:
    cursor = stream(json.dumps(written, indent=indent), piece)
    assert {key: cursor.value() for key in cursor.keys()} == written  # noqa: SIM118
    assert cursor.peek() == ""


@given(st.lists(values, max_size=5), st.integers(1, 9), st.data())
def test_what_is_cut_off_ends(written: list[Any], piece: int, data: st.DataObject) -> None:
    text = json.dumps(written)
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(JsonStreamError) as caught:
        list(stream(text[:cut], piece).items())
    assert caught.value.ended


def test_a_fault_has_its_line() -> None:
    with pytest.raises(JsonStreamError, match="Expecting") as caught:
        list(stream("[\n 1,\n 2,\n what\n, 3" + " " * 100 + "]", 1000).items())
    assert caught.value.line == 4
    assert not caught.value.ended


def test_numbers_with_a_point_keep_their_digits() -> None:
    assert stream("[1712195495519689.123, 1e3, 12]", 4).value() == ["1712195495519689.123", "1e3", 12]


def test_a_value_without_end_is_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "LONGEST_VALUE", 1000)
    read = 0

    def endless(count: int) -> str:
        nonlocal read
        read += 10
        return "aaaaaaaaaa" if read > 10 else '["aaaaaaaa'

    with pytest.raises(JsonStreamError):
        list(JsonStream(endless).items())
    assert read < 2000
