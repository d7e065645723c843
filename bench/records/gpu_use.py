"""What the devices did over the measured window of a case: parts of a record.

"Not measured" is null; why is in `not_measured` under the same name. Ways to each figure and their limits:
docs/telemetry.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from anatomy.bench.records.frozen import Frozen

Trace = dict[str, list[float | None]]
EnergySource = Literal["counter", "power"]


class GpuUse(Frozen):
    """NVML over the measured window, one entry a visible device, in CUDA's order.

    Attributes:
        index: NVML's, which counts in the order of the PCI bus.
        mig: whether it is a MIG instance; then power, energy, clocks and temperature are the whole GPU's.
        used: whether the case ran on it; null where that is not known.
        utilisation: mean share of time in which a kernel ran, 0…1.
        memory_used_peak_bytes: highest memory in use on the device, by all processes.
        process_memory_peak_bytes: the same, by the worker and the processes it started.
        power_mean_w, power_max_w: of the whole board; `power_source` is NVML's name of the reading.
        energy_j: from the device's own counter.
        power_energy_j: from the power, integrated over the window by the sampler.
        sm_clock_mean_mhz, sm_clock_min_mhz, memory_clock_mean_mhz: clocks.
        temperature_max_c: of the die, degrees Celsius.
        throttled_share: share of samples in which something held the clock down, 0…1.
        throttle_reasons: NVML's name of each reason → share of samples in which it did.
        utilisation_unthrottled, power_unthrottled_mean_w, sm_clock_unthrottled_mean_mhz: means over the other samples.
        pcie_tx_bytes_per_s, pcie_rx_bytes_per_s: from and to the GPU. `nvlink_…`: the same, over all links.
        sm_utilisation: share of SMs that were busy, 0…1 (GPM).
        sm_occupancy: warps that were active, of those possible, 0…1 (GPM).
        tensor_utilisation: share of time in which the tensor cores computed, 0…1 (GPM).
        dram_utilisation: memory bandwidth used, of the theoretical, 0…1 (GPM).
        samples: number of samples in the window.
        ended: why the samples end before the window does, so that means are of its beginning; empty when they do not.
        not_measured: figure → why it is null.
        trace: raw samples in columns, from the last before the window to the first after it: `at_s` from the
            window's start, then what NVML said, null where it was not asked or did not answer.
    """

    index: int
    name: str
    mig: bool = False
    used: bool | None = None
    utilisation: float | None = None
    memory_used_peak_bytes: int | None = None
    process_memory_peak_bytes: int | None = None
    power_mean_w: float | None = None
    power_max_w: float | None = None
    power_source: str | None = None
    energy_j: float | None = None
    power_energy_j: float | None = None
    sm_clock_mean_mhz: float | None = None
    sm_clock_min_mhz: float | None = None
    memory_clock_mean_mhz: float | None = None
    temperature_max_c: float | None = None
    throttled_share: float | None = Field(default=None, ge=0, le=1)
    throttle_reasons: dict[str, float] = Field(default_factory=dict)
    utilisation_unthrottled: float | None = None
    power_unthrottled_mean_w: float | None = None
    sm_clock_unthrottled_mean_mhz: float | None = None
    pcie_tx_bytes_per_s: float | None = None
    pcie_rx_bytes_per_s: float | None = None
    nvlink_tx_bytes_per_s: float | None = None
    nvlink_rx_bytes_per_s: float | None = None
    sm_utilisation: float | None = None
    sm_occupancy: float | None = None
    tensor_utilisation: float | None = None
    dram_utilisation: float | None = None
    samples: int
    ended: str = ""
    not_measured: dict[str, str] = Field(default_factory=dict)
    trace: Trace = Field(default_factory=dict)


class CpuEnergy(Frozen):
    """RAPL over the measured window: **all** the machine's CPU packages, whatever ran on them.

    Attributes:
        energy_j: of all packages together.
        packages_j: name of each package → its joules.
        trace: raw readings in columns: `at_s` from the window's start, and each package's joules since the first
            reading of the series.
    """

    energy_j: float = Field(ge=0)
    packages_j: dict[str, float]
    trace: Trace = Field(default_factory=dict)


def gpu_energy(uses: Sequence[GpuUse] | None) -> tuple[float, EnergySource] | None:
    """Joules of the devices that a case ran on, and whence; null unless one way has a figure for each of them.

    The devices' own counters go first. A MIG instance has none: its GPU's energy is shared with other instances.
    """
    used = [use for use in uses or () if use.used]
    if not used or any(use.mig for use in used):
        return None
    counted = [use.energy_j for use in used if use.energy_j is not None]
    if len(counted) == len(used):
        return sum(counted), "counter"
    integrated = [use.power_energy_j for use in used if use.power_energy_j is not None]
    return (sum(integrated), "power") if len(integrated) == len(used) else None
