"""Read one GPU again and again: every figure on its own, with a reason for each that has none."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType

from anatomy.bench.machine.telemetry.gpm import METRICS, SHARES, Gpm
from anatomy.bench.machine.telemetry.gpu_processes import COLUMN as PROCESS_MEMORY
from anatomy.bench.machine.telemetry.gpu_processes import Unattributed, process_probe
from anatomy.bench.machine.telemetry.nvml_library import Device
from anatomy.bench.machine.telemetry.nvml_queries import Probe, basic_probes, nvlink_probe, pcie_probe, power_probe
from anatomy.bench.machine.telemetry.sample_series import DeviceSeries, Reading

# Answers that will not change while a case runs; after any other error the question is asked again.
_FINAL = (
    "NVML_ERROR_NOT_SUPPORTED",
    "NVML_ERROR_NO_PERMISSION",
    "NVML_ERROR_FUNCTION_NOT_FOUND",
    "NVML_ERROR_INVALID_ARGUMENT",
    "NVML_ERROR_ARGUMENT_VERSION_MISMATCH",
    "NVML_ERROR_DEPRECATED",
)
_LOST = ("NVML_ERROR_GPU_IS_LOST", "NVML_ERROR_RESET_REQUIRED", "NVML_ERROR_UNINITIALIZED")
# A reading that comes a little early is not put off to the next one.
_SLACK_S = 0.05


class DeviceReader:
    """The series of one device, which grows with each `read`. Close it while NVML is open.

    Args:
        pid: the process whose memory is asked for, with that of those it starts; null for none.
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
        self._due_s: dict[Probe, float] = {}
        self._final = {getattr(nvml, name) for name in _FINAL}
        self._lost = {getattr(nvml, name) for name in _LOST}
        self._probes: list[Probe] = []
        try:
            self._probes = self._choose(pid)
        except nvml.NVMLError as error:
            self.series.ended = f"NVML: {error}"

    def read(self) -> None:
        """One reading of all that is due; nothing once the device is lost."""
        if self.series.ended:
            return
        at_s = self._clock()
        values: dict[str, float] = {}
        for probe in list(self._probes):
            if at_s >= self._due_s.get(probe, at_s):
                self._due_s[probe] = at_s + probe.every_s - _SLACK_S
                values |= self._ask(probe)
            if self.series.ended:
                break
        if values:
            self.series.readings.append(Reading(at_s, values))

    def close(self) -> None:
        """Free what the probes hold; a lost device frees nothing."""
        if self._gpm is not None:
            self.series.reasons |= self._gpm.reasons
        for probe in self._probes:
            self._free(probe)
        self._probes = []

    def _choose(self, pid: int | None) -> list[Probe]:
        nvml, device = self._nvml, self._device
        self.series.power_source, power = power_probe(nvml, device)
        probes = [power, *basic_probes(nvml, device)]
        gpm = self._open_gpm()
        probes += [gpm] if gpm else [nvlink_probe(nvml, device, self._clock), pcie_probe(nvml, device)]
        if pid is None:
            self.series.reasons[PROCESS_MEMORY] = "no process was named"
            return probes
        return [*probes, process_probe(nvml, device, pid)]

    def _open_gpm(self) -> Probe | None:
        try:
            self._gpm = Gpm(self._nvml, self._device, self._clock)
        except self._nvml.NVMLError as error:
            if error.value in self._lost:
                raise
            why = f"GPM needs a GPU of Hopper's generation or later and its driver (NVML: {error})"
            self.series.reasons |= dict.fromkeys(SHARES, why)
            return None
        return self._gpm.probe()

    def _ask(self, probe: Probe) -> dict[str, float]:
        try:
            return probe.read()
        except Unattributed as why:
            self.series.reasons |= dict.fromkeys(probe.columns, str(why))
        except self._nvml.NVMLError as error:
            self.series.reasons |= dict.fromkeys(probe.columns, self._explain(error))
            if error.value in self._lost:
                self.series.ended = f"NVML: {error}"
            elif error.value in self._final:
                self._give_up(probe)
        return {}

    def _give_up(self, probe: Probe) -> None:
        """Ask no more; where the performance monitor was it, the traffic is asked for by the older ways."""
        self._probes.remove(probe)
        self._free(probe)
        if set(probe.columns) == set(METRICS):
            others = [nvlink_probe(self._nvml, self._device, self._clock), pcie_probe(self._nvml, self._device)]
            self._probes += others

    def _free(self, probe: Probe) -> None:
        try:
            probe.close()
        except self._nvml.NVMLError as error:
            self.series.ended = self.series.ended or f"NVML: {error}"

    def _explain(self, error: Exception) -> str:
        nvml = self._nvml
        if isinstance(error, nvml.NVMLError_NoPermission):
            return f"NVML: {error}; ask the administrator, or run as root"
        if self._device.instance is not None and isinstance(error, nvml.NVMLError_NotSupported):
            return f"NVML: {error} while MIG is on"
        return f"NVML: {error}"
