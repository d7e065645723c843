"""Is each NVIDIA device fit to measure on: throttling and other processes, through NVML."""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import Any

from anatomy.bench.doctor.fitness import Finding

# https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html: idle and set clocks are no trouble.
_HARMLESS = {"GpuIdle", "ApplicationsClocksSetting", "SyncBoost", "DisplayClockSetting"}
_REASONS = {
    0x1: "GpuIdle",
    0x2: "ApplicationsClocksSetting",
    0x4: "SwPowerCap",
    0x8: "HwSlowdown",
    0x10: "SyncBoost",
    0x20: "SwThermalSlowdown",
    0x40: "HwThermalSlowdown",
    0x80: "HwPowerBrakeSlowdown",
    0x100: "DisplayClockSetting",
}


def examine_gpus() -> list[Finding]:
    """Findings for each device; one finding with NVML's reason where there is none."""
    nvml = import_module("pynvml")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return [Finding("GPU", "unknown", f"NVML: {error}")]
    try:
        return [finding for index in range(nvml.nvmlDeviceGetCount()) for finding in _examine(nvml, index)]
    finally:
        nvml.nvmlShutdown()


def _examine(nvml: ModuleType, index: int) -> list[Finding]:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    return [_throttling(nvml, index, handle), _processes(nvml, index, handle)]


def _throttling(nvml: ModuleType, index: int, handle: Any) -> Finding:
    name = f"GPU {index} throttling"
    try:
        bits = nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
    except nvml.NVMLError as error:
        return Finding(name, "unknown", f"NVML: {error}")
    held = [reason for bit, reason in _REASONS.items() if bits & bit and reason not in _HARMLESS]
    remedy = "lower the load or the clock (nvidia-smi -lgc), improve cooling, or raise the power limit (nvidia-smi -pl)"
    return Finding(name, "unfit" if held else "fit", ", ".join(held) or "none", remedy if held else "")


def _processes(nvml: ModuleType, index: int, handle: Any) -> Finding:
    name = f"GPU {index} other processes"
    try:
        running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except nvml.NVMLError as error:
        return Finding(name, "unknown", f"NVML: {error}")
    others = [str(process.pid) for process in running if process.pid != os.getpid()]
    remedy = "end them, or measure on another device (CUDA_VISIBLE_DEVICES)"
    return Finding(name, "unfit" if others else "fit", ", ".join(others) or "none", remedy if others else "")
