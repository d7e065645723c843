"""One counter in a fresh interpreter: `KERAS_BACKEND=… python -m anatomy.bench.cross_check.counter_process COUNTER`.

It reads a list of `Subject` as JSON from standard input, and writes a list of rows per subject as JSON to standard
output.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from dataclasses import asdict

from anatomy.bench.cross_check.subject import Subject


def main(counter: str) -> None:
    """Count and print the rows; what the model's own code prints goes to standard error."""
    subjects = [Subject(**facts) for facts in json.load(sys.stdin)]
    with contextlib.redirect_stdout(sys.stderr):
        count = importlib.import_module(f"anatomy.bench.cross_check.{counter}").rows
        found = [count(subject) for subject in subjects]
    print(json.dumps([[asdict(row) for row in rows] for rows in found]))


if __name__ == "__main__":
    main(sys.argv[1])
