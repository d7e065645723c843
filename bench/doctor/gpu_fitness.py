"""Is each visible NVIDIA device fit to measure on: throttling and other processes, through NVML."""

from __future__ import annotations

import os
from types import ModuleType

from anatomy.bench.doctor.fitness import Finding
from anatomy.bench.machine.telemetry.nvml_library import Device, nvml, open_nvml, visible_devices
from anatomy.bench.machine.telemetry.nvml_queries import clock_event_reasons
from anatomy.bench.machine.telemetry.throttling import harmful_reasons


def examine_gpus() -> list[Finding]:
    """Findings for each device; one finding with the reason where there is none."""
    library = nvml()
    try:
        with open_nvml():
            chosen, devices = visible_devices(library)
            if not devices:
                return [Finding("GPU", "unknown", chosen.reason)]
            return [finding for device in devices for finding in _examine(library, device)]
    except library.NVMLError as error:
        return [Finding("GPU", "unknown", f"NVML: {error}")]


def _examine(library: ModuleType, device: Device) -> list[Finding]:
    return [_throttling(library, device), _processes(library, device)]


def _throttling(library: ModuleType, device: Device) -> Finding:
    name = f"GPU {device.index} throttling"
    try:
        held = harmful_reasons(clock_event_reasons(library, device.gpu))
    except library.NVMLError as error:
        return Finding(name, "unknown", f"NVML: {error}")
    remedy = "lower the load or the clock (nvidia-smi -lgc), improve cooling, or raise the power limit (nvidia-smi -pl)"
    return Finding(name, "unfit" if held else "fit", ", ".join(held) or "none", remedy if held else "")


def _processes(library: ModuleType, device: Device) -> Finding:
    name = f"GPU {device.index} other processes"
    try:
        running = library.nvmlDeviceGetComputeRunningProcesses_v3(device.handle)
    except library.NVMLError as error:
        return Finding(name, "unknown", f"NVML: {error}")
    others = [str(process.pid) for process in running if process.pid != os.getpid()]
    remedy = "end them, or measure on another device (CUDA_VISIBLE_DEVICES)"
    return Finding(name, "unfit" if others else "fit", ", ".join(others) or "none", remedy if others else "")
