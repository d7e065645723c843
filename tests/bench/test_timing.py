"""The clocks, on a step whose clock and work the test controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench import timing


class FakeStep:
    """A device with a queue: launching is free, draining advances the clock by the work queued."""

    def __init__(self, step_s: float) -> None:
        self.step_s = step_s
        self.now_s = 0.0
        self.queued = 0
        self.launched = 0

    def clock(self) -> float:
        return self.now_s

    def launch(self) -> int:
        self.queued += 1
        self.launched += 1
        return self.launched

    def drain(self, outputs: Sequence[Any]) -> None:
        assert outputs, "nothing was drained"
        self.now_s += self.queued * self.step_s
        self.queued = 0

    def loss(self, outputs: Any) -> float | None:
        return None


def test_synchronised_step_includes_the_work() -> None:
    step = FakeStep(0.25)
    seconds, outputs = timing.timed_step(step, step.clock)
    assert seconds == 0.25
    assert outputs == 1


def test_block_is_drained_once_on_all_outputs() -> None:
    step = FakeStep(0.5)
    block = timing.timed_block(step, 4, step.clock)
    assert (block.steps, block.seconds) == (4, 2.0)
    assert step.queued == 0


def test_warm_up_lasts_its_time_and_its_least_steps() -> None:
    step = FakeStep(0.1)
    assert timing.warm_up(step, 1.0, step.clock) == pytest.approx(0.1)
    assert step.launched in (10, 11)  # ten tenths may fall short of one by rounding

    quick = FakeStep(0.1)
    timing.warm_up(quick, 0.15, quick.clock)
    assert quick.launched == timing.WARMUP_STEPS


def test_warm_up_of_a_long_step_takes_one() -> None:
    step = FakeStep(60.0)
    assert timing.warm_up(step, 0.3, step.clock) == 60.0
    assert step.launched == 1


@given(step_s=st.floats(1e-6, 100), seconds=st.floats(0.01, 60))
def test_plan_keeps_to_its_budget_where_it_can(step_s: float, seconds: float) -> None:
    plan = timing.plan_steps(step_s, seconds, None)
    assert plan.rounds >= 1
    assert plan.steps >= timing.SMALLEST_BLOCK
    least = 2 * timing.SMALLEST_SERIES
    assert 2 * plan.rounds * plan.steps <= max(least, seconds / step_s) + 1e-6


@given(steps=st.integers(2, 10_000))
def test_plan_for_a_number_of_steps_takes_at_least_that_many(steps: int) -> None:
    plan = timing.plan_steps(1.0, 1.0, steps)
    assert steps <= plan.rounds * plan.steps < steps + plan.rounds


def test_measure_alternates_and_keeps_every_raw_time() -> None:
    step = FakeStep(0.01)
    timings = timing.measure(step, timing.Plan(rounds=3, steps=4), step.clock)
    assert len(timings.step_s) == 12
    assert timings.step_s == pytest.approx([0.01] * 12)
    assert [block.steps for block in timings.blocks] == [4, 4, 4]
    assert timings.end_s - timings.start_s == pytest.approx(24 * 0.01)
