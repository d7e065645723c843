"""Traces that are explained: their sums are those of the profilers themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anatomy.bench.gpu_trace.read_gpu_trace import read_gpu_trace
from anatomy.bench.gpu_trace.recorded_work import TraceFileError
from anatomy.bench.gpu_trace.trace_summary import DeviceSummary, summarise_trace
from tests.bench.gpu_trace.hand_made import GEMM, event, kernel, launch, write_kineto
from tests.gpu.acceptance_result import Figure, impossible, judge, judge_word
from tests.gpu.part_report import PartReport
from tests.gpu.setting import BACKENDS, Setting

# Times in microseconds of Kineto's JSON are rounded to a thousandth; torch's own events to one.
SUM_TOLERANCE = 0.02
LEAST_ATTRIBUTED = 0.99
LEAST_WITH_LAYER = 0.5
# Small enough to be data of a test.
MOST_TRACE_BYTES = 4 * 2**20
_FILES = {"torch": "torch-train.json.gz", "jax": "jax-train.xplane.pb"}


def run_part(setting: Setting, report: PartReport) -> None:
    """Trace each backend."""
    report.add(*_explain_hand_made(report.work / "hand-made.json"))
    for backend in BACKENDS:
        file = report.folder / _FILES[backend]
        report.add(*_explain(backend, file, _record(backend, setting, file, report.left_s() / 2)))


def _record(backend: str, setting: Setting, file: Path, timeout_s: float) -> dict[str, Any]:
    """What the profiler itself sums up; `failed` has the reason where nothing was recorded."""
    command = [sys.executable, "-m", "tests.gpu.record_trace", backend, setting.traced_model]
    try:
        done = subprocess.run(
            [*command, str(setting.traced_batch), str(file)],
            stdout=subprocess.PIPE,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"recording took longer than {timeout_s:.0f} s"}
    print(done.stdout, flush=True)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return {"failed": f"recording ended with exit code {done.returncode}; the log has its message"}
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def _explain(backend: str, file: Path, own: dict[str, Any]) -> list[Figure]:
    if "failed" in own:
        return [judge_word(f"{backend} trace", "failed", ["recorded"], own["failed"])]
    size = judge(f"{backend} trace's size", file.stat().st_size, low=1, high=MOST_TRACE_BYTES, unit="bytes")
    name = f"{backend} trace explained"
    try:
        devices = summarise_trace(read_gpu_trace(file), file.name).devices
    except TraceFileError as error:
        if own["kernels"]:
            return [size, judge_word(name, "refused", ["read"], str(error))]
        return [size, impossible(name, "read", str(error))]
    # Torch's traces name layers where they are recorded with modules and stacks, which makes them large.
    layers = [judge_layers(backend, devices)] if backend == "jax" else []
    return [size, *judge_sums(backend, devices, own), *layers]


def judge_sums(source: str, devices: Sequence[DeviceSummary], own: Mapping[str, int]) -> list[Figure]:
    """What `anatomy trace` sums up over what the profiler does.

    Args:
        source: whose trace it is.
        devices: with at least one kernel among them.
        own: the profiler's `kernels` and `kernel_ns`.
    """
    kernels = sum(device.whole.kernels for device in devices)
    time_ns = sum(device.whole.kernel_ns for device in devices)
    attributed = sum(device.attributed_kernels for device in devices)
    parts_ns = sum(sum(device.whole.parts_ns.values()) for device in devices)
    span_ns = sum(device.whole.duration_ns for device in devices)
    time = time_ns / own["kernel_ns"] if own["kernel_ns"] else None
    number = kernels / own["kernels"] if own["kernels"] else None
    return [
        judge(f"{source}: kernel time over its profiler's sum", time, low=1 - SUM_TOLERANCE, high=1 + SUM_TOLERANCE),
        judge(f"{source}: kernels over its profiler's number", number, low=1, high=1),
        judge(f"{source}: share of kernels with an operation", attributed / kernels, low=LEAST_ATTRIBUTED, high=1),
        judge(f"{source}: parts of the trace over its time", parts_ns / span_ns, low=1, high=1),
    ]


def judge_layers(source: str, devices: Sequence[DeviceSummary]) -> Figure:
    """How many kernels `anatomy trace` finds a layer for; those of the optimizer and of copies have none."""
    kernels = sum(device.whole.kernels for device in devices)
    with_layer = sum(one.kernels for device in devices for one in device.modules)
    return judge(f"{source}: share of kernels with a layer", with_layer / kernels, low=LEAST_WITH_LAYER, high=1)


def _explain_hand_made(path: Path) -> list[Figure]:
    """A trace whose sums are known: kernels of 2 and 4 µs that an operation launched."""
    launches = [launch(1), launch(6, correlation=2)]
    kernels = [kernel(GEMM, 5, 2), kernel(GEMM, 10, 4, correlation=2)]
    file = write_kineto(path, [event("cpu_op", "aten::mm", 0, 10), *launches, *kernels])
    devices = summarise_trace(read_gpu_trace(file), file.name).devices
    return judge_sums("hand-made", devices, {"kernels": 2, "kernel_ns": 6000})
