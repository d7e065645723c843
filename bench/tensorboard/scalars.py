"""Write a record as scalars: its raw times and samples over time, and its figures.

Wall times are the start of the record plus the time of the step or sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

from anatomy.bench.records.gpu_use import CpuEnergy, GpuUse
from anatomy.bench.records.process_usage import HostUse
from anatomy.bench.records.record import Record
from anatomy.bench.tensorboard.event_files import started_s, summary_event, write_events
from anatomy.bench.tensorboard.summary_figures import summary_of, summary_tag

# Tag → (seconds from the start of the window, value) in order of time.
_Samples = Mapping[str, Sequence[tuple[float, float]]]


class ScalarPoint(NamedTuple):
    """One value of a scalar.

    Attributes:
        step: position on TensorBoard's axis: the number of a step or block, milliseconds from the start of the measured
            window for samples of a device, milliseconds from the start of the worker for samples of the host.
        after_s: seconds after the start of the record.
    """

    tag: str
    step: int
    after_s: float
    value: float


# Column of a GPU's samples → tag. Times and bit masks are left out.
GPU_TAGS = {
    "utilisation": "utilisation",
    "sm_utilisation": "SM utilisation",
    "sm_occupancy": "SM occupancy",
    "tensor_utilisation": "tensor core utilisation",
    "dram_utilisation": "DRAM utilisation",
    "memory_used_bytes": "memory used (bytes)",
    "process_memory_bytes": "memory of the case (bytes)",
    "power_w": "power (W)",
    "energy_j": "energy (J)",
    "temperature_c": "temperature (°C)",
    "sm_clock_mhz": "SM clock (MHz)",
    "memory_clock_mhz": "memory clock (MHz)",
    "pcie_tx_bytes_per_s": "PCIe sent (bytes per s)",
    "pcie_rx_bytes_per_s": "PCIe received (bytes per s)",
    "nvlink_tx_bytes_per_s": "NVLink sent (bytes per s)",
    "nvlink_rx_bytes_per_s": "NVLink received (bytes per s)",
}


def write_scalars(folder: Path, record: Record, figures: Mapping[str, float]) -> None:
    """Write a case's scalars into its folder.

    Args:
        figures: further figures, name → value.
    """
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb

    start_s = started_s(record)
    points = [*run_scalars(record), *_figures({**summary_of(record), **figures})]
    events = [summary_event(scalar_pb(tag, value), start_s + after_s, step) for tag, step, after_s, value in points]
    write_events(folder, "scalars", events)


def run_scalars(record: Record) -> Iterator[ScalarPoint]:
    """The scalars over time: one per step, block and sample that the record has."""
    batch = record.case.batch_size
    ends_s = accumulate(record.step_s)
    for number, (seconds, end_s) in enumerate(zip(record.step_s, ends_s, strict=True)):
        yield ScalarPoint("steps/step time (s)", number, end_s, seconds)
        yield ScalarPoint("steps/throughput (examples per s)", number, end_s, batch / seconds)
    ends_s = accumulate(block.seconds for block in record.blocks)
    for number, (block, end_s) in enumerate(zip(record.blocks, ends_s, strict=True)):
        yield ScalarPoint("blocks/throughput (examples per s)", number, end_s, batch * block.steps / block.seconds)
    if record.host_use:
        yield from _sampled(_host_samples(record.host_use))
    for use in record.gpu or ():
        yield from _sampled(_gpu_samples(use))
    if record.cpu_energy:
        yield from _sampled(_cpu_samples(record.cpu_energy))


def _figures(figures: Mapping[str, float]) -> Iterator[ScalarPoint]:
    return (ScalarPoint(summary_tag(name), 0, 0.0, value) for name, value in figures.items())


def _sampled(samples: _Samples) -> Iterator[ScalarPoint]:
    """The samples as points; those before the window are left out, since the axis has no place for them."""
    for tag, pairs in samples.items():
        yield from (ScalarPoint(tag, round(1000 * at_s), at_s, value) for at_s, value in pairs if at_s >= 0)


def _host_samples(use: HostUse) -> _Samples:
    memory = [(at_s, float(resident)) for at_s, resident in zip(use.at_s, use.resident_bytes, strict=True)]
    return {"host/memory (bytes)": memory, "host/CPU cores in use": use.cores()}


def _gpu_samples(use: GpuUse) -> _Samples:
    kept = {tag: use.trace[column] for column, tag in GPU_TAGS.items() if column in use.trace}
    return {f"GPU {use.index}/{tag}": _known(use.trace["at_s"], column) for tag, column in kept.items()}


def _cpu_samples(use: CpuEnergy) -> _Samples:
    """Mean power of each CPU package between successive readings of its energy."""
    found: dict[str, list[tuple[float, float]]] = {}
    for name in use.packages_j:
        readings = _known(use.trace.get("at_s", []), use.trace.get(name, []))
        found[f"CPU {name}/power (W)"] = [
            (end_s, (after_j - before_j) / (end_s - start_s))
            for (start_s, before_j), (end_s, after_j) in pairwise(readings)
        ]
    return found


def _known(at_s: Sequence[float | None], values: Sequence[float | None]) -> list[tuple[float, float]]:
    pairs = zip(at_s, values, strict=True)
    return [(when, value) for when, value in pairs if when is not None and value is not None]
