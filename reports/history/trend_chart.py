"""A trend as a chart: a point per run with its interval, the level of each part, a dashed line at each change."""

from __future__ import annotations

from markupsafe import Markup
from matplotlib.ticker import FuncFormatter

from anatomy.bench.history.trends import Trend
from anatomy.bench.statistics.change_points import spans
from anatomy.reports.chart import AXIS_HEIGHT, WIDTH, Chart, new_figure, style_axes
from anatomy.reports.chart_svg import SOFT
from anatomy.reports.gate.gate_rows import quantity
from anatomy.reports.history.trend_words import LABELS, UNITS

HEIGHT = 210
SPARK_WIDTH, SPARK_HEIGHT = 120, 22
# Legible on a light and on a dark page; a change has a colour that nothing else has.
_RUN, _CHANGE = "#3a8fd9", "#c0452b"


def trend_chart(trend: Trend, key: str) -> Chart:
    """Draw the runs at equal distances, oldest left; the axis begins at zero."""
    unit = UNITS[trend.figure]
    figure = new_figure(HEIGHT)
    axes = figure.add_axes((58 / WIDTH, AXIS_HEIGHT / HEIGHT, 1 - 68 / WIDTH, 1 - (AXIS_HEIGHT + 8) / HEIGHT))
    style_axes(axes, x="run", y=LABELS[trend.figure])
    for number, point in enumerate(trend.points):
        if trend.figure == "step_s" and point.step_low_s is not None and point.step_high_s is not None:
            axes.vlines(number, point.step_low_s, point.step_high_s, colors=SOFT, linewidth=1)
    axes.plot(trend.values, linestyle="none", marker="o", markersize=4, color=_RUN, clip_on=False)
    cuts = [change.position for change in trend.changes]
    heights = [change.before for change in trend.changes] + [trend.last_level]
    for (first, after), height in zip(spans(len(trend.values), cuts), heights, strict=True):
        axes.hlines(height, first - 0.3, after - 0.7, colors=_RUN, linewidth=2, alpha=0.6)
    for cut in cuts:
        axes.axvline(cut - 0.5, color=_CHANGE, linewidth=1, linestyle="--")
    last = len(trend.points) - 1
    # Two dates at most: more would lie on one another on a phone.
    shown = sorted({0, last})
    axes.set_xticks(shown, [trend.points[number].started_at[:10] for number in shown])
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    if len(shown) > 1:
        axes.get_xticklabels()[-1].set_horizontalalignment("right")
    axes.set_xlim(-0.5, last + 0.5)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: quantity(value, unit)))
    return Chart(key, trend.name, f"{LABELS[trend.figure]} over {len(trend.points)} runs", figure)


def sparkline(trend: Trend) -> Markup:
    """Draw the values as a line of text's height, from the least to the greatest."""
    low, high = min(trend.values), max(trend.values)
    step = SPARK_WIDTH / max(1, len(trend.values) - 1)
    reach = (high - low) or 1.0
    places = (
        f"{number * step:.0f},{SPARK_HEIGHT - 2 - (value - low) / reach * (SPARK_HEIGHT - 4):.1f}"
        for number, value in enumerate(trend.values)
    )
    return Markup('<svg class="spark" viewBox="0 0 {} {}" aria-hidden="true"><polyline points="{}"/></svg>').format(
        SPARK_WIDTH, SPARK_HEIGHT, " ".join(places)
    )
