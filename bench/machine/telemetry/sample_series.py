"""The raw readings of the device sampler, in order of time, before any arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Columns of a GPU reading, with units; see `nvml_queries`. The two `…_since_s` are the start of the interval that the
# figures of GPM and NVLink cover, on the clock of the steps.
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


class UnmeasurableError(ValueError):
    """A figure cannot be measured here; the message gives the reason and, where there is one, the remedy."""


@dataclass(frozen=True)
class Reading:
    """One reading of one GPU: the columns that had a value.

    Attributes:
        at_s: `time.perf_counter()`, the clock of the steps.
    """

    at_s: float
    values: Mapping[str, float]


@dataclass
class DeviceSeries:
    """The readings of one GPU or MIG instance.

    Attributes:
        reasons: column → why it never had a value, or had none at the last reading.
        power_source: NVML's name for the power reading.
        ended: why the series ended before the sampler was stopped; empty if it did not.
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
    """Energy of the CPU packages at one moment.

    Attributes:
        at_s: `time.perf_counter()`, the clock of the steps.
        package_j: package → joules since the reader was made.
    """

    at_s: float
    package_j: Mapping[str, float]


@dataclass
class Recording:
    """Everything read between `start` and `stop` of the sampler.

    Attributes:
        gpu_reason, cpu_reason: why there are no GPUs, or no CPU energy; empty if there are.
        doubt: why the order of the GPUs, and so which of them the case ran on, is uncertain; empty if it is certain.
    """

    gpus: list[DeviceSeries] = field(default_factory=list)
    cpu: list[CpuReading] = field(default_factory=list)
    gpu_reason: str = ""
    cpu_reason: str = ""
    doubt: str = ""
