"""The table of repeatability, from planted runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from tests.benchmarks.repeatability import compare, expected_share, first_processes, show


def runs(seed: int, between: float, cases: int = 60, processes: int = 5) -> list[list[Record]]:
    """Three runs of many cases of so many processes each, that differ by `between` besides."""
    generator = np.random.default_rng(seed)
    return [
        [
            Record(
                case=Case(model="mlp", batch_size=n + 1),
                name=f"case {n}",
                outcome="ok",
                started_at="2026-01-31",
                process_medians_s=list(np.exp(generator.normal(0, 0.02, processes) + generator.normal(0, between))),
            )
            for n in range(cases)
        ]
        for _ in range(3)
    ]


def held(found: list[list[Record]]) -> float:
    repeats = list(compare(found))
    assert {one.figure for one in repeats} == {"step"}
    return sum(one.held for one in repeats) / sum(one.pairs for one in repeats)


@pytest.mark.long
@pytest.mark.parametrize("processes", [3, 5])
def test_intervals_that_know_all_variation_hold_as_often_as_expected(processes: int) -> None:
    found = runs(0, between=0.0, cases=600, processes=processes)
    assert {one.expected for one in compare(found)} == {expected_share(processes)}
    # 1800 pairs, of which those of one case depend on one another: about three standard errors.
    assert held(found) == pytest.approx(expected_share(processes), abs=0.012)


@pytest.mark.long
def test_the_fewer_the_processes_the_more_pairs_are_expected_to_hold() -> None:
    two, three, five, many = (expected_share(processes) for processes in (2, 3, 5, 20))
    assert two > three > five > many > 0.95
    assert expected_share(1) == 0.95


def test_a_loop_has_no_medians_and_its_throughputs_are_of_processes_all_the_same() -> None:
    loop = Record(
        case=Case(model="mlp", mode="fit"),
        name="fit",
        outcome="ok",
        started_at="2026-01-31",
        process_throughputs=[9.0, 10, 11],
    )
    (found,) = compare([[loop], [loop]])
    assert (found.figure, found.expected) == ("throughput", expected_share(3))


def test_drift_between_runs_shows() -> None:
    assert held(runs(0, between=0.1)) < 0.5


def test_the_first_process_alone(tmp_path: Path) -> None:
    processes = [
        Record(
            case=Case(model="mlp"),
            name="mlp",
            outcome="ok",
            started_at="2026-01-31",
            step_s=[1.0 + repeat],
            repeat=repeat,
        )
        for repeat in range(3)
    ]
    (tmp_path / "records.jsonl").write_text("".join(record.model_dump_json() + "\n" for record in processes))
    assert [record.step_median_s for record in first_processes(tmp_path)] == [1.0]


def test_each_group_says_what_is_expected_and_each_case_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    record = Record(
        case=Case(model="mlp"),
        name="mlp train",
        outcome="ok",
        started_at="2026-01-31",
        process_medians_s=[1.0, 1.1, 1.2],
    )
    show(list(compare([[record], [record]])))
    printed = capsys.readouterr().out.splitlines()
    assert f"| step | all | all | 1 | 0.0% | 29.7% | 1 of 1 (100%) | {expected_share(3):.0%} |" in printed
    assert printed[-1] == "| mlp train | 0.0% | 29.7% | 1 of 1 | – | – | – |"
