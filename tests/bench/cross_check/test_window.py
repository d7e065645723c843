"""Kernel elements on data, against a loop over all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.cross_check.padding_window import same_padding, valid_taps

small = st.integers(1, 9)


@given(small, small, small, small, st.integers(-3, 9), small, small)
def test_valid_taps_are_those_on_an_element(
    length: int, outputs: int, taps: int, stride: int, padding: int, dilation: int, holes: int
) -> None:
    elements = {index * holes for index in range(length)}
    places = [out * stride - padding + tap * dilation for out in range(outputs) for tap in range(taps)]
    found = valid_taps(length, outputs, taps, stride=stride, padding=padding, dilation=dilation, input_dilation=holes)
    assert found == sum(place in elements for place in places)


@given(small, st.integers(1, 5), st.integers(1, 4))
def test_without_padding_all_taps_are_valid(outputs: int, taps: int, stride: int) -> None:
    length = (outputs - 1) * stride + taps
    assert valid_taps(length, outputs, taps, stride=stride) == outputs * taps
    assert same_padding(length, outputs, taps, stride, 1) == 0


def test_same_padding_as_in_a_three_by_three_convolution() -> None:
    assert same_padding(32, 32, 3, 1, 1) == 1
    # Of an odd rest the smaller half stands before the input.
    assert same_padding(224, 112, 7, 2, 1) == 2
    # Each end lacks one of three taps.
    assert valid_taps(32, 32, 3, padding=1) == 3 * 32 - 2
