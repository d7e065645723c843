"""Reduce the readings of a device to figures of the measured window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from anatomy.bench.machine.telemetry.sample_series import (
    COLUMNS,
    CpuReading,
    DeviceSeries,
    Reading,
    UnmeasurableError,
)
from anatomy.bench.machine.telemetry.throttling import harmful_reasons
from anatomy.bench.machine.telemetry.window_arithmetic import (
    FEWEST_READINGS,
    counter_gain,
    integrate_power,
    interval_mean,
    require_enough,
)
from anatomy.bench.records.gpu_use import CpuEnergy, GpuUse, Trace

Window = tuple[float, float]
Reduce = Callable[[Sequence[float]], float]
# Times, readings, start and end of the window → joules.
Energy = Callable[[Sequence[float], Sequence[float], float, float], float]

THROTTLE_MASK = "clock_event_reasons"
# Traces are plotted, and figures can be derived from them again: a microsecond is finer than any reading.
_TRACE_DIGITS = 6
# Figure → its column, and how the column's readings in the window are reduced.
_REDUCED: dict[str, tuple[str, Reduce]] = {
    "utilisation": ("utilisation", fmean),
    "memory_used_peak_bytes": ("memory_used_bytes", max),
    "power_mean_w": ("power_w", fmean),
    "power_max_w": ("power_w", max),
    "sm_clock_mean_mhz": ("sm_clock_mhz", fmean),
    "sm_clock_min_mhz": ("sm_clock_mhz", min),
    "memory_clock_mean_mhz": ("memory_clock_mhz", fmean),
    "temperature_max_c": ("temperature_c", max),
    "process_memory_peak_bytes": ("process_memory_bytes", max),
    "throttled_share": (THROTTLE_MASK, lambda masks: fmean(bool(harmful_reasons(int(mask))) for mask in masks)),
}
# Read less often than the others: one reading is enough.
_SELDOM_READ = frozenset({"process_memory_peak_bytes"})
_UNTHROTTLED = {
    "utilisation_unthrottled": "utilisation",
    "power_unthrottled_mean_w": "power_w",
    "sm_clock_unthrottled_mean_mhz": "sm_clock_mhz",
}
_ENERGY: dict[str, tuple[str, Energy]] = {
    "energy_j": ("energy_j", counter_gain),
    "power_energy_j": ("power_w", integrate_power),
}
# Figures that each cover an interval → the columns that may hold the interval's start.
_INTERVALS = {
    **dict.fromkeys(("sm_utilisation", "sm_occupancy", "tensor_utilisation", "dram_utilisation"), ("gpm_since_s",)),
    **dict.fromkeys(("nvlink_tx_bytes_per_s", "nvlink_rx_bytes_per_s"), ("nvlink_since_s", "gpm_since_s")),
    **dict.fromkeys(("pcie_tx_bytes_per_s", "pcie_rx_bytes_per_s"), ("gpm_since_s",)),
}
_INTEGERS = frozenset({"memory_used_peak_bytes", "process_memory_peak_bytes"})


def gpu_use(series: DeviceSeries, window: Window, used: bool | None) -> GpuUse:
    """The figures of one device over the window [start_s, end_s], on the clock of the steps.

    Args:
        used: whether the case ran on it; `None` if that is not known.
    """
    start_s, end_s = window
    inside = [reading for reading in series.readings if start_s <= reading.at_s <= end_s]
    figures: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for name in (*_REDUCED, *_ENERGY, *_INTERVALS, *_UNTHROTTLED):
        try:
            figure = _figure(name, series, inside, window)
        except UnmeasurableError as why:
            reasons[name] = str(why)
        else:
            figures[name] = round(figure) if name in _INTEGERS else figure
    return GpuUse(
        index=series.index,
        name=series.name,
        mig=series.mig,
        used=used,
        power_source=series.power_source,
        **figures,
        throttle_reasons=_throttle_shares(inside),
        samples=len(inside),
        ended=_why_ended(series, end_s),
        not_measured=reasons,
        trace=trace_of(series.readings, window),
    )


def cpu_energy(readings: Sequence[CpuReading], window: Window) -> CpuEnergy:
    """Energy of all CPU packages over the window.

    Raises:
        UnmeasurableError: the window does not lie between readings, or contains too few of them.
    """
    at_s = [reading.at_s for reading in readings]
    names = list(readings[0].package_j) if readings else []
    columns = {name: [reading.package_j[name] for reading in readings] for name in names}
    # Its counters tick every millisecond: what may be too few are readings, not ticks.
    packages = {name: counter_gain(at_s, column, *window, FEWEST_READINGS) for name, column in columns.items()}
    if not packages:
        raise UnmeasurableError("no reading of the CPU packages")
    places = _around(at_s, window)
    trace: Trace = {"at_s": [round(at_s[place] - window[0], _TRACE_DIGITS) for place in places]}
    trace |= {name: [column[place] for place in places] for name, column in columns.items()}
    return CpuEnergy(energy_j=sum(packages.values()), packages_j=packages, trace=trace)


def trace_of(readings: Sequence[Reading], window: Window) -> Trace:
    """The readings as columns, from the last before the window to the first after it; times count from its start."""
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


def _figure(name: str, series: DeviceSeries, inside: Sequence[Reading], window: Window) -> float:
    """One figure over the window.

    Raises:
        UnmeasurableError: the readings do not give it.
    """
    if name in _ENERGY:
        return _energy(series, *_ENERGY[name], window)
    if name in _INTERVALS:
        return _interval_mean(series, inside, name, window)
    if name in _UNTHROTTLED:
        return _unthrottled_mean(series, inside, _UNTHROTTLED[name], window)
    column, reduce = _REDUCED[name]
    return reduce(_values(series, inside, column, None if name in _SELDOM_READ else window))


def _values(series: DeviceSeries, inside: Sequence[Reading], column: str, window: Window | None) -> list[float]:
    """The readings of a column: `FEWEST_READINGS` or more where a window is given, else one or more."""
    values = [reading.values[column] for reading in _with(column, series, inside)]
    if window is not None:
        require_enough(len(values), *window)
    return values


def _with(column: str, series: DeviceSeries, readings: Sequence[Reading]) -> list[Reading]:
    """The readings that have a value in the column, one or more."""
    found = [reading for reading in readings if column in reading.values]
    if not found:
        raise UnmeasurableError(
            series.reasons.get(column) or series.ended or "no reading of it fell into the measured window"
        )
    return found


def _why_ended(series: DeviceSeries, end_s: float) -> str:
    if series.readings and series.readings[-1].at_s >= end_s:
        return ""
    return series.ended or "the sampler stopped before the window did"


def _energy(series: DeviceSeries, column: str, energy: Energy, window: Window) -> float:
    having = _with(column, series, series.readings)
    try:
        return energy([r.at_s for r in having], [r.values[column] for r in having], *window)
    except UnmeasurableError as why:
        ended = series.ended or series.reasons.get(column, "")
        raise UnmeasurableError(f"{why} ({ended})" if ended else str(why)) from why


def _interval_mean(series: DeviceSeries, inside: Sequence[Reading], column: str, window: Window) -> float:
    """Mean weighted by the length of the intervals; a plain mean where the readings state no interval."""
    having = _with(column, series, inside)
    timed = [
        (reading.values[column], start_s, reading.at_s)
        for reading in having
        if (start_s := next((reading.values[n] for n in _INTERVALS[column] if n in reading.values), None)) is not None
    ]
    if not timed:
        return fmean(reading.values[column] for reading in having)
    values, starts_s, ends_s = zip(*timed, strict=True)
    return interval_mean(values, starts_s, ends_s, *window)


def _throttle_shares(inside: Sequence[Reading]) -> dict[str, float]:
    """Name of each harmful reason → share of the samples in which it held."""
    masks = [reading.values[THROTTLE_MASK] for reading in inside if THROTTLE_MASK in reading.values]
    held = [harmful_reasons(int(mask)) for mask in masks]
    names = sorted({name for one in held for name in one})
    return {name: sum(name in one for one in held) / len(held) for name in names}


def _unthrottled_mean(series: DeviceSeries, inside: Sequence[Reading], column: str, window: Window) -> float:
    """Mean over the samples in which nothing held the clock down."""
    _values(series, inside, THROTTLE_MASK, window)
    free = [
        reading
        for reading in inside
        if THROTTLE_MASK in reading.values and not harmful_reasons(int(reading.values[THROTTLE_MASK]))
    ]
    if not free:
        raise UnmeasurableError("every sample in the window was throttled")
    return fmean(_values(series, free, column, window))


def _around(at_s: Sequence[float], window: Window) -> range:
    """Places of the readings in the window, of the last before it and of the first after it."""
    start_s, end_s = window
    first = sum(time_s < start_s for time_s in at_s)
    last = sum(time_s <= end_s for time_s in at_s)
    return range(max(0, first - 1), min(len(at_s), last + 1))
