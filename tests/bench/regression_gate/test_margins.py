"""What may grow by how much."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from anatomy.bench.regression_gate.margins import Margins


def test_margins_are_compared_as_logarithms() -> None:
    margins = Margins(tolerated=0.02, minimum=0.05)
    assert margins.fail_above == pytest.approx(math.log(1.02))
    assert margins.pass_below == pytest.approx(math.log(1.05))


@pytest.mark.parametrize(("tolerated", "minimum"), [(0.05, 0.05), (0.1, 0.05), (-0.1, 0.05)])
def test_margins_out_of_order_are_refused(tolerated: float, minimum: float) -> None:
    with pytest.raises(ValidationError):
        Margins(tolerated=tolerated, minimum=minimum)


@given(st.floats(0, 0.2), st.floats(0.001, 0.2), st.just(0.0) | st.floats(1e-9, 10), st.floats(0.01, 1000))
def test_a_change_below_the_floor_never_fails_and_the_room_stays(
    tolerated: float, room: float, floor: float, base: float
) -> None:
    margins = Margins(tolerated=tolerated, minimum=tolerated + room)
    raised = margins.with_floor(floor, base)
    assert raised.tolerated * base >= floor * (1 - 1e-9)
    assert raised.tolerated >= tolerated
    assert raised.minimum - raised.tolerated == pytest.approx(room, rel=1e-6)


def test_a_floor_needs_a_base() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Margins().with_floor(0.2, 0.0)
