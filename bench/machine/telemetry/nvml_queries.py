"""Each figure of a GPU as one question to NVML, asked by itself, so that one without an answer costs no other.

https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html and …/group__nvmlFieldValueQueries.html.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from anatomy.bench.machine.telemetry.nvml_library import Device

# Of a field of NVLink: the sum over all links (nvml.h: "A link ID of UINT_MAX returns aggregate value").
ALL_LINKS = 0xFFFFFFFF
# Each direction of PCIe keeps its caller waiting while the driver counts for 20 ms.
PCIE_EVERY_S = 1.0
KIBI = 1024
KILO = 1000
PERCENT = 100

Values = dict[str, float]


@dataclass(frozen=True)
class Probe:
    """One question.

    Attributes:
        columns: what it answers, all of them or none.
        read: asks it; raises NVML's errors. It may answer nothing yet: then the dictionary is empty.
        every_s: asked no more often than this.
        close: frees what it holds.
    """

    columns: tuple[str, ...]
    read: Callable[[], Values]
    every_s: float = 0.0
    close: Callable[[], None] = lambda: None


def basic_probes(nvml: ModuleType, device: Device) -> list[Probe]:
    """What every GPU is asked for, the quickest first; memory is a MIG instance's own, the rest is its whole GPU's."""
    gpu = device.gpu

    def one(column: str, read: Callable[[], float]) -> Probe:
        return Probe((column,), lambda: {column: read()})

    return [
        one("energy_j", lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(gpu) / KILO),
        one("utilisation", lambda: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu / PERCENT),
        one("memory_used_bytes", lambda: nvml.nvmlDeviceGetMemoryInfo(device.handle).used),
        one("sm_clock_mhz", lambda: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM)),
        one("memory_clock_mhz", lambda: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_MEM)),
        one("temperature_c", lambda: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)),
        one("clock_event_reasons", lambda: clock_event_reasons(nvml, gpu)),
    ]


def clock_event_reasons(nvml: ModuleType, gpu: object) -> int:
    """The bit mask, by its new name or by the one that drivers before CUDA 12.2 have."""
    try:
        return int(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu))
    except nvml.NVMLError_FunctionNotFound:
        return int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu))


def power_probe(nvml: ModuleType, device: Device) -> tuple[str, Probe]:
    """The power now where the driver has it, else what `nvmlDeviceGetPowerUsage` means on this GPU; and which.

    Raises:
        pynvml.NVMLError: the GPU is lost.
    """
    instant = nvml.NVML_FI_DEV_POWER_INSTANT, nvml.NVML_POWER_SCOPE_GPU
    try:
        field_values(nvml, device.gpu, [instant])
    except (nvml.NVMLError_GpuIsLost, nvml.NVMLError_ResetRequired):
        raise
    except nvml.NVMLError:
        old = Probe(("power_w",), lambda: {"power_w": nvml.nvmlDeviceGetPowerUsage(device.gpu) / KILO})
        return "nvmlDeviceGetPowerUsage", old
    read = Probe(("power_w",), lambda: {"power_w": field_values(nvml, device.gpu, [instant])[0] / KILO})
    return "NVML_FI_DEV_POWER_INSTANT", read


def pcie_probe(nvml: ModuleType, device: Device) -> Probe:
    """Traffic over 20 ms of each direction, now and then; NVML counts in KB/s, taken as 1000 bytes."""

    def read() -> Values:
        tx = nvml.nvmlDeviceGetPcieThroughput(device.gpu, nvml.NVML_PCIE_UTIL_TX_BYTES)
        rx = nvml.nvmlDeviceGetPcieThroughput(device.gpu, nvml.NVML_PCIE_UTIL_RX_BYTES)
        return {"pcie_tx_bytes_per_s": tx * KILO, "pcie_rx_bytes_per_s": rx * KILO}

    return Probe(("pcie_tx_bytes_per_s", "pcie_rx_bytes_per_s"), read, PCIE_EVERY_S)


def nvlink_probe(nvml: ModuleType, device: Device, clock: Callable[[], float] = time.perf_counter) -> Probe:
    """Data over all links since the reading before, from counters of KiB; nothing at the first."""
    fields = [
        (nvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX, ALL_LINKS),
        (nvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX, ALL_LINKS),
    ]
    before: list[tuple[float, list[float]]] = []

    def read() -> Values:
        counts, now_s = field_values(nvml, device.gpu, fields), clock()
        last = before.pop() if before else None
        before.append((now_s, counts))
        # A counter that went back was reset: there is no figure for this interval.
        if last is None or any(new < old for new, old in zip(counts, last[1], strict=True)):
            return {}
        tx, rx = ((new - old) * KIBI / (now_s - last[0]) for new, old in zip(counts, last[1], strict=True))
        return {"nvlink_since_s": last[0], "nvlink_tx_bytes_per_s": tx, "nvlink_rx_bytes_per_s": rx}

    return Probe(("nvlink_tx_bytes_per_s", "nvlink_rx_bytes_per_s"), read)


def field_values(nvml: ModuleType, handle: object, fields: list[tuple[int, int]]) -> list[float]:
    """Values of (field, scope) pairs.

    Raises:
        pynvml.NVMLError: of the whole question, or of the first field without an answer.
    """
    numbers = []
    for value in nvml.nvmlDeviceGetFieldValues(handle, fields):
        if value.nvmlReturn != nvml.NVML_SUCCESS:
            raise nvml.NVMLError(value.nvmlReturn)
        member = {
            nvml.NVML_VALUE_TYPE_DOUBLE: "dVal",
            nvml.NVML_VALUE_TYPE_UNSIGNED_INT: "uiVal",
            nvml.NVML_VALUE_TYPE_UNSIGNED_LONG: "ulVal",
            nvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: "ullVal",
            nvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: "sllVal",
            nvml.NVML_VALUE_TYPE_SIGNED_INT: "siVal",
            nvml.NVML_VALUE_TYPE_UNSIGNED_SHORT: "usVal",
        }[value.valueType]
        numbers.append(float(getattr(value.value, member)))
    return numbers
