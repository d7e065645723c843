"""Queries to NVML, one per figure: a figure that a GPU does not support does not affect the others.

https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html and …/group__nvmlFieldValueQueries.html.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from anatomy.bench.machine.telemetry.nvml_library import Device

# Scope of an NVLink field: the sum over all links (nvml.h: "A link ID of UINT_MAX returns aggregate value").
ALL_LINKS = 0xFFFFFFFF
# The driver counts PCIe traffic for 20 ms per direction, and the caller waits for it.
PCIE_INTERVAL_S = 1.0
KIBI = 1024
KILO = 1000
PERCENT = 100

Values = dict[str, float]


@dataclass(frozen=True)
class Query:
    """A query to NVML.

    Attributes:
        columns: the columns that `read` returns, all of them or none.
        read: makes the query and returns column → value, or an empty dictionary while there is no value yet.
        interval_s: shortest time between two calls of `read`, seconds.
        close: frees the query's buffers.
    """

    columns: tuple[str, ...]
    read: Callable[[], Values]
    interval_s: float = 0.0
    close: Callable[[], None] = lambda: None


def basic_queries(nvml: ModuleType, device: Device) -> list[Query]:
    """The queries that every GPU gets, the quickest first. For a MIG instance all but memory are of the whole GPU."""
    gpu = device.gpu

    def one(column: str, read: Callable[[], float]) -> Query:
        return Query((column,), lambda: {column: read()})

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
    """Bit mask of the reasons that hold a GPU's clock; also on drivers before CUDA 12.2, which name it differently."""
    try:
        return int(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu))
    except nvml.NVMLError_FunctionNotFound:
        return int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu))


def power_query(nvml: ModuleType, device: Device) -> tuple[str, Query]:
    """NVML's name for the power reading, and its query: instantaneous power where the driver has it.

    Elsewhere `nvmlDeviceGetPowerUsage` is read, which is a mean over a second on some GPUs.

    Raises:
        pynvml.NVMLError: the GPU is lost.
    """
    instant = nvml.NVML_FI_DEV_POWER_INSTANT, nvml.NVML_POWER_SCOPE_GPU
    try:
        field_values(nvml, device.gpu, [instant])
    except (nvml.NVMLError_GpuIsLost, nvml.NVMLError_ResetRequired):
        raise
    except nvml.NVMLError:
        old = Query(("power_w",), lambda: {"power_w": nvml.nvmlDeviceGetPowerUsage(device.gpu) / KILO})
        return "nvmlDeviceGetPowerUsage", old
    read = Query(("power_w",), lambda: {"power_w": field_values(nvml, device.gpu, [instant])[0] / KILO})
    return "NVML_FI_DEV_POWER_INSTANT", read


def pcie_query(nvml: ModuleType, device: Device) -> Query:
    """PCIe traffic over 20 ms per direction. NVML's unit, KB/s, is taken as 1000 bytes/s."""

    def read() -> Values:
        tx = nvml.nvmlDeviceGetPcieThroughput(device.gpu, nvml.NVML_PCIE_UTIL_TX_BYTES)
        rx = nvml.nvmlDeviceGetPcieThroughput(device.gpu, nvml.NVML_PCIE_UTIL_RX_BYTES)
        return {"pcie_tx_bytes_per_s": tx * KILO, "pcie_rx_bytes_per_s": rx * KILO}

    return Query(("pcie_tx_bytes_per_s", "pcie_rx_bytes_per_s"), read, PCIE_INTERVAL_S)


def nvlink_query(nvml: ModuleType, device: Device, clock: Callable[[], float] = time.perf_counter) -> Query:
    """NVLink traffic over all links since the previous reading, from counters in KiB; no value at the first reading."""
    fields = [
        (nvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX, ALL_LINKS),
        (nvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX, ALL_LINKS),
    ]
    before: list[tuple[float, list[float]]] = []

    def read() -> Values:
        counts, now_s = field_values(nvml, device.gpu, fields), clock()
        last = before.pop() if before else None
        before.append((now_s, counts))
        # A counter that went down was reset: no value for this interval.
        if last is None or any(new < old for new, old in zip(counts, last[1], strict=True)):
            return {}
        tx, rx = ((new - old) * KIBI / (now_s - last[0]) for new, old in zip(counts, last[1], strict=True))
        return {"nvlink_since_s": last[0], "nvlink_tx_bytes_per_s": tx, "nvlink_rx_bytes_per_s": rx}

    return Query(("nvlink_tx_bytes_per_s", "nvlink_rx_bytes_per_s"), read)


def field_values(nvml: ModuleType, handle: object, fields: list[tuple[int, int]]) -> list[float]:
    """Values of NVML's (field, scope) pairs.

    Raises:
        pynvml.NVMLError: the call failed, or a field has no value; the error of the first such field.
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
