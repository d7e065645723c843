"""What is said of an input: written as it was read, refused where it says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.case import Case
from anatomy.bench.records.input_spec import DTYPES, InputSpec, parse_input, parse_inputs, parse_shapes, parse_spec

BOUNDS = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@st.composite
def specs(draw: st.DrawFn) -> InputSpec:
    shape = draw(st.none() | st.lists(st.integers(1, 999), max_size=4).map(tuple))
    dtype = draw(st.none() | st.sampled_from(DTYPES))
    low, high = sorted(draw(st.tuples(BOUNDS, BOUNDS)))
    ranged = draw(st.booleans()) or (shape is None and dtype is None)
    return InputSpec(shape=shape, dtype=dtype, low=low if ranged else None, high=high if ranged else None)


@given(specs())
def test_what_is_written_is_read(spec: InputSpec) -> None:
    assert parse_spec(str(spec)) == spec
    assert parse_input(f"image/left={spec}") == ("image/left", spec)


def test_the_parts_come_in_any_order() -> None:
    image = parse_inputs(["image=0..255:224x224x3:uint8", "tokens=128"])
    assert image == {"image": "224x224x3:uint8:0..255", "tokens": "128"}
    assert parse_inputs(["scalar:int32"]) == {"": "scalar:int32"}


@pytest.mark.parametrize(
    "text", ["tokens=", "tokens=0", "tokens=3x", "x=9..1", "x=float", "x=3:4", "x=uint8:int8", "x=0..inf"]
)
def test_what_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a shape such as 128, 224x224x3 or scalar, a dtype .* or a range"):
        parse_inputs([text])


def test_an_input_is_given_once() -> None:
    with pytest.raises(ValueError, match="'a' is given twice: 3 and 4"):
        parse_inputs(["a=3", "a=4"])


@pytest.mark.parametrize(
    ("texts", "shapes"),
    [
        *(([], None), (["50x100"], [50, 100]), (["7"], [7]), (["scalar"], []), (["7:int32:0..9"], [7])),
        (["a=2x3,b=4", "c=5"], {"a": [2, 3], "b": [4], "c": [5]}),
        (["a=uint8", "text/ids=5:int32"], {"text/ids": [5]}),
        *((["a=uint8"], None), (["0..9"], None)),
    ],
)
def test_input_shapes_as_text(texts: list[str], shapes: object) -> None:
    assert parse_shapes(texts) == shapes


def test_a_case_without_inputs_has_the_key_it_had() -> None:
    plain = Case(model="mlp")
    assert Case(model="mlp", inputs={}).key == plain.key == "d6035f2092ed"
    assert Case(model="mlp", inputs={"x": "uint8:3"}).key == Case(model="mlp", inputs={"x": "3:uint8"}).key != plain.key
