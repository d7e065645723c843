"""What the devices did over the measured window of a case: parts of a record.

A figure that was not measured is null, with the reason under its name in `not_measured`. How each figure is read:
docs/telemetry.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from anatomy.bench.records.checked_numbers import ByteCount, Count, Finite, NotNegative
from anatomy.bench.records.frozen import Frozen

Trace = dict[str, list[float | None]]
EnergySource = Literal["counter", "power"]


class GpuUse(Frozen):
    """NVML's figures of one visible GPU over the measured window; GPUs are in CUDA's order.

    Attributes:
        index: NVML's index, in the order of the PCI bus.
        name: NVML's name of the GPU.
        mig: whether it is a MIG instance; then power, energy, clocks and temperature are those of the whole GPU.
        used: whether the case ran on this GPU; null where that is not known.
        utilisation: mean share of time in which a kernel ran, 0…1.
        memory_used_peak_bytes: highest memory in use on the device, by all processes.
        process_memory_peak_bytes: highest memory in use by the worker and the processes that it started.
        power_mean_w, power_max_w: power of the whole board; `power_source` is NVML's name of the reading.
        energy_j: energy by the device's own counter.
        power_energy_j: energy by the sampled power, integrated over the window.
        sm_clock_mean_mhz, sm_clock_min_mhz, memory_clock_mean_mhz: clocks.
        temperature_max_c: highest temperature of the die in degrees Celsius.
        throttled_share: share of samples in which the clock was held down, 0…1.
        throttle_reasons: NVML's name of each reason → share of samples in which it held the clock down.
        utilisation_unthrottled, power_unthrottled_mean_w, sm_clock_unthrottled_mean_mhz: means over the other samples.
        pcie_tx_bytes_per_s, pcie_rx_bytes_per_s: traffic from and to the GPU; `nvlink_…`: the same over all links.
        sm_utilisation: share of SMs that were busy, 0…1 (GPM).
        sm_occupancy: active warps over the possible ones, 0…1 (GPM).
        tensor_utilisation: share of time in which the tensor cores computed, 0…1 (GPM).
        dram_utilisation: used memory bandwidth over the theoretical one, 0…1 (GPM).
        samples: number of samples in the window.
        ended: why the samples end before the window does, and means cover its beginning only; empty otherwise.
        not_measured: figure → why it is null.
        trace: raw samples in columns, from the last before the window to the first after it: `at_s` from the start of
            the window, then NVML's readings, null where NVML was not asked or did not answer.
    """

    index: Count
    name: str
    mig: bool = False
    used: bool | None = None
    utilisation: NotNegative | None = None
    memory_used_peak_bytes: ByteCount | None = None
    process_memory_peak_bytes: ByteCount | None = None
    power_mean_w: NotNegative | None = None
    power_max_w: NotNegative | None = None
    power_source: str | None = None
    energy_j: NotNegative | None = None
    power_energy_j: NotNegative | None = None
    sm_clock_mean_mhz: NotNegative | None = None
    sm_clock_min_mhz: NotNegative | None = None
    memory_clock_mean_mhz: NotNegative | None = None
    temperature_max_c: Finite | None = None
    throttled_share: float | None = Field(default=None, ge=0, le=1)
    throttle_reasons: dict[str, float] = Field(default_factory=dict)
    utilisation_unthrottled: NotNegative | None = None
    power_unthrottled_mean_w: NotNegative | None = None
    sm_clock_unthrottled_mean_mhz: NotNegative | None = None
    pcie_tx_bytes_per_s: NotNegative | None = None
    pcie_rx_bytes_per_s: NotNegative | None = None
    nvlink_tx_bytes_per_s: NotNegative | None = None
    nvlink_rx_bytes_per_s: NotNegative | None = None
    sm_utilisation: NotNegative | None = None
    sm_occupancy: NotNegative | None = None
    tensor_utilisation: NotNegative | None = None
    dram_utilisation: NotNegative | None = None
    samples: Count
    ended: str = ""
    not_measured: dict[str, str] = Field(default_factory=dict)
    trace: Trace = Field(default_factory=dict)


class CpuEnergy(Frozen):
    """RAPL's energy over the measured window of **all** CPU packages of the machine, whatever ran on them.

    Attributes:
        energy_j: joules of all packages together.
        packages_j: name of each package → its joules.
        trace: raw readings in columns: `at_s` from the start of the window, and each package's joules since the first
            reading of the series.
    """

    energy_j: NotNegative
    packages_j: dict[str, NotNegative]
    trace: Trace = Field(default_factory=dict)


def gpu_energy(uses: Sequence[GpuUse] | None) -> tuple[float, EnergySource] | None:
    """Return the joules of the GPUs that a case ran on, and their source; `None` unless one source covers all of them.

    The GPUs' own counters come first. A MIG instance has no energy: its GPU's is shared with other instances.
    """
    used = [use for use in uses or () if use.used]
    if not used or any(use.mig for use in used):
        return None
    counted = [use.energy_j for use in used if use.energy_j is not None]
    if len(counted) == len(used):
        return sum(counted), "counter"
    integrated = [use.power_energy_j for use in used if use.power_energy_j is not None]
    return (sum(integrated), "power") if len(integrated) == len(used) else None
