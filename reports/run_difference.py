"""Two runs beside each other: a ratio per case, its interval, and what can be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.parity import differences
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.reports.number_words import plural

# An interval from within one process does not know how far the next process would be apart (docs/repeatability.md).
FEWEST_PROCESSES = 2
CHANGED = ("faster", "slower")
TOO_CLOSE, NOT_KNOWN = "too close", "not known"
# A change of a step's time by so much matters, as the gate's margin has it: an interval that reaches beyond does not
# say that nothing changed.
MATTERS = 0.05


def compare_runs(a: Run, b: Run) -> pd.DataFrame:
    """The throughput of each timed case of two runs on one machine, sorted by the size of the change.

    Columns, with the case's name as index: `key`; `a` and `b` in examples per second (of a stage without examples, how
    often it would run); `ratio` b / a; `low` and `high`, within which the ratio lies if both 95 % intervals hold;
    `verdict`: `faster`, `slower`, `too close` (the intervals overlap), `one process` (fewer than two processes on a
    side, whose interval does not know the next process), `unlike settings` (named in `differences`), `only in a`,
    `only in b`, or an outcome.

    Raises:
        UsageError: the runs are of different machines or software.
    """
    if a.header.environment.fingerprint != b.header.environment.fingerprint:
        raise UsageError(
            f"{a.path} and {b.path} were measured on different machines or software"
            f" ({a.header.environment.fingerprint}, {b.header.environment.fingerprint}): times do not compare"
        )
    ours, theirs = ({r.key: r for r in run.records if r.case.mode != "count"} for run in (a, b))
    rows = [_row(ours.get(key), theirs.get(key)) for key in dict.fromkeys([*ours, *theirs])]
    frame = pd.DataFrame(rows, columns=["name", *_COLUMNS]).set_index("name")
    return frame.sort_values("ratio", key=lambda ratio: (ratio - 1).abs(), ascending=False, na_position="last")


_COLUMNS = ("key", "a", "b", "ratio", "low", "high", "verdict", "differences")


def _row(a: Record | None, b: Record | None) -> dict[str, Any]:
    present = a or b
    assert present is not None
    row: dict[str, Any] = {"name": present.name, "key": present.key}
    row |= {"a": a and _rate(a), "b": b and _rate(b)}
    row |= {"ratio": None, "low": None, "high": None, "verdict": "", "differences": ""}
    if a is None or b is None:
        return row | {"verdict": "only in a" if b is None else "only in b"}
    failed = next((f"{side}: {one.outcome}" for side, one in (("a", a), ("b", b)) if one.outcome != "ok"), None)
    if failed or not (row["a"] and row["b"]):
        return row | {"verdict": failed or "not measured"}
    return row | {"ratio": row["b"] / row["a"]} | _verdict(a, b)


def _verdict(a: Record, b: Record) -> dict[str, Any]:
    unlike = differences(a.parity, b.parity) if a.parity and b.parity else {}
    if unlike:
        named = ", ".join(f"{name}: {ours} / {theirs}" for name, (ours, theirs) in unlike.items())
        return {"verdict": "unlike settings", "differences": named}
    ours, theirs = _rate_interval(a), _rate_interval(b)
    if ours is None or theirs is None:
        return {"verdict": "no interval"}
    low, high = theirs[0] / ours[1], theirs[1] / ours[0]
    bounds = {"low": low, "high": high}
    if min(_processes(a), _processes(b)) < FEWEST_PROCESSES:
        return bounds | {"verdict": "one process"}
    return bounds | {"verdict": "faster" if low > 1 else "slower" if high < 1 else TOO_CLOSE}


def verdict_name(row: Mapping[Any, Any]) -> str:
    """The verdict of a row; `not known` where the intervals overlap so widely that a change of `MATTERS` could hide."""
    if row["verdict"] != TOO_CLOSE:
        return str(row["verdict"])
    return TOO_CLOSE if row["low"] >= 1 - MATTERS and row["high"] <= 1 + MATTERS else NOT_KNOWN


def verdict_words(row: Mapping[Any, Any]) -> str:
    """`faster`, or `not known: 0.43 to 3.26 ×` with the bounds that leave it open."""
    name = verdict_name(row)
    return f"{name}: {row['low']:.2f} to {row['high']:.2f} ×" if name == NOT_KNOWN else name


def difference_sentence(frame: pd.DataFrame) -> str:
    """`17 cases: 2 slower, 1 faster, 9 too close, 5 not known`: how many have which verdict, changes first."""
    counts = Counter(map(verdict_name, frame.to_dict("records")))
    first = [*reversed(CHANGED), TOO_CLOSE, NOT_KNOWN]
    order = [*first, *(name for name, _ in counts.most_common() if name not in first)]
    said = ", ".join(f"{counts[name]} {name}" for name in order if name in counts)
    return f"{plural(len(frame), 'case')}: {said}" if said else "no case in either"


def _rate(record: Record) -> float | None:
    if record.throughput_examples_per_s is None and record.stage is not None and record.step_median_s:
        return 1 / record.step_median_s
    return record.throughput_examples_per_s


def _rate_interval(record: Record) -> tuple[float, float] | None:
    if record.throughput_examples_per_s is None and record.stage is not None and record.step_interval_s:
        low_s, high_s = record.step_interval_s
        return 1 / high_s, 1 / low_s
    return record.throughput_interval_examples_per_s


def _processes(record: Record) -> int:
    return len(record.process_throughputs or record.process_medians_s)
