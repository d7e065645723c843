"""From the readings of a device to its figures over the measured window alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from statistics import fmean
from typing import Any

from anatomy.bench.machine.telemetry.sample_series import COLUMNS, CpuReading, DeviceSeries, Reading
from anatomy.bench.machine.telemetry.throttling import harmful
from anatomy.bench.machine.telemetry.window_arithmetic import (
    FEWEST_READINGS,
    UnmeasurableError,
    counted,
    integrated,
    interval_mean,
    require_enough,
)
from anatomy.bench.records.gpu_use import CpuEnergy, GpuUse, Trace

Window = tuple[float, float]
Reduce = Callable[[Sequence[float]], float]
# Times, readings, start and end of the window → joules.
Energy = Callable[[Sequence[float], Sequence[float], float, float], float]

BITS = "clock_event_reasons"
# Traces are for eyes and for deriving figures again: a microsecond is finer than any reading.
_TRACE_DIGITS = 6
# Figure → column and what is made of its readings in the window.
_READINGS: dict[str, tuple[str, Reduce]] = {
    "utilisation": ("utilisation", fmean),
    "memory_used_peak_bytes": ("memory_used_bytes", max),
    "power_mean_w": ("power_w", fmean),
    "power_max_w": ("power_w", max),
    "sm_clock_mean_mhz": ("sm_clock_mhz", fmean),
    "sm_clock_min_mhz": ("sm_clock_mhz", min),
    "memory_clock_mean_mhz": ("memory_clock_mhz", fmean),
    "temperature_max_c": ("temperature_c", max),
}
# Read less often, so that one reading must do.
_SELDOM: dict[str, tuple[str, Reduce]] = {"process_memory_peak_bytes": ("process_memory_bytes", max)}
_UNTHROTTLED = {
    "utilisation_unthrottled": "utilisation",
    "power_unthrottled_mean_w": "power_w",
    "sm_clock_unthrottled_mean_mhz": "sm_clock_mhz",
}
_ENERGY: dict[str, tuple[str, Energy]] = {"energy_j": ("energy_j", counted), "power_energy_j": ("power_w", integrated)}
# Figures of intervals → when their interval began.
_INTERVALS = {
    **dict.fromkeys(("sm_utilisation", "sm_occupancy", "tensor_utilisation", "dram_utilisation"), ("gpm_since_s",)),
    **dict.fromkeys(("nvlink_tx_bytes_per_s", "nvlink_rx_bytes_per_s"), ("nvlink_since_s", "gpm_since_s")),
    **dict.fromkeys(("pcie_tx_bytes_per_s", "pcie_rx_bytes_per_s"), ("gpm_since_s",)),
}
_WHOLE = frozenset({"memory_used_peak_bytes", "process_memory_peak_bytes"})


def gpu_use(series: DeviceSeries, window: Window, used: bool | None) -> GpuUse:
    """One device over the window [start_s, end_s] on the clock of the steps.

    Args:
        used: whether the case ran on it; null where that is not known.
    """
    start_s, end_s = window
    inside = [reading for reading in series.readings if start_s <= reading.at_s <= end_s]
    figures: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for name, make in _figures(series, inside, window).items():
        try:
            figures[name] = round(make()) if name in _WHOLE else make()
        except UnmeasurableError as why:
            reasons[name] = str(why)
    return GpuUse(
        index=series.index,
        name=series.name,
        mig=series.mig,
        used=used,
        power_source=series.power_source,
        **figures,
        throttle_reasons=_shares(inside),
        samples=len(inside),
        ended=_why_ended(series, end_s),
        not_measured=reasons,
        trace=trace_of(series.readings, window),
    )


def cpu_energy(readings: Sequence[CpuReading], window: Window) -> CpuEnergy:
    """All CPU packages over the window.

    Raises:
        UnmeasurableError: the readings do not give it.
    """
    at_s = [reading.at_s for reading in readings]
    names = list(readings[0].package_j) if readings else []
    columns = {name: [reading.package_j[name] for reading in readings] for name in names}
    # Its counters tick every millisecond: readings, not ticks, are what there may be too few of.
    packages = {name: counted(at_s, column, *window, FEWEST_READINGS) for name, column in columns.items()}
    if not packages:
        raise UnmeasurableError("no reading of the CPU packages")
    places = _around(at_s, window)
    trace: Trace = {"at_s": [round(at_s[place] - window[0], _TRACE_DIGITS) for place in places]}
    trace |= {name: [column[place] for place in places] for name, column in columns.items()}
    return CpuEnergy(energy_j=sum(packages.values()), packages_j=packages, trace=trace)


def trace_of(readings: Sequence[Reading], window: Window) -> Trace:
    """The readings from the last before the window to the first after it, in columns; times from the window's start."""
    chosen = [readings[place] for place in _around([reading.at_s for reading in readings], window)]
    if not chosen:
        return {}
    start_s = window[0]
    trace: Trace = {"at_s": [round(reading.at_s - start_s, _TRACE_DIGITS) for reading in chosen]}
    for column in COLUMNS:
        values = [reading.values.get(column) for reading in chosen]
        if column.endswith("_since_s"):
            values = [None if value is None else round(value - start_s, _TRACE_DIGITS) for value in values]
        if any(value is not None for value in values):
            trace[column] = values
    return trace


