"""A process's memory on the GPU by NVML against torch's own figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anatomy.bench.records.gpu_use import GpuUse
from tests.gpu.acceptance_result import Figure, judge

# CUDA's context with the kernels that are loaded.
LEAST_CONTEXT_BYTES, MOST_CONTEXT_BYTES = 50 * 2**20, 3 * 2**30
# NVML counts whole pages of 2 MiB, and kernels that are loaded meanwhile.
GROWTH_TOLERANCE = 0.03


def judge_context(name: str, use: GpuUse, state: Mapping[str, Any]) -> Figure:
    """What NVML lists beyond what torch has reserved."""
    return judge(
        f"{name}: context beyond torch's reserved memory",
        _beyond(use.process_memory_peak_bytes, state["reserved_bytes"]),
        low=LEAST_CONTEXT_BYTES,
        high=MOST_CONTEXT_BYTES,
        unit="bytes",
        missing=_why(use),
    )


def judge_growth(name: str, before: GpuUse, after: GpuUse, reserved_before: int, reserved_after: int) -> Figure:
    """Growth of the process by NVML over the growth of torch's reserved memory."""
    first, last = before.process_memory_peak_bytes, after.process_memory_peak_bytes
    growth = None if first is None or last is None else (last - first) / (reserved_after - reserved_before)
    return judge(
        f"{name}: growth by NVML over growth by torch",
        growth,
        low=1 - GROWTH_TOLERANCE,
        high=1 + GROWTH_TOLERANCE,
        missing=_why(before) or _why(after),
    )


def _beyond(listed: int | None, reserved: int) -> int | None:
    return None if listed is None else listed - reserved


def _why(use: GpuUse) -> str:
    return use.not_measured.get("process_memory_peak_bytes", "")
