"""The figures by which TensorBoard compares cases, as scalars with one point and as metrics of HParams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import Any

from anatomy.bench.records.record import Record

# Name of a figure → how it follows from a record. TensorBoard's table ticks the first five at first.
SUMMARY: Mapping[str, Callable[[Record], float | None]] = {
    "step time (s)": lambda record: record.step_median_s,
    "throughput (examples per s)": lambda record: record.throughput_examples_per_s,
    "peak host memory (bytes)": lambda record: record.peak_host_bytes,
    "peak device memory (bytes)": lambda record: record.peak_device_bytes,
    "compile (s)": lambda record: record.phases.compile_s,
    "step time p90 (s)": lambda record: record.step_p90_s,
    "peak host memory above base (bytes)": lambda record: record.peak_host_above_base_bytes,
    "CPU cores used": lambda record: record.cpu_cores_used,
    "peak host memory of the steps above base (bytes)": lambda record: record.step_peak_host_above_base_bytes,
    "GPU utilisation": lambda record: _of_used(record, "utilisation"),
    "GPU energy per step (J)": lambda record: record.energy_per_step_j,
    "CPU energy per step (J)": lambda record: record.cpu_energy_per_step_j,
}


def summary_of(record: Record) -> dict[str, float]:
    """Name → value of the figures that the record has."""
    found = {name: figure(record) for name, figure in SUMMARY.items()}
    return {name: value for name, value in found.items() if value is not None}


def summary_tag(name: str) -> str:
    """The tag under which TensorBoard shows a figure."""
    return f"summary/{name}"


def _of_used(record: Record, figure: str) -> float | None:
    """Mean of a figure over the GPUs that the case ran on; `None` unless each of them has it."""
    values: list[Any] = [getattr(use, figure) for use in record.gpu or () if use.used]
    return fmean(values) if values and None not in values else None


def ordered_figures(names: Iterable[str]) -> list[str]:
    """Each name once: step time and throughput, then further figures (MFU), then the others of a record."""
    given = dict.fromkeys(names)
    speed, others = list(SUMMARY)[:2], list(SUMMARY)[2:]
    further = [name for name in given if name not in SUMMARY]
    return [name for name in (*speed, *further, *others) if name in given]