def _figures(series: DeviceSeries, inside: list[Reading], window: Window) -> dict[str, Callable[[], float]]:
    """Figure → what computes it, or raises `UnmeasurableError`."""
    made: dict[str, Callable[[], float]] = {}
    for name, (column, reduce) in _READINGS.items():
        made[name] = partial(_reduced, reduce, series, inside, column, window)
    for name, (column, reduce) in _SELDOM.items():
        made[name] = partial(_reduced, reduce, series, inside, column, None)
    for name, (column, energy) in _ENERGY.items():
        made[name] = partial(_energy, series, column, window, energy)
    for name, since in _INTERVALS.items():
        made[name] = partial(_interval, series, inside, name, since, window)
    made["throttled_share"] = partial(_reduced, _throttled, series, inside, BITS, window)
    for name, column in _UNTHROTTLED.items():
        made[name] = partial(_unthrottled_mean, series, inside, column, window)
    return made


def _reduced(
    reduce: Reduce, series: DeviceSeries, inside: Sequence[Reading], column: str, window: Window | None
) -> float:
    return reduce(_values(series, inside, column, window))


def _values(series: DeviceSeries, inside: Sequence[Reading], column: str, window: Window | None = None) -> list[float]:
    """The column's readings; at least `FEWEST_READINGS` where a window is given, else at least one."""
    values = [reading.values[column] for reading in inside if column in reading.values]
    if not values:
        raise UnmeasurableError(_why_none(series, column))
    if window is not None:
        require_enough(len(values), *window)
    return values


def _why_none(series: DeviceSeries, column: str) -> str:
    return series.reasons.get(column) or series.ended or "no reading of it fell into the measured window"


def _why_ended(series: DeviceSeries, end_s: float) -> str:
    if series.readings and series.readings[-1].at_s >= end_s:
        return ""
    return series.ended or "the sampler stopped before the window did"


def _energy(
    series: DeviceSeries,
    column: str,
    window: Window,
    energy: Energy,
) -> float:
    having = [reading for reading in series.readings if column in reading.values]
    if not having:
        raise UnmeasurableError(_why_none(series, column))
    try:
        return energy([r.at_s for r in having], [r.values[column] for r in having], *window)
    except UnmeasurableError as why:
        ended = series.ended or series.reasons.get(column, "")
        raise UnmeasurableError(f"{why} ({ended})" if ended else str(why)) from why


def _interval(
    series: DeviceSeries, inside: Sequence[Reading], column: str, since: Sequence[str], window: Window
) -> float:
    """The mean over the intervals within the window; plain where the readings are of no interval of the sampler's."""
    having = [reading for reading in inside if column in reading.values]
    if not having:
        raise UnmeasurableError(_why_none(series, column))
    values = [reading.values[column] for reading in having]
    starts = [next((r.values[name] for name in since if name in r.values), None) for r in having]
    known = [start for start in starts if start is not None]
    if not known:
        return fmean(values)
    timed = [(v, s, r.at_s) for v, s, r in zip(values, starts, having, strict=True) if s is not None]
    shares, begins, ends = zip(*timed, strict=True)
    return interval_mean(shares, begins, ends, *window)


def _throttled(masks: Sequence[float]) -> float:
    return sum(bool(harmful(int(bits))) for bits in masks) / len(masks)


def _shares(inside: Sequence[Reading]) -> dict[str, float]:
    """Name of each harmful reason → share of the samples in which it held."""
    held = [harmful(int(reading.values[BITS])) for reading in inside if BITS in reading.values]
    names = sorted({name for one in held for name in one})
    return {name: sum(name in one for one in held) / len(held) for name in names}


def _unthrottled_mean(series: DeviceSeries, inside: Sequence[Reading], column: str, window: Window) -> float:
    _values(series, inside, BITS, window)
    free = [reading for reading in inside if BITS in reading.values and not harmful(int(reading.values[BITS]))]
    if not free:
        raise UnmeasurableError("every sample in the window was throttled")
    return fmean(_values(series, free, column, window))


def _around(at_s: Sequence[float], window: Window) -> range:
    """Places of the readings in the window, of the last before it and of the first after it."""
    start_s, end_s = window
    first = sum(time_s < start_s for time_s in at_s)
    last = sum(time_s <= end_s for time_s in at_s)
    return range(max(0, first - 1), min(len(at_s), last + 1))
