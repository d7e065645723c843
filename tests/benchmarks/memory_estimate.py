"""The estimate of memory against the measured peak: `python -m tests.benchmarks.memory_estimate [BACKEND …]`.

Prints a Markdown table: every architecture of the zoo, in training and in inference, at a batch size at which what the
estimate speaks of is large beside what it leaves out (compiled programs, work spaces), on two cores and 7 GiB.
Measured, in a fresh process, above its level before the model was built: the peak of its steps
(`step_peak_host_above_base_bytes`), of which the estimate speaks, and the peak from building to the last of them
(`peak_host_above_base_bytes`). Of the first, what a model of a few weights takes there as well is the runtime's
(threads, arenas, compiled code): a row of its own for each backend and mode, and taken off in the last ratio.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from anatomy.bench.backends.available import installed_backends, supports
from anatomy.bench.machine import collect_environment
from anatomy.bench.machine.free_memory import free_host_bytes
from anatomy.bench.memory_estimate import MemoryEstimate, StepMode
from anatomy.bench.records.case import KERAS_BACKENDS, Backend, Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RunHeader, RunWriter
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.session import Session, Silent
from anatomy.bench.suites.plan import plan
from anatomy.bench.suites.suite import Axes, Suite

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
    """A case: what its step was estimated to take, and the record of what it took."""

    estimate: MemoryEstimate
    record: Record

    @property
    def estimated_bytes(self) -> int:
        """Layer by layer where Keras has run it so; TensorFlow runs a graph without XLA too."""
        eager = self.record.case.backend in ("torch", "jax") and not self.record.settings.get("jit", True)
        return self.estimate.eager_peak_bytes if eager else self.estimate.peak_bytes

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
    from anatomy.bench.memory_estimate import step_memory

    settings = MeasureSettings(steps=2, warmup_s=0.0, warmup_budget_s=0.5, memory_limit_bytes=free_host_bytes())
    batches = {LEAST: 1, **ZOO}
    estimates = {(model, mode): step_memory(model, mode).at(batches[model]) for model in batches for mode in MODES}
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
        for (model, mode), estimate in estimates.items():
            for backend in backends:
                if supports(backend, mode):
                    yield Row(estimate, session.measure(_case(model, mode, backend, batches[model]), Silent()))


def _case(model: str, mode: StepMode, backend: Backend, batch_size: int) -> Case:
    matrix = {"model": model, "mode": mode, "backend": backend, "batch_size": batch_size}
    (case,) = plan(Suite.model_validate({"name": "memory", "matrix": [matrix]}), Axes())
    return case


def main(backends: Sequence[Backend]) -> None:
    """Print the rows, then the median ratios of each backend and mode."""
    columns = (*PARTS, "estimate", "steps", "building", "ratio", "runtime off")
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
    print("\nMiB. Peak of the steps over the estimate, median (range) over the architectures:\n")
    print("| backend | mode | runtime MiB | ratio | runtime off |\n| --- | --- | ---: | ---: | ---: |")
    for group, pairs in found.items():
        spans = " | ".join(_span([pair[number] for pair in pairs]) for number in (0, 1))
        print(f"| {' | '.join(group)} | {runtime[group] / MEBI:,.0f} | {spans} |")


def _ratios(row: Row, runtime_bytes: int | None) -> tuple[float, float] | None:
    """Of the steps to the estimate: as they are, and without the runtime's share."""
    if row.steps_bytes is None or runtime_bytes is None:
        return None
    return row.steps_bytes / row.estimated_bytes, (row.steps_bytes - runtime_bytes) / row.estimated_bytes


def _line(row: Row, ratios: tuple[float, float] | None) -> str:
    estimate, record = row.estimate, row.record
    parts = (
        estimate.parameter_bytes,
        estimate.gradient_bytes,
        estimate.optimizer_bytes,
        estimate.batch_bytes,
        estimate.activation_bytes,
        row.estimated_bytes,
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
