"""Do figures repeat within their own intervals? `python -m tests.benchmarks.repeatability RUN RUN RUN`.

With `--first-process`, of runs of several processes a case, the first of each alone, as if it had been the only one.
Prints two Markdown tables from runs of one suite on one machine. For each figure of each case: the spread over the
runs, and in how many pairs of runs |ln of their ratio| ≤ √(a² + b²), where a and b are the half-widths of their 95 %
intervals, on the scale of logarithms. Beside it, in how many it would be if the intervals knew all variation: 95 % of
pairs where the half-widths are nearly constant. Of few processes they are not: Student's t makes most of them wide, and
more pairs hold. `expected_share` simulates it.
"""

from __future__ import annotations

import math
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from statistics import median

import numpy as np

from anatomy.bench.records.read_records import read_records
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RECORDS_FILE, load_run
from anatomy.bench.statistics.interval import Interval, between_processes

# Each figure, its interval, and the processes' own figures.
FIGURES = {
    "step": ("step_median_s", "step_interval_s", "process_medians_s"),
    "throughput": ("throughput_examples_per_s", "throughput_interval_examples_per_s", "process_throughputs"),
}
# Pairs of a simulation: a standard error of 0.1 percentage points.
SIMULATED_PAIRS = 8000


@dataclass(frozen=True)
class Repeats:
    """One figure of one case over the runs.

    Attributes:
        spread: largest over smallest value, minus 1.
        half_width: median of the stated half-widths, relative.
        held, pairs: pairs of runs whose difference is within their intervals, and all pairs.
        expected: share of pairs that would be, if the intervals knew all variation.
        settled: whether every run's series had settled.
    """

    name: str
    figure: str
    backend: str
    mode: str
    spread: float
    half_width: float
    held: int
    pairs: int
    expected: float
    settled: bool


@cache
def expected_share(processes: int) -> float:
    """Share of pairs of runs within their intervals where nothing varies but so many processes a run, normally.

    One process: the interval is from within it, and its level is what it states.
    """
    if processes < 2:
        return 0.95
    drawn = np.exp(0.02 * np.random.default_rng(processes).standard_normal((2 * SIMULATED_PAIRS, processes)))
    figures = [median(values) for values in drawn.tolist()]
    intervals = [found for values in drawn.tolist() if (found := between_processes(values))]
    held = [_holds(figures[n : n + 2], intervals[n : n + 2]) for n in range(0, len(figures), 2)]
    return sum(held) / len(held)


def compare(runs: Sequence[Sequence[Record]]) -> Iterator[Repeats]:
    """Every figure that every run has with an interval."""
    by_key = [{record.key: record for record in run if record.outcome == "ok"} for run in runs]
    for key in by_key[0]:
        records = [run[key] for run in by_key if key in run]
        for figure, (value, interval, _) in FIGURES.items():
            values = [getattr(record, value) for record in records]
            intervals = [getattr(record, interval) for record in records]
            if len(records) == len(runs) and all(values) and all(intervals):
                yield _repeats(records, figure, values, intervals)


def _repeats(records: list[Record], figure: str, values: list[float], intervals: list[Interval]) -> Repeats:
    pairs = list(combinations(range(len(values)), 2))
    held = sum(_holds((values[i], values[j]), (intervals[i], intervals[j])) for i, j in pairs)
    case = records[0].case
    return Repeats(
        name=records[0].name,
        figure=figure,
        backend=case.backend,
        mode=case.mode,
        spread=max(values) / min(values) - 1,
        half_width=math.expm1(median(map(_half_width, intervals))),
        held=held,
        pairs=len(pairs),
        expected=expected_share(min(len(getattr(record, FIGURES[figure][2])) for record in records)),
        settled=all(record.series is None or record.series.label == "settled" for record in records),
    )


def _holds(values: Sequence[float], intervals: Sequence[Interval]) -> bool:
    """Whether two figures differ by no more than their intervals allow."""
    return abs(math.log(values[0] / values[1])) <= math.hypot(*map(_half_width, intervals))


def _half_width(interval: Interval) -> float:
    return math.log(interval[1] / interval[0]) / 2


def first_processes(path: Path) -> list[Record]:
    """The records of a run as if each case had been measured in one process."""
    return [record for record in read_records(path / RECORDS_FILE) if record.repeat == 0]


def show(found: Sequence[Repeats]) -> None:
    """Print the shares by figure, backend and mode, then a row a case."""
    print("| figure | backend | mode | figures | median spread | median ± stated | pairs within | expected |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for group in sorted({(one.figure, one.backend, one.mode) for one in found}):
        _summarise(group, [one for one in found if (one.figure, one.backend, one.mode) == group])
    for figure in FIGURES:
        chosen = [one for one in found if one.figure == figure]
        _summarise((figure, "all", "all"), chosen)
        _summarise((figure, "all, settled alone", "all"), [one for one in chosen if one.settled])
    print("\n| case | " + " | ".join(f"{figure}: spread | ± stated | within" for figure in FIGURES) + " |")
    print("| --- |" + " ---: |" * 3 * len(FIGURES))
    cells = {(one.name, one.figure): _cells(one) for one in found}
    for name in dict.fromkeys(one.name for one in found):
        print(f"| {name} | " + " | ".join(cells.get((name, figure), "– | – | –") for figure in FIGURES) + " |")


def _summarise(group: tuple[str, str, str], chosen: Sequence[Repeats]) -> None:
    if not chosen:
        return
    held, pairs = sum(one.held for one in chosen), sum(one.pairs for one in chosen)
    expected = sum(one.expected * one.pairs for one in chosen) / pairs
    spread, width = median(one.spread for one in chosen), median(one.half_width for one in chosen)
    print(
        f"| {' | '.join(group)} | {len(chosen)} | {spread:.1%} | {width:.1%} |"
        f" {held} of {pairs} ({held / pairs:.0%}) | {expected:.0%} |"
    )


def _cells(one: Repeats) -> str:
    return f"{one.spread:.1%} | {one.half_width:.1%} | {one.held} of {one.pairs}"


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of two runs or more of one suite")
    parser.add_argument("--first-process", action="store_true")
    given = parser.parse_args()
    if len(given.runs) < 2:
        parser.error("there is nothing to compare a single run with")
    show(list(compare([first_processes(p) if given.first_process else load_run(p).records for p in given.runs])))
