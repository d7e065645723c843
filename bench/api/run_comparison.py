"""Two runs beside each other: a ratio per case, its interval, and what can be said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anatomy.bench.api.stored_run import load_run
from anatomy.bench.records.run_store import Run

if TYPE_CHECKING:
    import pandas as pd


def compare(a: Run | str | Path, b: Run | str | Path) -> pd.DataFrame:
    """Compare the throughput of two runs on one machine: a row per case, sorted by the size of the change.

    Columns: `a` and `b` in examples per second (of a stage without examples, how often it would run); `ratio` b / a;
    `low` and `high`, within which the ratio lies if both 95 % intervals hold; `verdict`: `faster`, `slower`, `too
    close` (the intervals overlap), `one process` (fewer than two processes on a side, whose interval does not know the
    next process), `unlike settings` (named in `differences`), `only in a`, `only in b`, or an outcome. To decide
    whether a change made a model slower, use `gate`, which measures both sides in the same minutes.

    Args:
        a: a run, or its folder.
        b: likewise.

    Raises:
        UsageError: the runs are of different machines or software, or one cannot be read.
    """
    from anatomy.reports.run_difference import compare_runs

    first, second = (run if isinstance(run, Run) else load_run(run) for run in (a, b))
    return compare_runs(first, second)
