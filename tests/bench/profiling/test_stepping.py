"""The step without a trace: a median, of steps or of epochs."""

from __future__ import annotations

from typing import Any, cast

import pytest

from anatomy.bench.measurement.keras_loop import Epoch
from anatomy.bench.profiling import stepping


class Scripted:
    """Epochs of given seconds."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = list(seconds)

    def timed(self, data: object, clock: object) -> Epoch:
        return Epoch(self._seconds.pop(0))


def test_the_step_of_a_loop_is_the_median_epochs() -> None:
    epochs: Any = object.__new__(stepping._Epochs)
    epochs._call, epochs._data, epochs._steps = cast("Any", Scripted(8.0, 1.0, 4.0)), None, 4
    assert epochs.step_s() == pytest.approx(1.0)
