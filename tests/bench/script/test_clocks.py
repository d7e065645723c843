"""The clock of a script against Anatomy's on a step of invented cost: the same blocks, the same figures."""

from __future__ import annotations

import statistics
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.backends import step as step_module
from anatomy.bench.measurement import timing
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.script.step_source import step_lines
from anatomy.bench.script.timing_source import clock_lines

BATCH_SIZE = 64
# What reading the clock takes, so that a block's length shows in its rate.
READING_S = 0.0004


class Machine:
    """Steps that are done when they return, and a clock that only they and its own reading move."""

    def __init__(self, step_s: float) -> None:
        self.now = 0.0
        self._step_s = step_s

    def perf_counter(self) -> float:
        self.now += READING_S
        return self.now

    def launch(self, data: Any = None) -> None:
        self.now += self._step_s

    def drain(self, outputs: Any) -> None:
        """Nothing is left to wait for."""


def printed(step_s: float, settings: MeasureSettings, output_bytes: int) -> dict[str, Any]:
    """The names that a script leaves, and what it printed."""
    said: list[str] = []
    machine = Machine(step_s)
    names: dict[str, Any] = {
        "time": machine,
        "statistics": statistics,
        "model": SimpleNamespace(predict_step=machine.launch),
        "x": None,
        "print": said.append,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step_module, "load", lambda backend: SimpleNamespace(on_cpu=lambda: True))
        lines = step_lines("openvino", "infer", jit=False)
    exec("\n".join([*lines, *clock_lines(BATCH_SIZE, settings, output_bytes)]), names)
    return {**names, **{line.rsplit(maxsplit=2)[0]: float(line.split()[-2]) for line in said}}


@given(
    st.floats(-4, 0).map(lambda power: 10**power),
    st.sampled_from([0, 40, 2**20, 2**26, 2**30]),
    st.sampled_from([None, 6, 60]),
)
def test_takes_the_sizes_that_a_run_takes(step_s: float, output_bytes: int, steps: int | None) -> None:
    settings = MeasureSettings(seconds=2.0, steps=steps)
    names = printed(step_s, settings, output_bytes)
    plan = timing.plan_rounds(min(names["warm"][-3:]), settings.seconds, steps, output_bytes)
    assert (names["rounds"], names["size"]) == (plan.rounds, plan.block)


def test_outputs_of_64_mib_are_not_held_by_the_dozen() -> None:
    assert printed(0.003, MeasureSettings(seconds=3.0), 2**26)["size"] == timing.SMALLEST_BLOCK


@pytest.mark.parametrize("step_s", [0.002, 0.01])
def test_prints_the_figures_of_a_record(step_s: float) -> None:
    settings = MeasureSettings(seconds=2.0)
    figures = printed(step_s, settings, 0)
    machine: Any = Machine(step_s)
    plan = timing.plan_rounds(min(figures["warm"][-3:]), settings.seconds, None)
    timings = timing.time_rounds(machine, plan, 0.0, machine.perf_counter)
    record = Record(
        case=Case(model="mlp", batch_size=BATCH_SIZE),
        name="mlp",
        outcome="ok",
        started_at="2026-01-31",
        blocks=timings.blocks,
        step_s=timings.step_s,
    )
    assert figures["throughput"] == pytest.approx(record.throughput_examples_per_s, rel=1e-5)
    assert figures["throughput"] == pytest.approx(BATCH_SIZE / (step_s + READING_S / (2 * plan.block)), rel=1e-4)
    # Anatomy reads the clock once more in a single step, when `launch` returns.
    assert figures["median step"] == pytest.approx(1e3 * (step_s + READING_S), rel=1e-5)
    assert record.step_median_s == pytest.approx(step_s + 2 * READING_S)
