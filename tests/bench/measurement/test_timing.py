"""The clocks, on a step whose clock and work the test controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.measurement import timing


class FakeStep:
    """A device with a queue: launching costs little, draining advances the clock by the work queued."""

    loss = use = fetch = weights = put_weights = restore = programs = cast("Any", None)  # not called here

    def __init__(self, *step_s: float, launch_s: float = 0.0) -> None:
        self.times = step_s
        self.launch_s = launch_s
        self.now_s = 0.0
        self.queued_s = 0.0
        self.launched = 0

    def clock(self) -> float:
        return self.now_s

    def launch(self) -> int:
        self.now_s += self.launch_s
        self.queued_s += self.times[min(self.launched, len(self.times) - 1)]
        self.launched += 1
        return self.launched

    def drain(self, outputs: Sequence[Any]) -> None:
        assert outputs, "nothing was drained"
        self.now_s += self.queued_s
        self.queued_s = 0


def test_synchronised_step_includes_the_work_and_names_the_launch() -> None:
    step = FakeStep(0.25, launch_s=0.5)
    assert timing.timed_step(step, step.clock) == (0.75, 0.5, 1)


def test_block_is_drained_once_on_all_outputs() -> None:
    step = FakeStep(0.5)
    block = timing.timed_block(step, 4, step.clock)
    assert (block.steps, block.seconds) == (4, 2.0)
    assert step.queued_s == 0


def test_warm_up_ends_when_the_times_have_settled() -> None:
    falling = [0.01 * (1 + 2 * 0.8**k) for k in range(60)]
    step = FakeStep(*falling, 0.01)
    warm, _ = timing.warm_up(step, 0.0, 10.0, step.clock)
    assert warm.settled
    # Two thirds of the way down are not the bottom.
    assert warm.step < 0.0115
    assert len(warm.step_s) < 200


def test_warm_up_ends_with_its_budget_where_nothing_settles() -> None:
    step = FakeStep(*[0.01 * 1.02**k for k in range(500)])
    warm, _ = timing.warm_up(step, 0.1, 1.0, step.clock)
    assert not warm.settled
    assert sum(warm.step_s) == pytest.approx(1.0, rel=0.1)


def test_warm_up_of_a_long_step_takes_one() -> None:
    step = FakeStep(60.0)
    warm, _ = timing.warm_up(step, 0.3, 3.0, step.clock)
    assert warm.step_s == [60.0]


@given(step_s=st.floats(1e-6, 100), seconds=st.floats(0.01, 60))
def test_plan_keeps_to_its_budget_where_it_can(step_s: float, seconds: float) -> None:
    plan = timing.plan_rounds(step_s, seconds, None)
    assert 1 <= plan.fewest <= plan.rounds <= timing.MOST_ROUNDS
    assert timing.SMALLEST_BLOCK <= plan.block <= timing.LARGEST_BLOCK
    least = 3 * timing.SMALLEST_BLOCK + timing.SMALLEST_SERIES
    assert plan.rounds * (3 * plan.block + plan.series) <= max(least, seconds / step_s) * 1.001 + least


@given(steps=st.integers(2, 10_000))
def test_plan_for_a_number_of_steps_takes_at_least_that_many_of_each_kind(steps: int) -> None:
    plan = timing.plan_rounds(1.0, 1.0, steps)
    assert steps <= plan.rounds * plan.series < steps + plan.rounds
    assert steps <= plan.rounds * 3 * plan.block


def test_measure_alternates_and_keeps_every_raw_time() -> None:
    step = FakeStep(0.01, launch_s=0.001)
    timings = timing.time_rounds(step, timing.RoundPlan(fewest=3, rounds=3, block=2, series=4), 0.0, step.clock)
    assert timings.step_s == pytest.approx([0.011] * 12)
    assert timings.launch_s == pytest.approx([0.001] * 12)
    assert [block.steps for block in timings.blocks] == [2, 4, 4, 2, 2, 4]
    assert timings.launched == step.launched == 30
    assert timings.end_s - timings.start_s == pytest.approx(30 * 0.011)


def test_measuring_ends_when_the_median_is_known() -> None:
    plan = timing.RoundPlan(fewest=2, rounds=9, block=2, series=20)
    quiet = FakeStep(0.01)
    assert len(timing.time_rounds(quiet, plan, 0.01, quiet.clock).step_s) == 2 * 20
    loud = FakeStep(*[0.01 * (1 + (k * 7919 % 101) / 50) for k in range(2000)])
    assert len(timing.time_rounds(loud, plan, 0.001, loud.clock).step_s) == 9 * 20


@given(step_s=st.floats(1e-6, 1), output_bytes=st.integers(0, 2**32))
def test_blocks_hold_no_more_outputs_than_fit(step_s: float, output_bytes: int) -> None:
    plan = timing.plan_rounds(step_s, 3.0, None, output_bytes)
    assert 2 * plan.block * output_bytes <= timing.HELD_BYTES or plan.block == timing.SMALLEST_BLOCK


@pytest.mark.parametrize(("step_s", "output_bytes"), [(20e-6, 0), (0.01, 2**26), (0.01, 0)])
def test_the_budget_is_used_where_blocks_are_capped(step_s: float, output_bytes: int) -> None:
    """A budget that ends early would be a figure known worse than it could be."""
    plan = timing.plan_rounds(step_s, 3.0, None, output_bytes)
    planned_s = plan.rounds * (3 * plan.block + plan.series) * step_s
    assert planned_s > 2.4 or plan.rounds == timing.MOST_ROUNDS


def test_measuring_ends_with_its_budget_where_steps_become_slower() -> None:
    """The plan comes from the fastest steps of the warm-up: five times slower must not take five times as long."""
    plan = timing.plan_rounds(0.01, 1.0, None)
    slow = FakeStep(*[0.05 * (1 + (k * 7919 % 101) / 50) for k in range(2000)])
    timings = timing.time_rounds(slow, plan, 0.001, slow.clock)
    assert len(timings.blocks) == 2 * plan.fewest
