"""The least memory of a step against the measured peak: `python -m tests.benchmarks.memory_estimate [BACKEND …]`.

Prints a Markdown table: every architecture of the zoo, in training and in inference, at a batch size at which
activations are large beside what is not in the least (compiled programs, work spaces), on two cores and 7 GiB.
Measured, in a fresh process, above its level before the model was built: the peak of its steps
(`step_peak_host_above_base_bytes`), and the peak from building to the last of them (`peak_host_above_base_bytes`). Of
the first, what a model of a few weights takes there as well is the runtime's (threads, arenas, compiled code): a row of
its own for each backend and mode, and taken off in the last ratio.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from anatomy.bench.backends.available import installed_backends, supports
from anatomy.bench.machine import collect_environment
from anatomy.bench.machine.free_memory import free_host_bytes
from anatomy.bench.records.case import KERAS_BACKENDS, Backend, Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RunHeader, RunWriter
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.session import Session, Silent
from anatomy.bench.suites.plan import plan
from anatomy.bench.suites.suite import Axes, Suite

if TYPE_CHECKING:
    from anatomy.bench.memory_estimate.least_memory import LeastMemory, StepMode

ZOO = {
    "mlp": 262_144,
    "lstm": 16_384,
    "alexnet:input_shape=131x131x3,classes=10": 64,
    "vgg:depth=11,input_shape=64x64x3,classes=10": 64,
    "googlenet:input_shape=64x64x3,classes=10": 128,
    "resnet:depth=20": 512,
    "wide_resnet:depth=10,width=2": 512,
    "unet:depth=4,base_filters=8,input_shape=128x128x1": 64,
    "rcnn": 512,
    "text_cnn:vocabulary=2000": 256,
}
# Its step takes what any step takes.
LEAST = "mlp:hidden=2,input_size=2,classes=2"
PARTS = ("parameters", "gradients", "optimizer", "batch", "activations")
MODES: tuple[StepMode, ...] = ("train", "infer")
MEBI = 2**20


class Row(NamedTuple):
    """A case: what its step takes at least, and the record of what it took."""

    least: LeastMemory
    record: Record

    @property
    def least_bytes(self) -> int:
        """At the batch size of the record."""
        return self.least.at(self.record.case.batch_size)

    @property
    def is_least(self) -> bool:
        """Whether it shows the runtime's own share."""
        return self.record.case.batch_size == 1

    @property
    def steps_bytes(self) -> int | None:
        """The peak of its steps above the level before it was built; null where it did not run."""
        return self.record.step_peak_host_above_base_bytes if self.record.outcome in ("ok", "invalid") else None

    @property
    def group(self) -> tuple[str, str]:
        """Backend and mode."""
        return self.record.case.backend, self.record.case.mode


def rows(backends: Sequence[Backend], records: Path) -> Iterator[Row]:
    """Each case as it ends, the least of each backend first."""
    # Shapes are the same on all backends; this one imports quickest.
    os.environ.setdefault("KERAS_BACKEND", "jax" if "jax" in installed_backends() else "tensorflow")
    from anatomy.bench.memory_estimate.least_memory import least_memory

    settings = MeasureSettings(steps=2, warmup_s=0.0, warmup_budget_s=0.5, memory_limit_bytes=free_host_bytes())
    batches = {LEAST: 1, **ZOO}
    leasts = {(model, mode): least_memory(model, mode) for model in batches for mode in MODES}
    here = collect_environment.collect()
    header = RunHeader(
        id="memory",
        started_at="2026-01-31",
        command=sys.argv,
        suite="memory",
        environment=here,
        planned=[],
        settings={},
    )
    with Session(RunWriter.create(records, header), settings, here.fingerprint) as session:
        for (model, mode), least in leasts.items():
            for backend in backends:
                if supports(backend, mode):
                    yield Row(least, session.measure(_case(model, mode, backend, batches[model]), Silent()))


def _case(model: str, mode: StepMode, backend: Backend, batch_size: int) -> Case:
    matrix = {"model": model, "mode": mode, "backend": backend, "batch_size": batch_size}
    (case,) = plan(Suite.model_validate({"name": "memory", "matrix": [matrix]}), Axes())
    return case


def main(backends: Sequence[Backend]) -> None:
    """Print the rows, then the median ratios of each backend and mode."""
    columns = (*PARTS, "at least", "steps", "building", "ratio", "runtime off")
    print(f"| case | {' | '.join(columns)} |")
    print("| --- |" + " ---: |" * len(columns))
    runtime: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(backends, Path(folder) / "run"):
            if row.is_least and row.steps_bytes is not None:
                runtime[row.group] = row.steps_bytes
            ratios = _ratios(row, runtime.get(row.group))
            if ratios is not None and not row.is_least:
                found.setdefault(row.group, []).append(ratios)
            print(_line(row, None if row.is_least else ratios), flush=True)
    print("\nMiB. Peak of the steps over the least, median (range) over the architectures:\n")
    print("| backend | mode | runtime MiB | ratio | runtime off |\n| --- | --- | ---: | ---: | ---: |")
    for group, pairs in found.items():
        spans = " | ".join(_span([pair[number] for pair in pairs]) for number in (0, 1))
        print(f"| {' | '.join(group)} | {runtime[group] / MEBI:,.0f} | {spans} |")


def _ratios(row: Row, runtime_bytes: int | None) -> tuple[float, float] | None:
    """Of the steps to the least: as they are, and without the runtime's share."""
    if row.steps_bytes is None or runtime_bytes is None:
        return None
    return row.steps_bytes / row.least_bytes, (row.steps_bytes - runtime_bytes) / row.least_bytes


def _line(row: Row, ratios: tuple[float, float] | None) -> str:
    least, record = row.least, row.record
    batch = record.case.batch_size
    parts = (
        least.parameter_bytes,
        least.gradient_bytes,
        least.optimizer_bytes,
        batch * least.example_bytes,
        batch * least.activation_bytes,
        row.least_bytes,
    )
    measured = (row.steps_bytes, record.peak_host_above_base_bytes)
    if row.steps_bytes is None:
        cells = [f"{record.outcome}: {record.reason}", "", "", ""]
    else:
        cells = [f"{bytes_ / MEBI:,.0f}" for bytes_ in measured if bytes_ is not None]
        cells += [f"{ratio:.2f}" for ratio in ratios] if ratios else ["", ""]
    return f"| {record.name} | {' | '.join(f'{part / MEBI:,.0f}' for part in parts)} | {' | '.join(cells)} |"


def _span(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} … {max(values):.2f})"


if __name__ == "__main__":
    main([backend for backend in KERAS_BACKENDS if backend in (sys.argv[1:] or installed_backends())])
