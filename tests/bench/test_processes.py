"""Several processes of a case: interleaved, resumed one by one, and combined into one record."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.combine import combine
from anatomy.bench.measured import Block
from anatomy.bench.store import RunWriter, in_order, load_run
from tests.bench.test_store import case, header, record


def measured(repeat: int, step_s: float, **more: object) -> object:
    return record(
        repeat=repeat,
        step_s=[step_s * (1 + 0.001 * k) for k in range(9)],
        blocks=[Block(steps=10, seconds=10 * step_s)],
        **more,
    )


def test_the_suite_is_measured_whole_and_then_again() -> None:
    assert in_order([case(1), case(2)], 2) == [(case(1), 0), (case(2), 0), (case(1), 1), (case(2), 1)]


def test_counting_is_done_once() -> None:
    counted = case().model_copy(update={"mode": "count"})
    assert in_order([counted, case()], 3) == [(counted, 0), (case(), 0), (case(), 1), (case(), 2)]


def test_figures_and_intervals_come_from_the_processes() -> None:
    whole = combine([measured(2, 0.012), measured(0, 0.010), measured(1, 0.011)])
    assert whole.process_medians_s == pytest.approx([0.012048, 0.01004, 0.011044])
    assert whole.step_median_s == pytest.approx(0.011044)
    assert whole.throughput_examples_per_s == pytest.approx(1 / 0.011)
    low, high = whole.step_interval_s
    # Student's t with 2 degrees of freedom: far wider than any of the series, each within 1 %.
    assert low < 0.009
    assert high > 0.013
    assert len(whole.step_s) == 9


def test_one_process_stays_as_it_is() -> None:
    only = measured(0, 0.01)
    assert combine([only]) == only


def test_a_process_that_failed_fails_the_case() -> None:
    whole = combine([measured(0, 0.01), record(repeat=1, outcome="crashed", reason="SIGKILL"), measured(2, 0.01)])
    assert whole.outcome == "crashed"
    assert whole.reason == "1 of 3 processes: SIGKILL"


def test_what_is_left_is_counted_by_process(tmp_path: Path) -> None:
    planned = header(case(1), case(2)).model_copy(update={"settings": {"processes": 2}})
    writer = RunWriter.create(tmp_path, planned)
    writer.append(record(1))
    writer.append(record(2))
    writer.append(record(1, repeat=1))
    run = load_run(tmp_path)
    assert run.remaining == [(case(2), 1)]
    assert len(run.records) == 2
