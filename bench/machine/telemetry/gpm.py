"""GPM, the performance monitor of Hopper and later GPUs: how busy SMs, tensor cores and memory were in an interval.

https://docs.nvidia.com/deploy/nvml-api/group__nvmlGpmFunctions.html. The driver refreshes its counters every 100 ms, so
two samples must be further apart than that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from anatomy.bench.machine.telemetry.nvml_library import Device
from anatomy.bench.machine.telemetry.nvml_queries import PERCENT, Query, Values

INTERVAL_S = 0.2
MEBI = 2**20
# Column → NVML's metric. SHARES are in percent, RATES in MiB/s.
SHARES = {
    "sm_utilisation": "NVML_GPM_METRIC_SM_UTIL",
    "sm_occupancy": "NVML_GPM_METRIC_SM_OCCUPANCY",
    "tensor_utilisation": "NVML_GPM_METRIC_ANY_TENSOR_UTIL",
    "dram_utilisation": "NVML_GPM_METRIC_DRAM_BW_UTIL",
}
RATES = {
    "pcie_tx_bytes_per_s": "NVML_GPM_METRIC_PCIE_TX_PER_SEC",
    "pcie_rx_bytes_per_s": "NVML_GPM_METRIC_PCIE_RX_PER_SEC",
    "nvlink_tx_bytes_per_s": "NVML_GPM_METRIC_NVLINK_TOTAL_TX_PER_SEC",
    "nvlink_rx_bytes_per_s": "NVML_GPM_METRIC_NVLINK_TOTAL_RX_PER_SEC",
}
UNITS = {**dict.fromkeys(SHARES, 1 / PERCENT), **dict.fromkeys(RATES, float(MEBI))}
METRICS = SHARES | RATES


class Gpm:
    """Reads GPM on one device with two sample buffers, filled in turn.

    Raises:
        pynvml.NVMLError: the device has no GPM, or the driver does not say whether it has.
    """

    def __init__(self, nvml: ModuleType, device: Device, clock: Callable[[], float] = time.perf_counter) -> None:
        self._nvml, self._device, self._clock = nvml, device, clock
        if not nvml.nvmlGpmQueryDeviceSupport(device.gpu).isSupportedDevice:
            raise nvml.NVMLError(nvml.NVML_ERROR_NOT_SUPPORTED)
        self._free: list[Any] = [nvml.nvmlGpmSampleAlloc()]
        self._free.append(nvml.nvmlGpmSampleAlloc())
        self._last: tuple[float, Any] | None = None
        # Column → why it has no value.
        self.reasons: dict[str, str] = {}

    def query(self) -> Query:
        """The query for all metrics at once; `reasons` says why a metric is missing. Its `close` needs NVML open."""
        return Query(tuple(METRICS), self._read, INTERVAL_S, self._close)

    def _read(self) -> Values:
        sample = self._free[-1]
        device, nvml = self._device, self._nvml
        if device.instance is None:
            nvml.nvmlGpmSampleGet(device.gpu, sample)
        else:
            nvml.nvmlGpmMigSampleGet(device.gpu, device.instance, sample)
        now_s = self._clock()
        self._free.pop()
        last, self._last = self._last, (now_s, sample)
        if last is None:
            return {}
        self._free.append(last[1])
        return self._between(last[1], sample, last[0])

    def _between(self, first: Any, second: Any, since_s: float) -> Values:
        nvml = self._nvml
        asked = nvml.c_nvmlGpmMetricsGet_t()
        asked.version = nvml.NVML_GPM_METRICS_GET_VERSION
        asked.numMetrics = len(METRICS)
        asked.sample1, asked.sample2 = first, second
        for place, metric in enumerate(METRICS.values()):
            asked.metrics[place].metricId = getattr(nvml, metric)
        nvml.nvmlGpmMetricsGet(asked)
        values = {"gpm_since_s": since_s}
        for place, column in enumerate(METRICS):
            metric = asked.metrics[place]
            if metric.nvmlReturn == nvml.NVML_SUCCESS:
                values[column] = metric.value * UNITS[column]
            else:
                self.reasons[column] = f"NVML: {nvml.NVMLError(metric.nvmlReturn)}"
        return values

    def _close(self) -> None:
        held = [*self._free, *([self._last[1]] if self._last else [])]
        self._free, self._last = [], None
        for sample in held:
            self._nvml.nvmlGpmSampleFree(sample)
