"""Charts of throughput over the number of devices, relative to one device."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.ticker import NullFormatter

from anatomy.bench.records.case import SCALINGS, Mode, Scaling
from anatomy.reports.chart import (
    AXIS_HEIGHT,
    COLOURS,
    FONT,
    WIDTH,
    Chart,
    backend_legend,
    marker,
    new_figure,
    style_axes,
)
from anatomy.reports.chart_svg import INK, SOFT
from anatomy.reports.device_scaling import ScaledCase, scaled_cases
from anatomy.reports.model_labels import case_text
from anatomy.reports.run_labels import LabelledRun

HEIGHT = 300


def scaling_charts(runs: Sequence[LabelledRun], modes: Sequence[Mode]) -> tuple[Chart, ...]:
    """Draw a chart for each mode and way of scaling that the runs have."""
    found = {(mode, scaling): _lines(runs, mode, scaling) for mode in modes for scaling in SCALINGS}
    return tuple(_chart(lines, mode, scaling) for (mode, scaling), lines in found.items() if lines)


def _chart(lines: dict[tuple[str, str], list[ScaledCase]], mode: Mode, scaling: Scaling) -> Chart:
    key, title = f"scaling-{mode}-{scaling}", f"Several devices, {mode}, {scaling} scaling"
    caption = (
        "Throughput of all devices over that of one, named at its end; the dotted line is devices that add up, bars "
        "are 95 % intervals. Virtual devices share one CPU and add up as far as one leaves cores idle."
    )
    figure = new_figure(HEIGHT)
    axes = figure.add_axes((44 / WIDTH, AXIS_HEIGHT / HEIGHT, 1 - 60 / WIDTH, 1 - (AXIS_HEIGHT + 10) / HEIGHT))
    style_axes(axes, x="devices", y="throughput, one device = 1")
    counts = sorted({1, *(one.record.case.devices for line in lines.values() for one in line)})
    axes.plot(counts, counts, linestyle=":", linewidth=1.5, color=SOFT)
    for (name, backend), line in lines.items():
        x = [1, *(one.record.case.devices for one in line)]
        y = [1.0, *(one.speedup or 0.0 for one in line)]
        below, above = zip((0.0, 0.0), *map(_error, line), strict=True)
        look = marker(backend, 6) | {"linestyle": "-"}
        axes.errorbar(x, y, (below, above), color=COLOURS[backend], linewidth=1.5, capsize=3, **look)
        axes.annotate(
            name, (x[-1], y[-1]), (-6, 6), textcoords="offset points", ha="right", fontsize=FONT - 1, color=INK,
            parse_math=False,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(0.95, counts[-1] * 1.05)
    axes.set_ylim(bottom=0)
    return Chart(
        key, title, caption, figure, entries=backend_legend([one.record for line in lines.values() for one in line])
    )


def _lines(runs: Sequence[LabelledRun], mode: Mode, scaling: Scaling) -> dict[tuple[str, str], list[ScaledCase]]:
    """Return the points of each line, by its name and backend."""
    found: dict[tuple[str, str], list[ScaledCase]] = {}
    for item in runs:
        for group in scaled_cases(item.run.records):
            for one in group:
                case = one.record.case
                if one.baseline is None or one.speedup is None or (case.mode, one.scaling) != (mode, scaling):
                    continue
                name = f"{case_text(case)} b{one.baseline.case.batch_size} {case.dtype}"
                if case.model_parallel > 1:
                    name += f" model over {case.model_parallel}"
                label = name if len(runs) == 1 else f"{name} ({item.label})"
                found.setdefault((label, case.backend), []).append(one)
    return found


def _error(one: ScaledCase) -> tuple[float, float]:
    """Return how far the interval reaches below and above the speedup."""
    interval, speedup = one.efficiency_interval, one.speedup or 0.0
    if interval is None:
        return 0.0, 0.0
    low, high = (bound * one.record.case.devices for bound in interval)
    # Rounding may put an end of the interval on the wrong side.
    return max(0.0, speedup - low), max(0.0, high - speedup)
