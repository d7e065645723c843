"""How much may grow before it matters: a share, or a floor where the share is less."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.regression_gate.margins import Margins
from anatomy.bench.regression_gate.policy import Rule


def test_margins_are_compared_as_logarithms() -> None:
    margins = Margins(tolerated=0.02, minimum=0.05)
    assert margins.fail_above == pytest.approx(math.log(1.02))
    assert margins.pass_below == pytest.approx(math.log(1.05))


@given(st.floats(0, 0.2), st.floats(0.001, 0.2), st.just(0.0) | st.floats(1e-9, 10), st.floats(0.01, 1000))
def test_a_change_below_the_floor_never_fails_and_the_room_stays(
    tolerated: float, room: float, floor: float, base: float
) -> None:
    raised = Rule(tolerated=tolerated, minimum=tolerated + room, floor=floor).margins(base)
    assert raised.tolerated * base >= floor * (1 - 1e-9)
    assert raised.tolerated >= tolerated
    assert raised.minimum - raised.tolerated == pytest.approx(room, rel=1e-6)
