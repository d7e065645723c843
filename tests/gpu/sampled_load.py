"""What telemetry reads of a process while it rests or computes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from anatomy.bench.machine.telemetry.device_sampler import DeviceSampler
from anatomy.bench.machine.telemetry.sample_series import Recording
from anatomy.bench.machine.telemetry.telemetry_window import gpu_use
from anatomy.bench.records.gpu_use import GpuUse
from tests.gpu.load_process import LoadProcess

# NVML's utilisation is a mean over up to a second before it is read.
SETTLE_S = 1.0
REST_S = 1.3


def sample_rest(loads: Sequence[LoadProcess]) -> list[GpuUse]:
    """The first GPU, read once for each of these processes while none of them computes.

    Raises:
        RuntimeError: NVML shows no GPU.
    """
    samplers = _started(loads)
    start_s = time.perf_counter()
    time.sleep(REST_S)
    end_s = time.perf_counter()
    return _uses([sampler.stop() for sampler in samplers], start_s, end_s)


def sample_load(loads: Sequence[LoadProcess], seconds: float) -> list[GpuUse]:
    """The same while all of them compute; the window is where they all did, without its beginning.

    Raises:
        RuntimeError: NVML shows no GPU.
    """
    samplers = _started(loads)
    for load in loads:
        load.tell("compute", seconds)
    answers = [load.answer() for load in loads]
    start_s = max(answer["start_s"] for answer in answers)
    end_s = min(answer["end_s"] for answer in answers)
    settled_s = start_s + min(SETTLE_S, (end_s - start_s) / 3)
    return _uses([sampler.stop() for sampler in samplers], settled_s, end_s)


def _started(loads: Sequence[LoadProcess]) -> list[DeviceSampler]:
    samplers = [DeviceSampler() for _ in loads]
    for sampler, load in zip(samplers, loads, strict=True):
        sampler.start(load.pid)
    return samplers


def _uses(recordings: Sequence[Recording], start_s: float, end_s: float) -> list[GpuUse]:
    for recording in recordings:
        if not recording.gpus:
            raise RuntimeError(f"NVML shows no GPU: {recording.gpu_reason or 'no reading'}")
    return [gpu_use(recording.gpus[0], (start_s, end_s), True) for recording in recordings]
