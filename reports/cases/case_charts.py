"""Charts of one case: its steps in order, their distribution beside the pipelined blocks, its GPUs over time."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from anatomy.bench.records.gpu_use import GpuUse
from anatomy.bench.records.record import Record
from anatomy.bench.statistics.change_points import spans
from anatomy.reports.chart import (
    AXIS_HEIGHT,
    COLOURS,
    FONT,
    WIDTH,
    Chart,
    new_figure,
    style_axes,
)
from anatomy.reports.chart_svg import INK, SOFT
from anatomy.reports.table import MEBI

HEIGHT = 240
# NVML's readings in a trace that are drawn over time: column → key, title, unit, scale and caption.
_GPU_SERIES = {
    "utilisation": ("busy", "busy", "%", 100.0, "Share of the time in which a kernel ran, as NVML read it."),
    "memory_used_bytes": (
        "memory", "memory", "MiB", 1 / MEBI, "Memory in use on the whole device, by all processes, as NVML read it.",
    ),
}  # fmt: skip
# More steps than the drawing has columns are drawn as the least and the greatest of each column.
MOST_POINTS = 400
BINS = 40


def case_charts(record: Record) -> tuple[Chart, ...]:
    """The charts of a record that was measured, those that have something to draw."""
    found = (series_chart(record), distribution_chart(record), host_chart(record), *_gpu_charts(record))
    return tuple(chart for chart in found if chart is not None)


def series_chart(record: Record) -> Chart | None:
    """Draw the synchronised steps in order, with the level of each part between change points."""
    if len(record.step_s) < 2:
        return None
    steps_ms = [1e3 * step for step in record.step_s]
    figure, axes = _axes("number of the step, after the warm-up", "ms")
    positions, drawn = thinned(steps_ms)
    axes.plot(positions, drawn, color=COLOURS[record.case.backend], linewidth=0.9)
    several = len(record.process_medians_s)
    # Of several processes these are the steps of one, and the series is the worst of any.
    cuts = record.series.change_points if record.series and several < 2 else []
    for cut in cuts:
        axes.axvline(cut - 0.5, color=SOFT, linewidth=1, linestyle="--")
    for first, after in spans(len(steps_ms), cuts):
        level = median(steps_ms[first:after])
        axes.hlines(level, first, after - 1, colors=INK, linewidth=1)
        axes.annotate(
            f"{level:,.3g}", (after - 1, level), (0, 4), textcoords="offset points", ha="right", fontsize=FONT - 1,
            color=INK,
        )  # fmt: skip
    # One step that was interrupted must not flatten the others.
    axes.set_ylim(0, max(1.1 * float(np.quantile(steps_ms, 0.99)), 1.3 * median(steps_ms)))
    beyond = sum(step > axes.get_ylim()[1] for step in steps_ms)
    label = record.series.label if record.series else "not classed"
    warm = f" {record.warmup_steps:,} steps of warm-up went before." if record.warmup_steps else ""
    cut_off = f" {beyond:,} slower steps are cut off; the slowest took {max(steps_ms):,.3g} ms." if beyond else ""
    changes = "; dashed: where the level changed" if cuts else ""
    whose = f" of the median one of {several} processes" if several > 1 else ""
    caption = (
        f"{len(steps_ms):,} synchronised steps{whose} in order, and the median of each part{changes}. The "
        f"{'worst series of any process' if several > 1 else 'series'}: {label}.{warm}{cut_off}"
    )
    return Chart("series", "Every step", caption, figure)


def distribution_chart(record: Record) -> Chart | None:
    """Draw how often each step time occurred, and below it the mean step of each pipelined block."""
    if len(record.step_s) < 2:
        return None
    steps_ms = np.asarray(record.step_s) * 1e3
    blocks_ms = [1e3 * block.seconds / block.steps for block in record.blocks]
    figure, axes = _axes("ms a step", "steps")
    low = min([steps_ms.min(), *blocks_ms])
    high = max([float(np.quantile(steps_ms, 0.99)), *blocks_ms])
    edges = np.linspace(low, high if high > low else low * 1.01 + 1e-9, BINS + 1)
    counts, _ = np.histogram(np.minimum(steps_ms, edges[-1]), edges)
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=COLOURS[record.case.backend], alpha=0.6)
    top = max(counts)
    for share, name in ((0.5, "median"), (0.9, "p90")):
        at = float(np.quantile(steps_ms, share))
        axes.vlines(at, 0, top * (1.05 if share == 0.5 else 0.85), colors=INK, linewidth=1)
        axes.annotate(
            f"{name} {at:,.3g}", (at, top * (1.05 if share == 0.5 else 0.85)), (3, 0), textcoords="offset points",
            fontsize=FONT - 1, color=INK, va="top",
        )  # fmt: skip
    axes.set_ylim(-0.12 * top, 1.15 * top)
    axes.plot(blocks_ms, [-0.06 * top] * len(blocks_ms), "|", color=INK, markersize=8)
    clock = f" The clocks: {record.clock.verdict}." if record.clock else ""
    caption = (
        "Both clocks: bars are synchronised steps, each waited for; strokes below 0 are the mean steps of pipelined "
        f"blocks, launched back to back, from which throughput comes.{clock} Steps beyond the 99th percentile are in "
        "the last bar."
    )
    return Chart("distribution", "How long a step takes", caption, figure)


def host_chart(record: Record) -> Chart | None:
    """Draw the worker's memory and its cores in use over its life, with the beginning of the measured window."""
    use = record.host_use
    if use is None or len(use.at_s) < 2:
        return None
    figure = new_figure(HEIGHT)
    left, wide = 48 / WIDTH, 1 - 58 / WIDTH
    below = figure.add_axes((left, AXIS_HEIGHT / HEIGHT, wide, 0.3))
    above = figure.add_axes((left, 0.52, wide, 0.44), sharex=below)
    style_axes(above, x="", y="MiB")
    style_axes(below, x="s since the worker was asked for", y="cores")
    colour = COLOURS[record.case.backend]
    above.plot(use.at_s, [size / MEBI for size in use.resident_bytes], color=colour, linewidth=1.2)
    cores = use.cores()
    below.plot([at for at, _ in cores], [cores_used for _, cores_used in cores], color=colour, linewidth=1.2)
    phases = record.phases
    before = [phases.start_s, phases.build_s, phases.compile_s, phases.warmup_s]
    begin = sum(seconds or 0.0 for seconds in before)
    for axes in (above, below):
        axes.set_ylim(bottom=0)
        axes.axvline(begin, color=SOFT, linewidth=1, linestyle="--")
    above.tick_params(labelbottom=False)
    caption = (
        "Resident memory of the worker and the cores that it kept busy, sampled over its life; dashed: the measured "
        "window begins. Peaks between two samples are missing here; the peak in the figures has them."
    )
    return Chart("host", "Memory and cores over time", caption, figure)


