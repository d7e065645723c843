"""The table of repeatability, from planted runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anatomy.bench.case import Case
from anatomy.bench.record import Record
from tests.benchmarks.repeatability import compare, first_processes


def runs(seed: int, between: float, cases: int = 60) -> list[list[Record]]:
    """Three runs of many cases whose processes differ by `between`, with five processes each."""
    generator = np.random.default_rng(seed)
    return [
        [
            Record(
                case=Case(model="mlp", batch_size=n + 1),
                name=f"case {n}",
                outcome="ok",
                started_at="",
                process_medians_s=list(np.exp(generator.normal(0, 0.02, 5) + generator.normal(0, between))),
            )
            for n in range(cases)
        ]
        for _ in range(3)
    ]


def held(found: list[list[Record]]) -> float:
    repeats = list(compare(found))
    assert {one.figure for one in repeats} == {"step"}
    return sum(one.held for one in repeats) / sum(one.pairs for one in repeats)


def test_intervals_that_know_all_variation_hold() -> None:
    assert 0.9 <= held(runs(0, between=0.0)) <= 1.0


def test_drift_between_runs_shows() -> None:
    assert held(runs(0, between=0.1)) < 0.5


def test_the_first_process_alone(tmp_path: Path) -> None:
    processes = [
        Record(case=Case(model="mlp"), name="mlp", outcome="ok", started_at="", step_s=[1.0 + repeat], repeat=repeat)
        for repeat in range(3)
    ]
    (tmp_path / "records.jsonl").write_text("".join(record.model_dump_json() + "\n" for record in processes))
    assert [record.step_median_s for record in first_processes(tmp_path)] == [1.0]
