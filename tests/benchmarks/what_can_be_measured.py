"""Outcomes of runs as Markdown, for docs: `python -m tests.benchmarks.what_can_be_measured RUN…`.

The runs: `anatomy run --suite tests/benchmarks/suites/keras_applications.toml`, `keras_examples.toml` beside it, and
`tox -e keras-hub`. One row a model, one column for each mode and backend; what is not `ok` has its reason below.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import load_run

HEADINGS = {"count": "parameters; MACs"}


def main() -> None:
    """Print the table of each run."""
    for folder in sys.argv[1:]:
        print("\n".join([*table(load_run(Path(folder)).records), ""]))


def table(records: Sequence[Record]) -> list[str]:
    """One row a model: what was counted per example, then how each mode ended; one word where all backends agree."""
    modes = list(dict.fromkeys(r.case.mode for r in records))
    reasons: dict[str, int] = {}
    lines = [f"| model | {' | '.join(HEADINGS.get(mode, mode) for mode in modes)} |", "|---|" + "---|" * len(modes)]
    for model in dict.fromkeys(r.case.model for r in records):
        cells = (cell([r for r in records if (r.case.model, r.case.mode) == (model, mode)], reasons) for mode in modes)
        lines.append(f"| {model.replace(':', '.').rpartition('.')[2]} | {' | '.join(cells)} |")
    outcomes = [r.outcome for r in records]
    summary = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in dict.fromkeys(outcomes))
    backends = ", ".join(dict.fromkeys(r.case.backend for r in records))
    return [*lines, "", f"{len(records)} cases on {backends}: {summary}.", "", *footnotes(reasons)]


def cell(records: Sequence[Record], reasons: dict[str, int]) -> str:
    """What each backend says of a model in one mode, once if all say the same."""
    said = {record.case.backend: outcome(record, reasons) for record in records}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return ", ".join(f"{backend}: {text}" for backend, text in said.items())


def outcome(record: Record, reasons: dict[str, int]) -> str:
    """`ok`, what was counted, or the outcome with the number of its reason."""
    if record.outcome != "ok":
        return f"{record.outcome} ({_number(record.reason, reasons)})"
    if record.case.mode != "count":
        return "ok"
    counts = record.counts
    assert counts is not None, record.name
    macs = (
        f"at least {counts.macs:,} ({_number(_uncounted(record), reasons)})" if counts.uncounted else f"{counts.macs:,}"
    )
    return f"{counts.parameters:,}; {macs}"


def _uncounted(record: Record) -> str:
    assert record.counts is not None
    return "not counted: " + "; ".join(str(item) for item in record.counts.uncounted)


def footnotes(reasons: dict[str, int]) -> Iterable[str]:
    """The reasons, by their numbers."""
    return (f"{number}. {reason}" for reason, number in reasons.items())


def _number(reason: str, reasons: dict[str, int]) -> int:
    return reasons.setdefault(reason, len(reasons) + 1)


if __name__ == "__main__":
    main()