def _gpu_charts(record: Record) -> list[Chart | None]:
    """One for each GPU that the case ran on, as far as is known."""
    used = [use for use in record.gpu or () if use.used is not False]
    return [gpu_chart(use, reading, number) for number, use in enumerate(used) for reading in _GPU_SERIES]


def gpu_chart(use: GpuUse, reading: str, number: int = 0) -> Chart | None:
    """Draw a reading of a GPU over the window, from the raw samples; `number` tells instances of one GPU apart."""
    key, title, unit, scale, caption = _GPU_SERIES[reading]
    pairs = zip(use.trace.get("at_s", []), use.trace.get(reading, []), strict=False)
    known = [(at, scale * value) for at, value in pairs if at is not None and value is not None]
    if not known:
        return None
    figure, axes = _axes("s from the start of the window", unit)
    axes.plot(*zip(*known, strict=True), color=INK, linewidth=1)
    axes.set_ylim(0, 105 if unit == "%" else 1.05 * max(value for _, value in known) or 1)
    return Chart(f"gpu-{key}-{number}", f"GPU {use.index} over time: {title}, {use.name}", caption, figure)


def thinned(values: Sequence[float]) -> tuple[list[int], list[float]]:
    """Positions and values to draw: all of a short series, of a longer one the least and greatest of each column."""
    if len(values) <= MOST_POINTS:
        return list(range(len(values))), list(values)
    kept: list[int] = []
    for column in np.array_split(np.arange(len(values)), MOST_POINTS // 2):
        part = [values[n] for n in column]
        kept += sorted({int(column[int(np.argmin(part))]), int(column[int(np.argmax(part))])})
    return kept, [values[n] for n in kept]


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    figure = new_figure(HEIGHT)
    axes = figure.add_axes((48 / WIDTH, AXIS_HEIGHT / HEIGHT, 1 - 58 / WIDTH, 1 - (AXIS_HEIGHT + 8) / HEIGHT))
    style_axes(axes, x=x, y=y)
    axes.locator_params(axis="x", nbins=6)
    return figure, axes
