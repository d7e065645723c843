"""One counter in a fresh interpreter: `KERAS_BACKEND=… python -m anatomy.bench.cross_check.counter_process COUNTER`.

It reads a list of `Subject` as JSON from standard input, and writes a list of rows per subject as JSON to standard
output. A subject on which the counter fails has one row without a name, with the reason.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict

from anatomy.bench.cross_check.counter_row import Row
from anatomy.bench.cross_check.subject import Subject


def main(counter: str) -> None:
    """Count and print the rows; what the model's own code prints goes to standard error."""
    subjects = [Subject(**facts) for facts in json.load(sys.stdin)]
    with contextlib.redirect_stdout(sys.stderr):
        count = importlib.import_module(f"anatomy.bench.cross_check.{counter}").rows
        found = [_rows(count, subject) for subject in subjects]
    print(json.dumps([[asdict(row) for row in rows] for rows in found]))


def _rows(count: Callable[[Subject], list[Row]], subject: Subject) -> list[Row]:
    from anatomy.bench.counting.untraceable import true_reason

    try:
        return count(subject)
    except Exception as error:  # noqa: BLE001  # the boundary: a model may make a counter raise anything
        traceback.print_exc()
        return [Row("", reason=true_reason(error))]


if __name__ == "__main__":
    main(sys.argv[1])
