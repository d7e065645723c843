"""The clock's check of itself, on windows made up of known times."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.measurement.clock_check import (
    BACKLOG_LIMIT_S,
    WAKE_S,
    backlog_of,
    check_clock,
    cpu_parts_s,
    shortest_pipelined_s,
)
from anatomy.bench.measurement.timing import Timings
from anatomy.bench.records.record_parts import Block


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
    assert "may take 0.58" in check.reason


@pytest.mark.parametrize(
    ("pipelined_s", "on_cpu"), [(0.005, True), (0.001, True), (0.0001, True), (0.001, False), (0.0001, False)]
)
def test_a_launch_that_is_the_whole_step_hides_nothing(pipelined_s: float, on_cpu: bool) -> None:
    """As TensorFlow, torch and OpenVINO on a CPU: half, a tenth, a hundredth of the steps were done."""
    timings = window(0.01, pipelined_s=pipelined_s, launch_s=0.0098, cpu_ratio=pipelined_s / 0.01)
    assert check_clock(timings, 0.0, on_cpu=on_cpu).verdict == "disagrees"


def test_a_short_launch_after_a_wait_may_take_several_times_as_long() -> None:
    """JAX's dispatch of a step of 0.1 ms: a pipeline finds the caches warm and the threads awake."""
    warm = window(1e-4, pipelined_s=3e-5, launch_s=6e-5, cpu_ratio=0.4)
    assert check_clock(warm, 0.0, on_cpu=True).verdict == "overlaps"
    none = window(1e-4, pipelined_s=1e-6, launch_s=9e-5, cpu_ratio=0.01)
    assert check_clock(none, 0.0, on_cpu=True).verdict == "disagrees"


@given(step_s=st.floats(1e-5, 10), share=st.floats(0, 1))
def test_a_pipelined_step_takes_no_less_than_either_part_does(step_s: float, share: float) -> None:
    shortest = shortest_pipelined_s(step_s, share * step_s, on_cpu=True)
    assert 0 <= shortest <= step_s
    assert shortest >= max(share, 1 - share) * step_s * (1 - 1e-9) - WAKE_S


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


def test_outputs_too_large_for_the_caches_may_slow_a_block() -> None:
    """An addition of arrays of 1 MiB: one step's output is written over, those of a block are not."""
    slow = window(pipelined_s=0.02)
    check = check_clock(slow, 0.0, on_cpu=True, held_bytes=2**27)
    assert check.verdict == "not checked"
    assert "128 MiB" in check.reason
    assert check_clock(slow, 0.0, on_cpu=True, held_bytes=2**20).verdict == "disagrees"
    assert check_clock(slow, 0.0, on_cpu=False, held_bytes=2**27).verdict == "disagrees"


def test_freeing_what_a_long_step_has_used_is_no_backlog() -> None:
    """GoogLeNet and U-Net on JAX, steps of 0.58 and 2.9 s: 21 and 56 ms."""
    long = window(step_s=2.9)
    assert check_clock(long, 0.056, on_cpu=True).verdict != "disagrees"
    assert check_clock(long, 0.5 * 2.9, on_cpu=True).verdict == "disagrees"


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


def test_clocks_that_noise_would_let_agree_are_not_checked() -> None:
    loud = window()
    loud.blocks = [Block(steps=b.steps, seconds=b.seconds * (1 + 2 * (k % 3))) for k, b in enumerate(loud.blocks)]
    check = check_clock(loud, 0.0, on_cpu=True)
    assert check.verdict == "not checked"
    assert "too noisy" in check.reason


@pytest.mark.parametrize(("pipelined_s", "verdict"), [(0.0001, "disagrees"), (0.01, "not checked")])
def test_noise_excuses_no_step_that_is_far_too_short(pipelined_s: float, verdict: str) -> None:
    """Of a hundred steps one was done, and the blocks are uncertain by a whole step's time."""
    loud = window(0.01, pipelined_s=pipelined_s, launch_s=0.0098, rounds=8, cpu_ratio=pipelined_s / 0.01)
    loud.blocks = [
        Block(steps=b.steps, seconds=b.seconds + 0.04 + (b.steps == 10) * 0.035 * (-1) ** (k // 2))
        for k, b in enumerate(loud.blocks)
    ]
    check = check_clock(loud, 0.0, on_cpu=True)
    assert check.verdict == verdict, check.reason


class Device:
    """Steps whose outputs take a time to copy, and are late by another when `drain` did not wait."""

    loss = use = weights = put_weights = restore = programs = cast("Any", None)  # not called here

    def __init__(self, copy_s: float, late_s: float) -> None:
        self.now_s = self.drained_s = 0.0
        self.copy_s = copy_s
        self.late_s = late_s

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def launch(self) -> None: ...

    def drain(self, outputs: object) -> None:
        self.drained_s = self.now_s

    def fetch(self, outputs: object) -> Any:
        self.now_s += self.copy_s + self.late_s
        self.late_s = 0.0


def backlog(device: Device, busy_s: float = 0.0, user_share: float = 1.0, kernel_share: float = 0.0) -> float:
    """Of a process whose threads use one core for `busy_s` after each drain, `user_share` of it outside the kernel."""

    def cpu_s() -> float:
        return min(device.now_s - device.drained_s, busy_s)

    def parts() -> tuple[float, float]:
        return user_share * cpu_s(), kernel_share * cpu_s()

    return backlog_of(device, 1e-3, device.clock, cpu_s, parts, device.sleep).seconds


def test_copying_large_outputs_is_no_backlog() -> None:
    assert backlog(Device(copy_s=0.5, late_s=0.0)) == pytest.approx(0.0)


def test_waiting_for_outputs_is_a_backlog(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(copy_s=0.5, late_s=0.0)

    def drain(outputs: object) -> None:
        device.late_s = 0.3

    monkeypatch.setattr(device, "drain", drain)
    assert backlog(device) == pytest.approx(0.3)


def test_computing_after_the_drain_is_a_backlog_and_freeing_memory_is_none() -> None:
    assert backlog(Device(copy_s=0.0, late_s=0.0), busy_s=0.1) == pytest.approx(0.1, abs=0.01)
    assert backlog(Device(copy_s=0.0, late_s=0.0), busy_s=0.1, user_share=0.1, kernel_share=0.9) < BACKLOG_LIMIT_S
    # Samples were lost.
    assert backlog(Device(copy_s=0.0, late_s=0.0), busy_s=0.1, user_share=0.1, kernel_share=0.1) > BACKLOG_LIMIT_S


@pytest.mark.long
def test_user_time_is_what_computes() -> None:
    (user_before, _), all_before = cpu_parts_s(), time.process_time()
    sum(range(10_000_000))
    assert cpu_parts_s()[0] - user_before >= 0.5 * (time.process_time() - all_before) > 0
