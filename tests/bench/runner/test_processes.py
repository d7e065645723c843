"""Several processes of a case: interleaved, resumed one by one, and combined into one record."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.records.caveats import THROTTLED, caveats_of
from anatomy.bench.records.combine_processes import combine_processes
from anatomy.bench.records.gpu_use import GpuUse
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block, ClockCheck, Series
from anatomy.bench.records.run_store import RunWriter, interleave_processes, load_run
from anatomy.reports.tables.trust_table import flags
from tests.factories import make_bare_record, make_case, make_header


def measured(repeat: int, step_s: float, **more: Any) -> Record:
    return make_bare_record(
        repeat=repeat,
        step_s=[step_s * (1 + 0.001 * k) for k in range(9)],
        blocks=[Block(steps=10, seconds=10 * step_s)],
        **more,
    )


def test_the_suite_is_measured_whole_and_then_again() -> None:
    assert interleave_processes([make_case(batch_size=1), make_case(batch_size=2)], 2) == [
        (make_case(batch_size=1), 0),
        (make_case(batch_size=2), 0),
        (make_case(batch_size=1), 1),
        (make_case(batch_size=2), 1),
    ]


def test_counting_is_done_once() -> None:
    counted = make_case().model_copy(update={"mode": "count"})
    assert interleave_processes([counted, make_case()], 3) == [
        (counted, 0),
        (make_case(), 0),
        (make_case(), 1),
        (make_case(), 2),
    ]


def test_figures_and_intervals_come_from_the_processes() -> None:
    whole = combine_processes([measured(2, 0.012), measured(0, 0.010), measured(1, 0.011)])
    assert whole.process_medians_s == pytest.approx([0.012048, 0.01004, 0.011044])
    assert whole.step_median_s == pytest.approx(0.011044)
    assert whole.throughput_examples_per_s == pytest.approx(1 / 0.011)
    assert whole.step_interval_s
    low, high = whole.step_interval_s
    # Student's t with 2 degrees of freedom: far wider than any of the series, each within 1 %.
    assert low < 0.009
    assert high > 0.013
    assert len(whole.step_s) == 9


def test_one_process_stays_as_it_is() -> None:
    only = measured(0, 0.01)
    assert combine_processes([only]) == only


def test_a_process_that_failed_fails_the_case() -> None:
    whole = combine_processes(
        [measured(0, 0.01), make_bare_record(repeat=1, outcome="crashed", reason="SIGKILL"), measured(2, 0.01)]
    )
    assert whole.outcome == "crashed"
    assert whole.reason == "1 of 3 processes: SIGKILL"


WORSE = [
    {
        "series": Series(label="never settled", change_points=[3]),
        "recompilations": 7,
        "checks": {"weights move": "passed", "loss goes down": "not checked: 3 steps"},
        "clock": ClockCheck(verdict="agrees"),
        "warmup_settled": True,
    },
    {
        "series": Series(label="settled"),
        "recompilations": 0,
        "checks": {"weights move": "passed", "loss goes down": "passed"},
        "clock": ClockCheck(verdict="overlaps"),
        "warmup_settled": True,
    },
    {
        "series": Series(label="slowing"),
        "recompilations": 3,
        "checks": {"weights move": "passed", "loss goes down": "passed"},
        "clock": ClockCheck(verdict="not checked", reason="too noisy"),
        "warmup_settled": False,
    },
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_what_any_process_showed_is_said_of_the_case(order: tuple[int, ...]) -> None:
    # The figures are in the order of the processes, so that each in turn is the one in the middle.
    whole = combine_processes([measured(at, 0.010 + 0.001 * at, **WORSE[which]) for at, which in enumerate(order)])
    assert whole.series == Series(label="never settled", change_points=[3])
    assert whole.recompilations == 7
    assert whole.checks == {"weights move": "passed", "loss goes down": "not checked: 3 steps"}
    assert whole.clock == ClockCheck(verdict="not checked", reason="too noisy")
    assert whole.warmup_settled is False
    said = flags(whole) or ""
    for part in ("never settled", "7 recompilations", "warm-up ended by its budget", "loss goes down not checked"):
        assert part in said


def test_the_highest_peaks_are_the_cases() -> None:
    peaks: list[dict[str, Any]] = [
        {"base_host_bytes": 100, "peak_host_bytes": 500, "step_peak_host_bytes": 300},
        {"base_host_bytes": 110, "peak_host_bytes": 600, "step_peak_host_bytes": 200, "peak_device_bytes": 9},
        {"base_host_bytes": 90, "peak_host_bytes": 400, "not_measured": {"peak_device_bytes": "busy"}},
    ]
    whole = combine_processes([measured(at, step_s, **peaks[at]) for at, step_s in enumerate((0.010, 0.012, 0.011))])
    assert (whole.peak_host_bytes, whole.step_peak_host_bytes, whole.peak_device_bytes) == (600, 300, 9)
    assert whole.peak_host_above_base_bytes == 490
    assert whole.not_measured == {}


def test_a_clock_held_down_in_one_process_is_marked() -> None:
    cool = GpuUse(index=0, name="g", samples=9, throttled_share=0.0)
    hot = GpuUse(index=0, name="g", samples=9, throttled_share=0.5, throttle_reasons={"heat": 0.5})
    whole = combine_processes([measured(at, 0.01 + 0.001 * at, gpu=[gpu]) for at, gpu in enumerate((cool, cool, hot))])
    assert whole.gpu == [cool.model_copy(update={"throttled_share": 0.5, "throttle_reasons": {"heat": 0.5}})]
    assert THROTTLED in caveats_of(whole)


def test_nothing_is_said_where_no_process_knew() -> None:
    whole = combine_processes([measured(at, 0.01) for at in range(3)])
    assert (whole.series, whole.clock, whole.recompilations, whole.warmup_settled) == (None, None, None, None)
    assert (whole.checks, whole.peak_host_bytes, whole.gpu) == ({}, None, None)


def test_what_is_left_is_counted_by_process(tmp_path: Path) -> None:
    planned = make_header(make_case(batch_size=1), make_case(batch_size=2)).model_copy(
        update={"settings": {"processes": 2}}
    )
    writer = RunWriter.create(tmp_path, planned)
    writer.append(make_bare_record(1))
    writer.append(make_bare_record(2))
    writer.append(make_bare_record(1, repeat=1))
    run = load_run(tmp_path)
    assert run.remaining == [(make_case(batch_size=2), 1)]
    assert len(run.records) == 2
