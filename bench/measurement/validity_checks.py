"""Check that a step computed what it claims: its values are finite, it learns, and its outputs depend on its inputs."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anatomy.bench.backends.step import Batch, Step
from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.measurement.output_sample import not_finite

PASSED = "passed"
# A loss that has gone down counts after LEARNING_STEPS. One that has not makes the case invalid after CONDEMNING_STEPS:
# with momentum the loss of a large network may rise at first. LEARNING_BUDGET_S is the time for reaching them.
LEARNING_STEPS = 10
CONDEMNING_STEPS = 100
LEARNING_BUDGET_S = 3.0


@dataclass
class Losses:
    """Losses of a training step, from readings of Keras's running mean over all steps so far.

    The mean loss of the steps between two readings follows from the running means at both.

    Attributes:
        steps: number of steps so far.
        readings: number of steps and the running mean after them.
        early: mean loss of the steps before `end_early`.
    """

    steps: int = 0
    readings: list[tuple[int, float]] = field(default_factory=list)
    early: float | None = None

    def after(self, steps: int, step: Step, outputs: Any = None) -> None:
        """Add `steps` steps and, given the outputs of the last of them, a reading of the running mean."""
        self.steps += steps
        mean = None if outputs is None else step.loss(outputs)
        if mean is not None:
            self.readings.append((self.steps, mean))

    def end_early(self) -> None:
        """Take the latest reading as the mean loss that later losses are compared with."""
        self.early = self.readings[-1][1] if self.readings else None

    @property
    def first(self) -> float | None:
        """Loss of the first step; `None` without a reading."""
        return self.readings[0][1] if self.readings else None

    @property
    def last(self) -> float | None:
        """Mean loss of the steps between the last two readings; `None` with fewer."""
        if len(self.readings) < 2:
            return None
        return self._mean_since(self.readings[-2])

    @property
    def recent(self) -> float | None:
        """Mean loss of the last `LEARNING_STEPS` steps or more, since a single step may be low by chance."""
        since = [reading for reading in self.readings if self.readings[-1][0] - reading[0] >= LEARNING_STEPS]
        return self._mean_since(since[-1]) if since else None

    def _mean_since(self, reading: tuple[int, float]) -> float:
        (before, mean_before), (steps, mean) = reading, self.readings[-1]
        return (steps * mean - before * mean_before) / (steps - before)


def require_finite(losses: Losses) -> None:
    """Raise `InvalidCaseError` if the first or the last loss is NaN or infinite."""
    for name, value in (("first", losses.first), ("last", losses.last)):
        if value is not None and not math.isfinite(value):
            raise InvalidCaseError(f"the {name} loss was {value} within {losses.steps} steps; it must be finite")


def require_finite_outputs(outputs: Sequence[np.ndarray[Any, Any]], what: str) -> str:
    """Raise `InvalidCaseError` if a value of the outputs is NaN or infinite; `what` names the step they are of."""
    if bad := not_finite(outputs):
        raise InvalidCaseError(f"{bad} of the outputs of the {what} are not finite; all must be")
    return PASSED


def require_learning(step: Step, losses: Losses) -> str:
    """Train on, untimed, until the loss has gone down, up to `CONDEMNING_STEPS` steps in all.

    Returns:
        `passed`, or `not checked: …` if the time does not suffice for that many steps.

    Raises:
        InvalidCaseError: the loss has not gone down, or is not finite.
    """
    end = time.perf_counter() + LEARNING_BUDGET_S
    while not _learned(losses) and losses.steps < CONDEMNING_STEPS and time.perf_counter() < end:
        losses.after(1, step, step.launch())
    require_finite(losses)
    if losses.first is None or losses.last is None:
        return "not checked: the step reports no loss"
    if _learned(losses):
        return PASSED
    if losses.steps < CONDEMNING_STEPS:
        return f"not checked: not down within the {losses.steps} steps that fitted into the budget"
    raise InvalidCaseError(
        f"the loss went from {losses.first:.4g} to {losses.recent:.4g} in {losses.steps} steps on learnable data;"
        " it must go down (wrong gradients, a step that does not update, or too high a learning rate)"
    )


def _learned(losses: Losses) -> bool:
    early = losses.first if losses.early is None else losses.early
    return early is not None and losses.recent is not None and losses.recent < early


def require_moved(before: np.ndarray[Any, Any], after: np.ndarray[Any, Any]) -> str:
    """Raise `InvalidCaseError` if training left the output layer's weights unchanged."""
    if np.array_equal(before, after):
        raise InvalidCaseError("training left the output layer's weights as they were; the step does not update")
    return PASSED


def require_dependence(step: Step, batch: Batch, other: Batch) -> str:
    """Raise `InvalidCaseError` if other inputs give the same outputs: the step was folded into a constant.

    The step uses `batch` again afterwards.
    """
    ours = step.fetch(step.launch())
    step.use(other)
    theirs = step.fetch(step.launch())
    step.use(batch)
    if all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True)):
        raise InvalidCaseError("the outputs are the same for other inputs; the step was folded into a constant")
    return PASSED
