"""Is each visible NVIDIA GPU fit to measure on: throttling and other processes, through NVML."""

from __future__ import annotations

import os
from types import ModuleType

from anatomy.bench.doctor.fitness import Finding
from anatomy.bench.machine.telemetry.nvml_library import Device, nvml, open_nvml, visible_devices
from anatomy.bench.machine.telemetry.nvml_queries import clock_event_reasons
from anatomy.bench.machine.telemetry.throttling import harmful_reasons


def examine_gpus() -> list[Finding]:
    """The findings for each visible GPU; a single unknown one, with the reason, if there is no GPU."""
    library = nvml()
    try:
        with open_nvml():
            visible, devices = visible_devices(library)
            if not devices:
                return [Finding("GPU", "unknown", visible.reason)]
            return [judge(library, device) for device in devices for judge in (_throttling, _processes)]
    except library.NVMLError as error:
        return [Finding("GPU", "unknown", f"NVML: {error}")]


def _throttling(library: ModuleType, device: Device) -> Finding:
    name = f"GPU {device.index} throttling"
    try:
        held = harmful_reasons(clock_event_reasons(library, device.gpu))
    except library.NVMLError as error:
        return Finding(name, "unknown", f"NVML: {error}")
    remedy = "lower the load or the clock (nvidia-smi -lgc), improve cooling, or raise the power limit (nvidia-smi -pl)"
    return Finding.judged(name, not held, ", ".join(held) or "none", remedy)


def _processes(library: ModuleType, device: Device) -> Finding:
    name = f"GPU {device.index} other processes"
    try:
        running = library.nvmlDeviceGetComputeRunningProcesses_v3(device.handle)
    except library.NVMLError as error:
        return Finding(name, "unknown", f"NVML: {error}")
    others = [str(process.pid) for process in running if process.pid != os.getpid()]
    remedy = "end them, or measure on another device (CUDA_VISIBLE_DEVICES)"
    return Finding.judged(name, not others, ", ".join(others) or "none", remedy)
