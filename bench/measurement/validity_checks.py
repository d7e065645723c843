"""Check that a step computed what it claims: its values are finite, it learns, and its outputs depend on its inputs."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anatomy.bench.backends.step import Batch, Step, WeightSums
from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.workload.output_sample import not_finite

PASSED = "passed"
# A loss that has gone down counts after LEARNING_STEPS. One that has not makes the case invalid after CONDEMNING_STEPS:
# with momentum the loss of a large network may rise at first. LEARNING_BUDGET_S is the time for reaching them.
LEARNING_STEPS = 10
CONDEMNING_STEPS = 100
LEARNING_BUDGET_S = 3.0
# Other inputs that must all give the same outputs before weights are tried.
OTHER_INPUTS = 6
# Scales of other weights: as large as values pass best, and larger, so that what has a threshold or saturates responds.
WEIGHT_SCALES = (1.0, 3.0, 30.0)
CHOSEN = "the optimizer that Anatomy chose: compile the model with one of its own to have it judged"
FLAT = "the gradient is 0 for the weights that the model has, and moves others"
# Of the weights that did not move, so many are named.
NAMED = 5


@dataclass
class Losses:
    """Losses of a training step, from readings of Keras's running mean over all steps so far.

    The mean loss of the steps between two readings follows from the running means at both.

    Attributes:
        steps: number of steps so far.
        readings: number of steps and the running mean after them.
        early: mean loss of the steps before `end_early`.
        raw: whether readings are taken for the loss of one step each, as a `train_step` of the model's own may report.
    """

    steps: int = 0
    readings: list[tuple[int, float]] = field(default_factory=list)
    early: float | None = None
    raw: bool = False

    def after(self, steps: int, step: Step, outputs: Any = None) -> None:
        """Add `steps` steps and, given the outputs of the last of them, a reading of the running mean."""
        self.steps += steps
        mean = None if outputs is None else step.loss(outputs)
        if mean is not None:
            self.readings.append((self.steps, mean))

    def end_early(self) -> None:
        """Take the latest reading as the mean loss that later losses are compared with.

        Of raw readings the first: the latest is the loss of one step, which may have learned all that there is.
        """
        self.early = self.readings[0 if self.raw else -1][1] if self.readings else None

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
        if self.raw:
            return self.readings[-1][1]
        (before, mean_before), (steps, mean) = reading, self.readings[-1]
        return (steps * mean - before * mean_before) / (steps - before)


def require_finite(losses: Losses, chosen_optimizer: bool = False) -> str:
    """Check that the first and the last loss are finite.

    Args:
        chosen_optimizer: whether Anatomy chose the optimizer: that it diverges says nothing of the step.

    Returns:
        Empty, or `not checked: …` where the loss was finite before the first update, and diverged under that optimizer.

    Raises:
        InvalidCaseError: a loss is NaN or infinite.
    """
    for name, value in (("first", losses.first), ("last", losses.last)):
        if value is None or math.isfinite(value):
            continue
        if chosen_optimizer and name == "last":
            return f"not checked: the loss became {value} under {CHOSEN}"
        raise InvalidCaseError(f"the {name} loss was {value} within {losses.steps} steps; it must be finite")
    return ""


def require_finite_outputs(outputs: Sequence[np.ndarray[Any, Any]], what: str) -> str:
    """Raise `InvalidCaseError` if a value of the outputs is NaN or infinite; `what` names the step they are of."""
    if bad := not_finite(outputs):
        raise InvalidCaseError(f"{bad} of the outputs of the {what} are not finite; all must be")
    return PASSED


def require_learning(step: Step, losses: Losses, unjudged: str = "", chosen_optimizer: bool = False) -> str:
    """Train on, untimed, until the loss has gone down, up to `CONDEMNING_STEPS` steps in all.

    Args:
        unjudged: why a loss that does not go down says nothing about the step; empty if it does.
        chosen_optimizer: as `require_finite` takes it.

    Returns:
        `passed`, or `not checked: …` if the time does not suffice for that many steps, or the loss is not to be judged.

    Raises:
        InvalidCaseError: the loss has not gone down, or is not finite.
    """
    if losses.first is None:
        return "not checked: the step reports no loss"
    end = time.perf_counter() + LEARNING_BUDGET_S
    while not _learned(losses) and losses.steps < CONDEMNING_STEPS and time.perf_counter() < end:
        losses.after(1, step, step.launch())
    if diverged := require_finite(losses, chosen_optimizer):
        return diverged
    if _learned(losses):
        return PASSED
    if losses.steps < CONDEMNING_STEPS:
        return f"not checked: not down within the {losses.steps} steps that fitted into the budget"
    said = f"the loss went from {losses.first:.4g} to {losses.recent:.4g} in {losses.steps} steps"
    if unjudged:
        return f"not checked: {said}, which says nothing, since {unjudged}"
    raise InvalidCaseError(
        f"{said} on learnable data;"
        " it must go down (wrong gradients, a step that does not update, or too high a learning rate)"
    )


def _learned(losses: Losses) -> bool:
    early = losses.first if losses.early is None else losses.early
    return early is not None and losses.recent is not None and losses.recent < early


def require_moved(before: WeightSums, after: WeightSums) -> str:
    """Compare the checksums of all trainable weights before and after training.

    Returns:
        `passed`, with the weights that did not move where there are any: some may rightly have no gradient.

    Raises:
        InvalidCaseError: training left all of them as they were.
    """
    still = [path for (path, old), (_, new) in zip(before, after, strict=True) if old == new]
    if len(still) == len(before):
        raise InvalidCaseError("training left all weights as they were; the step does not update")
    if not still:
        return PASSED
    named = ", ".join(still[:NAMED]) + (", …" if len(still) > NAMED else "")
    return f"{PASSED}; {len(still)} of {len(before)} weights did not move: {named}"


def require_update(step: Step, before: WeightSums, variables: Sequence[Any]) -> str:
    """Check that the step has moved the weights since `before`; where it has not, that it moves others.

    A gradient that is 0 moves nothing: behind a threshold or a dead unit, and in flat regions of a loss. That is the
    model's, and no fault of the step. Other weights are put only then, and stay.

    Args:
        variables: the model's trainable variables, for their shapes and dtypes.

    Returns:
        `passed`, or `not checked: …`.

    Raises:
        InvalidCaseError: it moves neither these weights nor others.
    """
    import keras

    try:
        return require_moved(before, step.weights())
    except InvalidCaseError as still:
        shapes = [np.empty(v.shape, keras.backend.standardize_dtype(v.dtype)) for v in variables]
        for scale in WEIGHT_SCALES:
            try:
                step.put_weights(other_weights(shapes, scale))
            except NotImplementedError as refusal:
                raise still from refusal
            put = step.weights()
            step.launch()
            if any(old != new for old, new in zip(put, step.weights(), strict=True)):
                return f"not checked: {FLAT}"
        raise


def require_dependence(step: Step, batch: Batch, others: Iterable[Batch], variables: Sequence[Any]) -> str:
    """Check that the outputs follow the inputs; the step uses `batch` again afterwards.

    Equal outputs for other inputs alone are no evidence of folding: a threshold, a class or a head of zeros gives them,
    too. So more inputs are tried and, if none changes the outputs, other weights.

    Args:
        others: other inputs, tried in turn.
        variables: the model's trainable variables.

    Raises:
        InvalidCaseError: neither inputs nor weights change the outputs: the step was folded into a constant.
    """
    import keras

    ours = step.fetch(step.launch())
    tried: list[Batch] = []
    try:
        for other in others:
            tried.append(other)
            if _differ(ours, _outputs(step, other)):
                return PASSED
        same = f"the outputs are the same for {len(tried)} other inputs"
        moved = False
        own = [np.asarray(keras.ops.convert_to_numpy(variable.value)) for variable in variables]
        for scale in WEIGHT_SCALES:
            try:
                step.put_weights(other_weights(own, scale))
            except NotImplementedError as error:
                return f"not checked: {same}, and {error}"
            changed = [_outputs(step, other) for other in (batch, *tried)]
            step.put_weights(own)
            if any(_differ(changed[0], outputs) for outputs in changed[1:]):
                return f"{PASSED}; with other weights: with its own, {same}"
            moved = moved or _differ(ours, changed[0])
    finally:
        step.use(batch)
    if moved:
        return f"not checked: {same}, though they follow the weights"
    raise InvalidCaseError(f"{same} and for other weights; the step was folded into a constant")


def other_weights(own: Sequence[np.ndarray[Any, Any]], scale: float) -> list[np.ndarray[Any, Any]]:
    """Values for trainable weights that let values pass, times `scale`: He's for kernels, about 1 for vectors.

    He et al. 2015, https://arxiv.org/abs/1502.01852.
    """
    rng = np.random.default_rng(1)
    drawn = [
        rng.standard_normal(value.shape) * math.sqrt(2 / max(1, math.prod(value.shape[:-1])))
        if value.ndim > 1
        else rng.uniform(0.5, 1.5, value.shape)
        for value in own
    ]
    return [(scale * new).astype(value.dtype) for new, value in zip(drawn, own, strict=True)]


def _outputs(step: Step, batch: Batch) -> list[np.ndarray[Any, Any]]:
    step.use(batch)
    return step.fetch(step.launch())


def _differ(ours: Sequence[np.ndarray[Any, Any]], theirs: Sequence[np.ndarray[Any, Any]]) -> bool:
    return not all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
