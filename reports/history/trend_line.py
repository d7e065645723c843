"""A trend as SVG: a point per run with its interval, the level of each part, a dashed line at each change."""

from __future__ import annotations

from html import escape

from markupsafe import Markup

from anatomy.bench.history.trends import Trend
from anatomy.bench.statistics.change_points import spans
from anatomy.reports.gate.gate_rows import quantity
from anatomy.reports.history.trend_words import LABELS, UNITS

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 860, 220, 84, 34, 12


def trend_line(trend: Trend) -> Markup:
    """Draw the runs at equal distances, oldest left; the axis begins at zero."""
    unit = UNITS[trend.figure]
    intervals = [_interval(trend, number) for number in range(len(trend.points))]
    top = 1.1 * max(high for _, high in intervals)
    step = (WIDTH - LEFT - 20) / max(1, len(trend.values) - 1)

    def x(number: float) -> float:
        return LEFT + number * step

    def y(value: float) -> float:
        return TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(share * top):.1f}" y2="{y(share * top):.1f}"/>'
        f'<text x="{LEFT - 8}" y="{y(share * top) + 3:.1f}" text-anchor="end">{quantity(share * top, unit)}</text>'
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    for change in trend.changes:
        at = x(change.position - 0.5)
        parts.append(f'<line class="change" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    cuts = [change.position for change in trend.changes]
    heights = [change.before for change in trend.changes] + [trend.last_level]
    for (first, after), height in zip(spans(len(trend.values), cuts), heights, strict=True):
        ends = f'x1="{x(first):.1f}" x2="{x(after - 1):.1f}"'
        parts.append(f'<line class="level" {ends} y1="{y(height):.1f}" y2="{y(height):.1f}"/>')
    for number, (point, value) in enumerate(zip(trend.points, trend.values, strict=True)):
        low, high = intervals[number]
        said = escape(f"{point.where}, {point.started_at}: {quantity(value, unit)}")
        parts.append(
            f'<g><title>{said}</title><line class="range" x1="{x(number):.1f}" x2="{x(number):.1f}"'
            f' y1="{y(low):.1f}" y2="{y(high):.1f}"/>'
            f'<circle class="run" cx="{x(number):.1f}" cy="{y(value):.1f}" r="4"/></g>'
        )
    for number, anchor in ((0, "start"), (len(trend.points) - 1, "end")):
        where = escape(trend.points[number].where)
        parts.append(f'<text x="{x(number):.1f}" y="{HEIGHT - 12}" text-anchor="{anchor}">{where}</text>')
    label = escape(f"{LABELS[trend.figure]} of {trend.name} over {len(trend.points)} runs")
    return Markup(
        f'<svg class="trend" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def _interval(trend: Trend, number: int) -> tuple[float, float]:
    """The interval of a point's median step; for other figures, the value twice."""
    point, value = trend.points[number], trend.values[number]
    if trend.figure != "step_s" or point.step_low_s is None or point.step_high_s is None:
        return value, value
    return point.step_low_s, point.step_high_s
