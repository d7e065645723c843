"""What a sampler read: plain values in order of time, before any arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Columns of a GPU reading, with units; `nvml_queries` asks for them. The two `…_since_s` say when an interval figure
# starts to count, on the steps' clock.
COLUMNS = (
    "power_w",
    "energy_j",
    "utilisation",
    "memory_used_bytes",
    "sm_clock_mhz",
    "memory_clock_mhz",
    "temperature_c",
    "clock_event_reasons",
    "gpm_since_s",
    "sm_utilisation",
    "sm_occupancy",
    "tensor_utilisation",
    "dram_utilisation",
    "nvlink_since_s",
    "nvlink_tx_bytes_per_s",
    "nvlink_rx_bytes_per_s",
    "pcie_tx_bytes_per_s",
    "pcie_rx_bytes_per_s",
    "process_memory_bytes",
)


@dataclass(frozen=True)
class Reading:
    """One reading of one device: the columns that answered. `at_s` is `time.perf_counter()`, the clock of the steps."""

    at_s: float
    values: Mapping[str, float]


@dataclass
class DeviceSeries:
    """The readings of one device.

    Attributes:
        reasons: column → why it has no value, or had none the last time.
        power_source: NVML's name of the reading of power.
        ended: why the series ended before it was stopped; empty when it did not.
    """

    index: int
    name: str
    mig: bool = False
    readings: list[Reading] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    power_source: str | None = None
    ended: str = ""


@dataclass(frozen=True)
class CpuReading:
    """Joules of each CPU package since the first reading of the series, at `at_s`."""

    at_s: float
    package_j: Mapping[str, float]


@dataclass
class Recording:
    """All that was read from one start to the next stop.

    Attributes:
        gpu_reason, cpu_reason: why there are no devices, or no CPU energy.
        doubt: why it is not certain on which devices the case ran.
    """

    gpus: list[DeviceSeries] = field(default_factory=list)
    cpu: list[CpuReading] = field(default_factory=list)
    gpu_reason: str = ""
    cpu_reason: str = ""
    doubt: str = ""
