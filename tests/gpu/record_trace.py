"""Record some training steps with the framework's own profiler, and say what that profiler sums up.

    python -m tests.gpu.record_trace BACKEND MODEL BATCH FILE

The file is Kineto's JSON, packed, for torch, and an XSpace for JAX. The last line that is printed is JSON: `kernels`
and `kernel_ns`, by the profiler's own reader; 0 where no GPU took part.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

STEPS, WARM_STEPS = 3, 3
# What a device does beside kernels.
_NO_KERNEL = ("Memcpy", "Memset")


def main() -> None:
    """The program."""
    backend, model, batch, file = sys.argv[1:]
    os.environ["KERAS_BACKEND"] = backend
    record = {"torch": _record_torch, "jax": _record_jax}[backend]
    durations_ns = list(record(_marked_step(backend, model, int(batch)), Path(file)))
    print(json.dumps({"kernels": len(durations_ns), "kernel_ns": sum(durations_ns)}))


def _marked_step(backend: str, model: str, batch: int) -> Any:
    """A warm training step whose layers leave marks in a trace, as `anatomy profile` makes it."""
    from anatomy.bench.backends.step import load
    from anatomy.bench.counting import count_model
    from anatomy.bench.profiling.annotate_layers import annotate_layers
    from anatomy.bench.profiling.layer_index import build_layer_index
    from anatomy.bench.profiling.tracer import open_tracer
    from anatomy.bench.suites.plan import plan
    from anatomy.bench.suites.suite import Axes, Suite
    from anatomy.bench.workload.build_case import build
    from anatomy.bench.workload.synthetic_batch import SEED

    axes = {"model": model, "mode": "train", "backend": backend, "batch_size": batch, "dtype": "mixed_bfloat16"}
    # Eager operations of torch have layers' marks around them; JAX's compiled ones keep them.
    axes["jit"] = "off" if backend == "torch" else "on"
    (case,) = plan(Suite.model_validate({"name": "trace", "matrix": [axes]}), Axes())
    framework = load(case.keras_backend)
    framework.initialise(SEED)
    built = build(case)
    layers = build_layer_index(built.model, count_model(built.model, built.input_shapes()), case)
    annotate_layers(built.model, layers, open_tracer(case.keras_backend).scope)
    step = framework.prepare(built.model, built.batch, "train")
    for _ in range(WARM_STEPS):
        step.drain([step.launch()])
    return step


def _record_torch(step: Any, file: Path) -> Iterable[int]:
    import torch
    from torch.profiler import ProfilerActivity, profile

    on_gpu = [ProfilerActivity.CUDA] if torch.cuda.is_available() else []
    with profile(activities=[ProfilerActivity.CPU, *on_gpu], acc_events=True) as profiler:
        for _ in range(STEPS):
            step.drain([step.launch()])
            profiler.step()
    profiler.export_chrome_trace(str(file))
    for event in profiler.events() or ():
        on_device = event.device_type == torch.autograd.DeviceType.CUDA
        if on_device and not event.is_user_annotation and not event.name.startswith(_NO_KERNEL):
            yield round(event.time_range.elapsed_us() * 1e3)


def _record_jax(step: Any, file: Path) -> Iterable[int]:
    import jax

    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, profiler_options=options):
            for number in range(STEPS):
                with jax.profiler.StepTraceAnnotation("step", step_num=number):
                    step.drain([step.launch()])
        (written,) = Path(folder).rglob("*.xplane.pb")
        shutil.copy(written, file)
    for plane in jax.profiler.ProfileData.from_file(str(file)).planes:
        for line in plane.lines:
            if plane.name.startswith("/device:GPU") and line.name.startswith("Stream"):
                yield from (round(one.duration_ns) for one in line.events if not one.name.startswith(_NO_KERNEL))


if __name__ == "__main__":
    main()
