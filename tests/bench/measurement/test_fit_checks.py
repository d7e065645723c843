"""What a loop must show: losses that are finite and go down, weights that move, outputs that are finite."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from anatomy.bench.backends.step import Batch
from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.input_pipeline.feeds import Fed
from anatomy.bench.measurement.fit_checks import FitStep, require_trained
from anatomy.bench.measurement.validity_checks import PASSED

BATCH = Batch(np.ones((4, 3), np.float32), np.ones((4, 1), np.float32))
BEFORE, AFTER = [("kernel", 1)], [("kernel", 2)]


class Fits:
    """A model whose `fit` reports one loss for ever, and counts."""

    def __init__(self, loss: float) -> None:
        self.loss = loss
        self.fitted = 0

    def fit(self, x: Any, y: Any, **_: object) -> Any:
        self.fitted += 1
        return SimpleNamespace(history={"loss": [self.loss]})


def judge(
    fits: list[tuple[int, float]], loss: float = 1.0, after: Any = AFTER, chosen_optimizer: bool = False
) -> tuple[dict[str, str], Fits]:
    model = Fits(loss)
    step = FitStep(model, BATCH, Fed())
    return require_trained(fits, step, BEFORE, after, chosen_optimizer=chosen_optimizer), model


def test_a_loss_below_the_first_steps_passes_at_once() -> None:
    # The epochs of the window may be level by then: they train on what one step was told.
    checks, model = judge([(1, 2.0), (4, 1.5), (100, 0.01), (100, 0.02)])
    assert checks == {"weights move": PASSED, "loss goes down": PASSED}
    assert model.fitted == 0


def test_too_few_steps_are_followed_by_more() -> None:
    checks, model = judge([(1, 1.0), (1, 1.0), (1, 1.0)], loss=0.5)
    assert checks["loss goes down"] == PASSED
    assert model.fitted > 0


def test_a_loss_that_does_not_go_down_is_invalid() -> None:
    with pytest.raises(InvalidCaseError, match="it must go down"):
        judge([(1, 1.0), (4, 1.1), (200, 1.2)])


def test_weights_must_move() -> None:
    with pytest.raises(InvalidCaseError, match="does not update"):
        judge([(1, 1.0), (200, 0.5)], after=BEFORE)


def test_every_epochs_loss_must_be_finite() -> None:
    with pytest.raises(InvalidCaseError, match="became nan within 25 steps"):
        judge([(1, 1.0), (4, float("nan")), (20, 0.5)])
    checks, _ = judge([(1, 1.0), (4, float("nan")), (20, 0.5)], chosen_optimizer=True)
    assert "became nan under the optimizer that Anatomy chose" in checks["loss goes down"]
