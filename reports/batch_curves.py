"""Charts of throughput and memory over the batch size, with the size from which throughput stops growing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from anatomy.bench.records.batch_sizes import group_by_case, summarise_batch_sizes
from anatomy.bench.records.record import Record
from anatomy.bench.statistics.saturation import in_words
from anatomy.reports.answers.backend_race import race_model, race_variant
from anatomy.reports.chart import (
    AXIS_HEIGHT,
    COLOURS,
    FONT,
    WIDTH,
    Chart,
    backend_legend,
    log_scale,
    marker,
    new_figure,
    style_axes,
)
from anatomy.reports.chart_svg import INK, SOFT
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.table import MEBI

# A curve needs three points.
FEWEST_SIZES = 3
# So many models and modes are drawn; the table has them all.
MOST_CHARTS = 12
HEIGHT = 380
_STYLE_NAMES = {"-": "solid", "--": "dashed", ":": "dotted", "-.": "dash and dot"}
_STYLES = tuple(_STYLE_NAMES)


@dataclass(frozen=True)
class Curve:
    """One case at several batch sizes, all measured; its smallest batch first.

    Attributes:
        settings: dtype policy, and the compiler where it was asked for.
    """

    settings: str
    records: tuple[Record, ...]

    @property
    def backend(self) -> str:
        """The backend of all its records."""
        return self.records[0].case.backend

    @property
    def sizes(self) -> list[int]:
        """The batch sizes."""
        return [record.case.batch_size for record in self.records]


def batch_charts(runs: Sequence[LabelledRun]) -> tuple[Chart, ...]:
    """Draw a chart for each model and mode that was measured at three batch sizes or more, the first `MOST_CHARTS`."""
    groups: dict[str, list[Curve]] = {}
    for item in runs:
        for records in group_by_case(item.run.records):
            measured = [record for record in records if record.outcome == "ok" and record.throughput_examples_per_s]
            if len(measured) < FEWEST_SIZES:
                continue
            case = measured[0].case
            ordered = tuple(sorted(measured, key=lambda record: record.case.batch_size))
            title = ", ".join(filter(None, (race_model(case), case.mode, race_variant(case))))
            title += "" if len(runs) == 1 else f" ({item.label})"
            settings = case.dtype if case.jit == "auto" else f"{case.dtype} jit={case.jit}"
            groups.setdefault(title, []).append(Curve(settings, ordered))
    shown, left_out = list(groups.items())[:MOST_CHARTS], len(groups) - MOST_CHARTS
    more = f" The table of batch sizes has {left_out:,} more." if left_out > 0 else ""
    return tuple(
        _chart(f"batches-{number}", title, curves, more if number == MOST_CHARTS - 1 else "")
        for number, (title, curves) in enumerate(shown)
    )


def _chart(key: str, title: str, curves: Sequence[Curve], more: str) -> Chart:
    figure = new_figure(HEIGHT)
    left, wide = 52 / WIDTH, 1 - 62 / WIDTH
    above = figure.add_axes((left, 0.42, wide, 0.55))
    below = figure.add_axes((left, AXIS_HEIGHT / HEIGHT, wide, 0.38 - AXIS_HEIGHT / HEIGHT), sharex=above)
    style_axes(above, x="", y="examples/s")
    style_axes(below, x="batch size, log scale", y="MiB above base")
    settings = list(dict.fromkeys(curve.settings for curve in curves))
    styles = {name: _STYLES[number % len(_STYLES)] for number, name in enumerate(settings)}
    for curve in curves:
        _draw(above, curve, styles, [record.throughput_examples_per_s or 0.0 for record in curve.records])
        _draw_intervals(above, curve)
        _mark_knee(above, curve)
        _draw(below, curve, styles, [_mebibytes(record) for record in curve.records])
    log_scale(
        above, [rate for c in curves for r in c.records if (rate := r.throughput_examples_per_s)], room=0, which="y"
    )
    sizes = sorted({size for curve in curves for size in curve.sizes})
    above.set_xscale("log")
    above.set_xlim(sizes[0] / 1.2, sizes[-1] * 1.2)
    below.set_xticks(sizes, [f"{size:,}" for size in sizes])
    below.xaxis.set_minor_formatter(NullFormatter())
    below.set_ylim(bottom=0)
    above.tick_params(labelbottom=False)
    said = "; ".join(f"{curve.backend} {curve.settings} {growth}" for curve in curves if (growth := knee_words(curve)))
    lines = ", ".join(f"{_STYLE_NAMES[style]}: {name}" for name, style in styles.items())
    caption = (
        f"Throughput with its 95 % interval, and peak host memory, over the batch size ({lines}). The ring is the "
        "smallest batch size of which it is sure that none is more than 5 % faster."
        + (f" Throughput: {said}." if said else "")
        + more
    )
    return Chart(
        key, title, caption, figure, entries=backend_legend([record for curve in curves for record in curve.records])
    )


def _mebibytes(record: Record) -> float:
    """The peak of host memory above the base; not a number where it was not measured, so that it is not drawn."""
    peak = record.peak_host_above_base_bytes
    return math.nan if peak is None else peak / MEBI


def knee_words(curve: Curve) -> str:
    """Where the throughput of a curve stops growing, in words; empty below three doublings."""
    growth = summarise_batch_sizes(curve.records, None).growth
    return in_words(growth) if growth else ""


def _draw(axes: Axes, curve: Curve, styles: Mapping[str, str], values: Sequence[float]) -> None:
    style = styles[curve.settings]
    look = marker(curve.backend, 5) | {"linestyle": style, "linewidth": 1.5, "color": COLOURS[curve.backend]}
    axes.plot(curve.sizes, values, **look)


def _draw_intervals(axes: Axes, curve: Curve) -> None:
    for record in curve.records:
        if known := record.throughput_interval_examples_per_s:
            axes.vlines(record.case.batch_size, *known, colors=COLOURS[curve.backend], linewidth=1)


def _mark_knee(axes: Axes, curve: Curve) -> None:
    growth = summarise_batch_sizes(curve.records, None).growth
    if growth is None or growth.growing or growth.surely is None:
        return
    record = next(record for record in curve.records if record.case.batch_size == growth.surely)
    rate = record.throughput_examples_per_s or 0.0
    axes.plot(growth.surely, rate, marker="o", markersize=13, markerfacecolor="none", markeredgecolor=SOFT)
    axes.annotate(
        f"{growth.surely:,}", (growth.surely, rate), (0, 10), textcoords="offset points", ha="center",
        fontsize=FONT - 1, color=INK,
    )  # fmt: skip
