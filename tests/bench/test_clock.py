"""The clock's check of itself, on windows made up of known times."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.clock import BACKLOG_LIMIT_S, check_clock
from anatomy.bench.record import Block
from anatomy.bench.timing import Timings


def window(
    step_s: float = 0.01,
    pipelined_s: float | None = None,
    fixed_s: float = 0.0,
    launch_s: float = 1e-5,
    rounds: int = 6,
    cpu_ratio: float = 1.0,
) -> Timings:
    """Blocks of 5 and 10 steps and series of 15, with a deterministic wobble of 2 %."""
    pipelined = step_s if pipelined_s is None else pipelined_s
    timings = Timings(series=15)
    for number in range(rounds):
        wobble = 1 + 0.02 * (-1) ** number
        for size in (5, 10) if number % 2 == 0 else (10, 5):
            timings.blocks.append(Block(steps=size, seconds=fixed_s + size * pipelined * wobble))
        timings.step_s += [step_s * (1 + 0.01 * (k % 3 - 1)) for k in range(15)]
        timings.launch_s += [launch_s] * 15
    timings.step_cpu_s = sum(timings.step_s)
    timings.block_cpu_s = cpu_ratio * step_s * 15 * rounds
    return timings


@given(step_s=st.floats(1e-4, 10), fixed=st.floats(0, 5))
def test_the_clocks_agree_whatever_a_block_costs_once(step_s: float, fixed: float) -> None:
    assert check_clock(window(step_s, fixed_s=fixed * step_s), 0.0, on_cpu=True).verdict == "agrees"


def test_a_hidden_launch_is_an_overlap() -> None:
    check = check_clock(window(0.01, pipelined_s=0.006, launch_s=0.004), 0.0, on_cpu=False)
    assert check.verdict == "overlaps"
    assert "hidden" in check.reason


def test_steps_that_run_at_once_use_their_cpu_time() -> None:
    assert check_clock(window(pipelined_s=0.005, cpu_ratio=1.0), 0.0, on_cpu=True).verdict == "overlaps"


def test_steps_that_were_not_waited_for_are_a_fault() -> None:
    check = check_clock(window(pipelined_s=0.001, cpu_ratio=0.1), 0.0, on_cpu=True)
    assert check.verdict == "disagrees"
    assert "not waited for" in check.reason


def test_without_cpu_time_as_a_witness_only_the_launch_may_hide() -> None:
    assert check_clock(window(pipelined_s=0.005, cpu_ratio=1.0), 0.0, on_cpu=False).verdict == "disagrees"


def test_a_pipelined_step_cannot_take_longer() -> None:
    check = check_clock(window(pipelined_s=0.02), 0.0, on_cpu=True)
    assert check.verdict == "disagrees"
    assert "cannot take longer" in check.reason


def test_a_backlog_is_a_fault() -> None:
    check = check_clock(window(), 2 * BACKLOG_LIMIT_S, on_cpu=True)
    assert check.verdict == "disagrees"
    assert "40 ms after its outputs" in check.reason


def test_too_few_rounds_say_so() -> None:
    check = check_clock(window(rounds=2), 0.0, on_cpu=True)
    assert check.verdict == "not checked"
    assert check.slope_s == pytest.approx(0.01)


def test_the_witness_clock_counts_every_thread() -> None:
    assert time.get_clock_info("process_time").resolution < 1e-6
