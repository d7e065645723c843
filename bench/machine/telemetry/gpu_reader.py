"""Read one GPU repeatedly; a figure that cannot be read gets a reason and does not affect the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType

from anatomy.bench.machine.telemetry.gpm import METRICS, SHARES, Gpm
from anatomy.bench.machine.telemetry.gpu_processes import COLUMN as PROCESS_MEMORY
from anatomy.bench.machine.telemetry.gpu_processes import process_memory_query
from anatomy.bench.machine.telemetry.nvml_library import Device
from anatomy.bench.machine.telemetry.nvml_queries import Query, basic_queries, nvlink_query, pcie_query, power_query
from anatomy.bench.machine.telemetry.sample_series import DeviceSeries, Reading, UnmeasurableError

# Errors that will not go away while a case runs; after any other error the query is repeated.
_FINAL = (
    "NVML_ERROR_NOT_SUPPORTED",
    "NVML_ERROR_NO_PERMISSION",
    "NVML_ERROR_FUNCTION_NOT_FOUND",
    "NVML_ERROR_INVALID_ARGUMENT",
    "NVML_ERROR_ARGUMENT_VERSION_MISMATCH",
    "NVML_ERROR_DEPRECATED",
)
_LOST = ("NVML_ERROR_GPU_IS_LOST", "NVML_ERROR_RESET_REQUIRED", "NVML_ERROR_UNINITIALIZED")
# A query that is due within this time is made now rather than at the next reading.
_SLACK_S = 0.05


class DeviceReader:
    """Reads one device; `series` grows with each `read`. Close it while NVML is open.

    Args:
        pid: the process whose memory on the GPU is read, together with that of its descendants; `None` for none.
    """

    def __init__(
        self,
        nvml: ModuleType,
        device: Device,
        pid: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._nvml, self._device, self._clock = nvml, device, clock
        self.series = DeviceSeries(device.index, device.name, mig=device.instance is not None)
        self._gpm: Gpm | None = None
        self._due_s: dict[Query, float] = {}
        self._final = {getattr(nvml, name) for name in _FINAL}
        self._lost = {getattr(nvml, name) for name in _LOST}
        self._queries: list[Query] = []
        try:
            self._queries = self._open_queries(pid)
        except nvml.NVMLError as error:
            self.series.ended = f"NVML: {error}"

    def read(self) -> None:
        """Make all queries that are due and append their values as one reading; do nothing once the device is lost."""
        if self.series.ended:
            return
        at_s = self._clock()
        values: dict[str, float] = {}
        for query in list(self._queries):
            if at_s >= self._due_s.get(query, at_s):
                self._due_s[query] = at_s + query.interval_s - _SLACK_S
                values |= self._ask(query)
            if self.series.ended:
                break
        if values:
            self.series.readings.append(Reading(at_s, values))

    def close(self) -> None:
        """Free the sample buffers; errors of a lost device end its series and are not raised."""
        if self._gpm is not None:
            self.series.reasons |= self._gpm.reasons
        for query in self._queries:
            self._free(query)
        self._queries = []

    def _open_queries(self, pid: int | None) -> list[Query]:
        nvml, device = self._nvml, self._device
        self.series.power_source, power = power_query(nvml, device)
        queries = [power, *basic_queries(nvml, device)]
        gpm = self._open_gpm()
        queries += [gpm] if gpm else [nvlink_query(nvml, device, self._clock), pcie_query(nvml, device)]
        if pid is None:
            self.series.reasons[PROCESS_MEMORY] = "no process was named"
            return queries
        return [*queries, process_memory_query(nvml, device, pid)]

    def _open_gpm(self) -> Query | None:
        try:
            self._gpm = Gpm(self._nvml, self._device, self._clock)
        except self._nvml.NVMLError as error:
            if error.value in self._lost:
                raise
            why = f"GPM needs a GPU of Hopper's generation or later and its driver (NVML: {error})"
            self.series.reasons |= dict.fromkeys(SHARES, why)
            return None
        return self._gpm.query()

    def _ask(self, query: Query) -> dict[str, float]:
        try:
            return query.read()
        except UnmeasurableError as why:
            self.series.reasons |= dict.fromkeys(query.columns, str(why))
        except self._nvml.NVMLError as error:
            self.series.reasons |= dict.fromkeys(query.columns, self._explain(error))
            if error.value in self._lost:
                self.series.ended = f"NVML: {error}"
            elif error.value in self._final:
                self._give_up(query)
        return {}

    def _give_up(self, query: Query) -> None:
        """Drop the query; if it was GPM, fall back to the older queries for NVLink and PCIe traffic."""
        self._queries.remove(query)
        self._free(query)
        if set(query.columns) == set(METRICS):
            others = [nvlink_query(self._nvml, self._device, self._clock), pcie_query(self._nvml, self._device)]
            self._queries += others

    def _free(self, query: Query) -> None:
        try:
            query.close()
        except self._nvml.NVMLError as error:
            self.series.ended = self.series.ended or f"NVML: {error}"

    def _explain(self, error: Exception) -> str:
        nvml = self._nvml
        if isinstance(error, nvml.NVMLError_NoPermission):
            return f"NVML: {error}; ask the administrator, or run as root"
        if self._device.instance is not None and isinstance(error, nvml.NVMLError_NotSupported):
            return f"NVML: {error} while MIG is on"
        return f"NVML: {error}"
