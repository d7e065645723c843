"""Do figures repeat within their own intervals? `python -m tests.benchmarks.repeatability RUN RUN RUN`.

With `--first-process`, of runs of several processes a case, the first of each alone, as if it had been the only one.
Prints a Markdown table from runs of one suite on one machine. For each figure of each case: the spread over the
runs, and whether each pair of runs differs by no more than their intervals allow. Two independent 95 % intervals
with half-widths a and b hold their difference within √(a² + b²) in 95 % of pairs, on the scale of logarithms.
"""

from __future__ import annotations

import math
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import median

from anatomy.bench.record import Record
from anatomy.bench.store import RECORDS_FILE, load_run, read_records

FIGURES = {
    "step": ("step_median_s", "step_interval_s"),
    "throughput": ("throughput_examples_per_s", "throughput_interval_examples_per_s"),
}


@dataclass(frozen=True)
class Repeats:
    """One figure of one case over the runs.

    Attributes:
        spread: largest over smallest value, minus 1.
        half_width: median of the stated half-widths, relative.
        held, pairs: pairs of runs whose difference is within their intervals, and all pairs.
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
    settled: bool


def compare(runs: Sequence[Sequence[Record]]) -> Iterator[Repeats]:
    """Every figure that every run has with an interval."""
    by_key = [{record.key: record for record in run if record.outcome == "ok"} for run in runs]
    for key in by_key[0]:
        records = [run[key] for run in by_key if key in run]
        for figure, (value, interval) in FIGURES.items():
            values = [getattr(record, value) for record in records]
            intervals = [getattr(record, interval) for record in records]
            if len(records) == len(runs) and all(values) and all(intervals):
                yield _repeats(records, figure, values, intervals)


def _repeats(records: list[Record], figure: str, values: list[float], intervals: list[tuple[float, float]]) -> Repeats:
    widths = [math.log(high / low) / 2 for low, high in intervals]
    pairs = list(combinations(range(len(values)), 2))
    held = sum(abs(math.log(values[i] / values[j])) <= math.hypot(widths[i], widths[j]) for i, j in pairs)
    case = records[0].case
    return Repeats(
        name=records[0].name,
        figure=figure,
        backend=case.backend,
        mode=case.mode,
        spread=max(values) / min(values) - 1,
        half_width=math.expm1(median(widths)),
        held=held,
        pairs=len(pairs),
        settled=all(record.series is None or record.series.label == "settled" for record in records),
    )


def first_processes(path: Path) -> list[Record]:
    """The records of a run as if each case had been measured in one process."""
    return [record for record in read_records(path / RECORDS_FILE) if record.repeat == 0]


def main(paths: Sequence[Path], first_process: bool = False) -> None:
    """Print the shares by backend, mode and figure, then every figure."""
    found = list(compare([first_processes(path) if first_process else load_run(path).records for path in paths]))
    print("| figure | backend | mode | figures | median spread | median ± stated | pairs within their intervals |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: |")
    groups = sorted({(one.figure, one.backend, one.mode) for one in found})
    for figure, backend, mode in groups:
        _summarise(
            figure, backend, mode, [o for o in found if (o.figure, o.backend, o.mode) == (figure, backend, mode)]
        )
    for figure in FIGURES:
        chosen = [one for one in found if one.figure == figure]
        if chosen:
            _summarise(figure, "all", "all", chosen)
            _summarise(figure, "all, settled alone", "all", [one for one in chosen if one.settled])
    print("\n| case | figure | spread | ± stated | pairs within |")
    print("| --- | --- | ---: | ---: | ---: |")
    for one in found:
        print(f"| {one.name} | {one.figure} | {one.spread:.1%} | {one.half_width:.1%} | {one.held} of {one.pairs} |")


def _summarise(figure: str, backend: str, mode: str, chosen: Sequence[Repeats]) -> None:
    if not chosen:
        return
    held, pairs = sum(one.held for one in chosen), sum(one.pairs for one in chosen)
    spread, width = median(one.spread for one in chosen), median(one.half_width for one in chosen)
    print(
        f"| {figure} | {backend} | {mode} | {len(chosen)} | {spread:.1%} | {width:.1%} |"
        f" {held} of {pairs} ({held / pairs:.0%}) |"
    )


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of two runs or more of one suite")
    parser.add_argument("--first-process", action="store_true")
    given = parser.parse_args()
    if len(given.runs) < 2:
        parser.error("there is nothing to compare a single run with")
    main(given.runs, given.first_process)
