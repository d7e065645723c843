"""All counters on the same models, each in a fresh interpreter of its backend."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from anatomy.bench.backends.available import availability
from anatomy.bench.cross_check.counter_row import Row
from anatomy.bench.cross_check.subject import Subject, build
from anatomy.bench.errors.printable import shortened, without_styles
from anatomy.bench.records.case import Backend

TIMEOUT_S = 600.0
# Counting needs no accelerator; the processor's programs are the same on every machine.
_QUIET_CPU = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}


@dataclass(frozen=True)
class Counter:
    """A counter: its name in the table, its module in this package, its backend."""

    name: str
    module: str
    backend: Backend


COUNTERS = (
    Counter("XLA", "xla_counter", "jax"),
    Counter("TensorFlow profiler", "tensorflow_profiler", "tensorflow"),
    Counter("torch FlopCounterMode", "torch_counter", "torch"),
)


@dataclass(frozen=True)
class CrossCheck:
    """The table of one model.

    Attributes:
        batch: examples in one forward pass: 1 unless the model fixes it.
        rows: Anatomy's figure, then those of the other counters.
    """

    batch: int
    rows: tuple[Row, ...]

    def with_rows(self, rows: list[Row]) -> CrossCheck:
        """The table with more rows beside Anatomy's."""
        return replace(self, rows=(*self.rows, *(replace(row, anatomy=self.rows[0].flops) for row in rows)))

    def to_dict(self) -> dict[str, Any]:
        """The published keys."""
        return {"batch": self.batch, "counters": [row.to_dict() for row in self.rows]}


def cross_check(subject: Subject) -> CrossCheck:
    """Count a model with every counter.

    A counter that is not installed or fails gives a row with a reason instead of a figure.

    Raises:
        ValueError: the model or `input_shape` is wrong, or a length is left open.
        TypeError: the user's function does not return a Keras model.
    """
    return cross_check_all([subject])[0]


def cross_check_all(subjects: Sequence[Subject]) -> list[CrossCheck]:
    """Count several models with one process per counter; a process that fails leaves its reason in every table."""
    found = [_anatomys_count(subject) for subject in subjects]
    for counter in COUNTERS:
        found = [table.with_rows(rows) for table, rows in zip(found, _count(counter, subjects), strict=True)]
    return found


def _anatomys_count(subject: Subject) -> CrossCheck:
    import keras

    from anatomy.bench.counting.counter import count_model

    model, inputs = build(subject, weights=False)
    batch = keras.tree.flatten(inputs)[0].shape[0]
    counts = count_model(model, subject.input_shape)
    flops = batch * counts.flops
    if counts.uncounted:
        # What the others count is more by an unknown amount: no share of it says anything.
        least = f", ≥ {flops:,}" if flops else ""
        return CrossCheck(batch, (Row("Anatomy", reason=f"not known{least}: {counts.left_out()}"),))
    return CrossCheck(batch, (Row("Anatomy", flops=flops, anatomy=flops),))


def _count(counter: Counter, subjects: Sequence[Subject]) -> list[list[Row]]:
    """The rows of each model from a counter's process, or one row with the reason for having none."""
    here = availability(counter.backend)

    def nothing(reason: str) -> list[list[Row]]:
        return [[Row(counter.name, here.version or "", reason=reason)] for _ in subjects]

    if not here.installed:
        return nothing(f"{counter.backend} is not installed; {here.remedy}")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "anatomy.bench.cross_check.counter_process", counter.module],
            input=json.dumps([asdict(subject) for subject in subjects]),
            env={**os.environ, **_QUIET_CPU, "KERAS_BACKEND": counter.backend},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return nothing(f"did not finish within {TIMEOUT_S:g} s")
    if done.returncode != 0:
        return nothing(_last_words(done))
    unnamed = {"counter": counter.name, "version": here.version or ""}
    return [[Row(**(row if row["counter"] else row | unnamed)) for row in rows] for rows in json.loads(done.stdout)]


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    """The exception that ended a process, or its exit status: a killed process says nothing."""
    if done.returncode < 0:
        return f"killed by signal {-done.returncode}"
    _, found, trace = without_styles(done.stderr).rpartition("Traceback (most recent call last):\n")
    # Below the header, the stack is indented and the exception is not.
    lines = list(itertools.dropwhile(lambda line: line.startswith(" "), trace.splitlines())) if found else []
    return shortened(" ".join(" ".join(lines).split()), 600) or f"ended with status {done.returncode}"
