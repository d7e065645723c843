"""Messages between the processes of a group come out as they went in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from anatomy.bench.parallel.codec import decode, encode

PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text()
ARRAYS = arrays.arrays(
    st.sampled_from(["float32", "float64", "float16", "int32", "uint8", "bool"]),
    arrays.array_shapes(min_dims=0, min_side=0, max_side=4),
)
TREES = st.recursive(PLAIN | ARRAYS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@pytest.mark.long
@given(TREES)
def test_a_tree_comes_back(value: Any) -> None:
    assert_equal(decode(encode(value)), value)


def test_bfloat16_keeps_its_type() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = np.array([1.5, -2.0], ml_dtypes.bfloat16)
    found = decode(encode(["fetch", (values,)]))[1][0]
    assert found.dtype == ml_dtypes.bfloat16
    assert found.tolist() == [1.5, -2.0]


def test_an_object_is_not_sent() -> None:
    with pytest.raises(TypeError):
        encode({"model": object()})


def assert_equal(found: Any, wanted: Any) -> None:
    if isinstance(wanted, np.ndarray):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    elif isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            assert_equal(found[name], value)
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_equal(one, other)
    else:
        assert found == wanted
