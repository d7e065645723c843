"""What a step computed: running means taken apart, and nonsense refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.backends.step import Batch, Step
from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.measurement import validity_checks
from anatomy.bench.measurement.validity_checks import Losses


class Reports:
    """A step that reports the running mean of given losses, and repeats the last."""

    drain = use = fetch = weights = put_weights = restore = programs = cast("Any", None)  # not called here

    def __init__(self, losses: Iterable[float]) -> None:
        self.losses = list(losses)
        self.launched = 0

    def launch(self) -> float:
        self.launched += 1
        known = self.losses[: self.launched]
        return float(np.mean(known + [self.losses[-1]] * (self.launched - len(known))))

    def loss(self, outputs: float) -> float:
        return outputs


@given(st.lists(st.floats(0.1, 100), min_size=4, max_size=50), st.data())
def test_the_mean_between_two_readings_follows_from_the_running_means(losses: list[float], data: st.DataObject) -> None:
    step, seen = Reports(losses), Losses()
    seen.after(1, step, step.launch())
    cut = data.draw(st.integers(2, len(losses) - 1))
    for count in (cut - 1, len(losses) - cut):
        outputs = [step.launch() for _ in range(count)][-1]
        seen.after(count, step, outputs)
    assert seen.first == pytest.approx(losses[0])
    assert seen.last == pytest.approx(np.mean(losses[cut:]), rel=1e-6)
    assert seen.steps == len(losses)


def test_steps_nobody_read_are_counted() -> None:
    step, seen = Reports([4, 2, 2, 1]), Losses()
    seen.after(1, step, step.launch())
    step.launch()
    seen.after(1, step)
    step.launch()
    seen.after(2, step, step.launch())
    assert seen.last == pytest.approx(5 / 3)


def test_a_falling_loss_passes_after_enough_steps() -> None:
    step, seen = Reports([3 * 0.9**k for k in range(60)]), Losses()
    seen.after(1, step, step.launch())
    assert validity_checks.require_learning(step, seen) == validity_checks.PASSED
    assert step.launched == 1 + validity_checks.LEARNING_STEPS


def test_a_rising_loss_is_invalid() -> None:
    step, seen = Reports([1 + 0.1 * k for k in range(200)]), Losses()
    seen.after(1, step, step.launch())
    with pytest.raises(InvalidCaseError, match="it must go down"):
        validity_checks.require_learning(step, seen)
    assert step.launched == validity_checks.CONDEMNING_STEPS


def test_a_loss_may_rise_at_first() -> None:
    step, seen = Reports([1.0, *[2.0] * 40, *[0.5] * 60]), Losses()
    seen.after(1, step, step.launch())
    assert validity_checks.require_learning(step, seen) == validity_checks.PASSED


@pytest.mark.parametrize("seed", range(20))
def test_a_lucky_step_is_no_learning(seed: int) -> None:
    """A loss that climbs, with the noise of dropout: some step is below the first one."""
    noise = np.random.default_rng(seed).normal(0, 0.1, 300)
    step, seen = Reports([2.3 + 0.005 * k + noise[k] for k in range(300)]), Losses()
    seen.after(1, step, step.launch())
    train(step, seen, 15)
    seen.end_early()
    train(step, seen, 30)
    with pytest.raises(InvalidCaseError, match="it must go down"):
        validity_checks.require_learning(step, seen)


@pytest.mark.parametrize("seed", range(20))
def test_a_noisy_loss_that_falls_has_learned(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.1, 300)
    step, seen = Reports([2.3 * 0.99**k + noise[k] for k in range(300)]), Losses()
    seen.after(1, step, step.launch())
    train(step, seen, 15)
    seen.end_early()
    train(step, seen, 30)
    assert validity_checks.require_learning(step, seen) == validity_checks.PASSED


def train(step: Reports, seen: Losses, steps: int) -> None:
    """Untimed here; only the last outputs are read, as after a warm-up or a window."""
    outputs = [step.launch() for _ in range(steps)][-1]
    seen.after(steps, step, outputs)


def test_a_loss_that_is_not_finite_is_invalid() -> None:
    step, seen = Reports([1.0, float("nan")]), Losses()
    seen.after(1, step, step.launch())
    seen.after(1, step, step.launch())
    with pytest.raises(InvalidCaseError, match="last loss was nan within 2 steps"):
        validity_checks.require_finite(seen)
    assert "became nan under the optimizer that Anatomy chose" in validity_checks.require_finite(seen, True)


def test_a_loss_that_is_not_finite_before_the_first_update_is_no_optimizers_fault() -> None:
    step, seen = Reports([float("nan"), float("nan")]), Losses()
    seen.after(1, step, step.launch())
    with pytest.raises(InvalidCaseError, match="first loss was nan"):
        validity_checks.require_finite(seen, True)


def test_outputs_must_be_finite() -> None:
    assert validity_checks.require_finite_outputs([np.ones(3)], "last epoch") == validity_checks.PASSED
    with pytest.raises(InvalidCaseError, match="1 of 5 values of the outputs of the last epoch"):
        validity_checks.require_finite_outputs([np.ones(3), np.array([1.0, np.inf])], "last epoch")


def test_weights_must_move() -> None:
    before = [("a/kernel", 1), ("a/bias", 2), ("b/kernel", 3)]
    assert validity_checks.require_moved(before, [("a/kernel", 4), ("a/bias", 5), ("b/kernel", 6)]) == "passed"
    some = validity_checks.require_moved(before, [("a/kernel", 1), ("a/bias", 5), ("b/kernel", 3)])
    assert some == "passed; 2 of 3 weights did not move: a/kernel, b/kernel"
    with pytest.raises(InvalidCaseError, match="does not update"):
        validity_checks.require_moved(before, before)


class Trainer:
    """A step that moves the weights above `flat_below`, by which its gradient is not 0."""

    def __init__(self, flat_below: float, takes_weights: bool = True) -> None:
        self.value, self.flat_below, self.takes_weights = np.zeros(3), flat_below, takes_weights

    def weights(self) -> list[tuple[str, int]]:
        return [("kernel", hash(self.value.tobytes()))]

    def put_weights(self, values: Sequence[np.ndarray[Any, Any]]) -> None:
        if not self.takes_weights:
            raise NotImplementedError("weights are constants")
        self.value = np.asarray(values[0])

    def launch(self) -> None:
        self.value = np.where(np.abs(self.value) > self.flat_below, self.value * 0.9, self.value)


def test_a_gradient_of_zero_is_no_fault_of_the_step() -> None:
    kernel = [keras.Variable(np.zeros(3, np.float32))]

    def update(step: Trainer) -> str:
        before = step.weights()
        step.launch()
        return validity_checks.require_update(cast(Step, step), before, kernel)

    moving = Trainer(0.1)
    moving.value = np.ones(3)
    assert update(moving) == "passed"
    assert update(Trainer(10.0)) == f"not checked: {validity_checks.FLAT}"
    for faulty in (Trainer(np.inf), Trainer(0.1, takes_weights=False)):
        with pytest.raises(InvalidCaseError, match="does not update"):
            update(faulty)


class Network:
    """A step whose output is a function of its input and its weight."""

    launch = drain = loss = weights = restore = programs = cast("Any", lambda *_: None)

    def __init__(self, output: Callable[[float, float], float], takes_weights: bool = True) -> None:
        self.output, self.takes_weights = output, takes_weights
        self.x, self.weight = 0.0, 1.0

    def use(self, batch: Batch) -> None:
        self.x = float(batch.x)

    def fetch(self, outputs: Any) -> list[np.ndarray[Any, Any]]:
        return [np.array([self.output(self.x, self.weight)])]

    def put_weights(self, values: Sequence[np.ndarray[Any, Any]]) -> None:
        if not self.takes_weights:
            raise NotImplementedError("weights are constants")
        self.weight = float(np.asarray(values[0]).ravel()[0])


@pytest.mark.parametrize(
    ("output", "takes_weights", "said"),
    [
        (lambda x, w: x * w, True, "passed"),
        # Only the sixth of the other inputs reaches the threshold.
        (lambda x, w: float(x > 5), True, "passed"),
        (lambda x, w: max(0.0, x * w - 40), True, "passed; with other weights: with its own, the outputs are the same"),
        (lambda x, w: w, True, "not checked: the outputs are the same for 6 other inputs, though they follow"),
        (
            lambda x, w: 1.0,
            False,
            "not checked: the outputs are the same for 6 other inputs, and weights are const",
        ),
    ],
)
def test_equal_outputs_alone_condemn_nothing(output: Any, takes_weights: bool, said: str) -> None:
    step = Network(output, takes_weights)
    found = validity_checks.require_dependence(step, Batch(0.0), map(Batch, (1, 2, 3, 4, 5, 6)), [Variable()])
    assert found.startswith(said)
    assert (step.x, step.weight) == (0.0, 1.0)


def test_a_constant_is_a_folded_step() -> None:
    with pytest.raises(InvalidCaseError, match="6 other inputs and for other weights; the step was folded"):
        validity_checks.require_dependence(Network(lambda x, w: 1.0), Batch(0.0), map(Batch, range(6)), [Variable()])


class Variable:
    value = np.ones((1, 1), np.float32)
