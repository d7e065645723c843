"""The estimate of memory against the measured peak: `python -m tests.benchmarks.memory_estimate [BACKEND …]`.

Prints a Markdown table: every architecture of the zoo, in training and in inference, at a batch size at which what the
estimate speaks of is large beside what it leaves out (compiled programs, work spaces), on two cores and 7 GiB.
Measured, in a fresh process, above its level before the model was built: the peak of its steps
(`step_peak_host_above_base_bytes`), of which the estimate speaks, and the peak from building to the last of them
(`peak_host_above_base_bytes`).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from anatomy.bench import environment
from anatomy.bench.backends.available import installed_backends, supports
from anatomy.bench.case import BACKENDS, Backend, Case
from anatomy.bench.free_memory import free_host_bytes
from anatomy.bench.memory_estimate import MemoryEstimate, StepMode
from anatomy.bench.plan import plan
from anatomy.bench.record import Record
from anatomy.bench.session import Session, Silent
from anatomy.bench.settings import MeasureSettings
from anatomy.bench.store import RunHeader, RunWriter
from anatomy.bench.suite import Axes, Suite

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
MODES: tuple[StepMode, ...] = ("train", "infer")
MEBI = 2**20


def rows(backends: Sequence[Backend], records: Path) -> Iterator[tuple[MemoryEstimate, Record]]:
    """Estimate and record of each case, as it ends."""
    # Shapes are the same on all backends; this one imports quickest.
    os.environ.setdefault("KERAS_BACKEND", "jax" if "jax" in installed_backends() else "tensorflow")
    from anatomy.bench.memory_estimate import step_memory

    settings = MeasureSettings(steps=2, warmup_s=0.0, warmup_budget_s=0.5, memory_limit_bytes=free_host_bytes())
    estimates = {(model, mode): step_memory(model, mode).at(batch) for model, batch in ZOO.items() for mode in MODES}
    here = environment.collect()
    header = RunHeader(
        id="memory", started_at="", command=sys.argv, suite="memory", environment=here, planned=[], settings={}
    )
    with Session(RunWriter.create(records, header), settings, here.fingerprint) as session:
        for (model, mode), estimate in estimates.items():
            for backend in backends:
                if supports(backend, mode):
                    yield estimate, session.measure(_case(model, mode, backend), Silent())


def _case(model: str, mode: StepMode, backend: Backend) -> Case:
    matrix = {"model": model, "mode": mode, "backend": backend, "batch_size": ZOO[model]}
    (case,) = plan(Suite.model_validate({"name": "memory", "matrix": [matrix]}), Axes())
    return case


def main(backends: Sequence[Backend]) -> None:
    """Print the rows, then the median ratio of each backend and mode."""
    ratios: dict[tuple[str, str], list[float]] = {}
    columns = ["parameters", "gradients", "optimizer", "batch", "activations", "estimate", "steps", "ratio", "building"]
    print(f"| case | {' | '.join(columns)} |")
    print("| --- |" + " ---: |" * len(columns))
    with tempfile.TemporaryDirectory() as folder:
        for estimate, record in rows(backends, Path(folder) / "run"):
            parts = (
                estimate.parameter_bytes,
                estimate.gradient_bytes,
                estimate.optimizer_bytes,
                estimate.batch_bytes,
                estimate.activation_bytes,
                estimate.peak_bytes,
            )
            measured, whole = record.step_peak_host_above_base_bytes, record.peak_host_above_base_bytes
            if measured is None or whole is None or record.outcome not in ("ok", "invalid"):
                cells = [f"{record.outcome}: {record.reason}", "", ""]
            else:
                ratio = measured / estimate.peak_bytes
                ratios.setdefault((record.case.backend, record.case.mode), []).append(ratio)
                cells = [f"{measured / MEBI:,.0f}", f"{ratio:.2f}", f"{whole / MEBI:,.0f}"]
            figures = " | ".join(f"{part / MEBI:,.0f}" for part in parts)
            print(f"| {record.name} | {figures} | {' | '.join(cells)} |", flush=True)
    print("\nMiB. Peak of the steps over the estimate, median (range) over the architectures:\n")
    print("| backend | mode | ratio |\n| --- | --- | ---: |")
    for (backend, mode), found in ratios.items():
        print(f"| {backend} | {mode} | {median(found):.2f} ({min(found):.2f} … {max(found):.2f}) |")


if __name__ == "__main__":
    main([backend for backend in BACKENDS if backend in (sys.argv[1:] or installed_backends())])
