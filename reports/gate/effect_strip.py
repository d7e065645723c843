"""The effect strip: the effect of every pair of processes, its interval, and the tolerated change, as SVG."""

from __future__ import annotations

import math
from html import escape

from markupsafe import Markup

from anatomy.bench.regression_gate.gate_result import MetricResult

WIDTH, HEIGHT, MARGIN = 420, 64, 12
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


def effect_strip(metric: MetricResult, label: str) -> Markup:
    """Draw the pairs of the screening above the line and those of the confirmation below it.

    The axis shows the relative change from the base.
    """
    values = [math.expm1(effect) for effect in (*metric.effects, *metric.confirmation)]
    reach = max([abs(value) for value in values] + [metric.minimum or 0, abs(metric.low or 0), abs(metric.high or 0)])
    reach = 1.1 * min(max(reach, 0.01), 10.0)

    # A figure cannot fall by more than 100 %.
    least = -min(reach, 1.0)

    def x(share: float) -> float:
        clipped = max(least, min(reach, share))
        return MARGIN + (clipped - least) / (reach - least) * (WIDTH - 2 * MARGIN)

    left, width = x(least), x(metric.tolerated or 0) - x(least)
    parts = [f'<rect class="tolerated" x="{left:.1f}" y="6" width="{width:.1f}" height="36"/>']
    if metric.minimum is not None:
        parts.append(
            f'<line class="minimum" x1="{x(metric.minimum):.1f}" x2="{x(metric.minimum):.1f}" y1="6" y2="42"/>'
        )
    parts.append(f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="4" y2="46"/>')
    if metric.low is not None and metric.high is not None:
        parts.append(f'<line class="interval" x1="{x(metric.low):.1f}" x2="{x(metric.high):.1f}" y1="24" y2="24"/>')
    for effects, y, kind in ((metric.effects, 16, "screening"), (metric.confirmation, 34, "confirmation")):
        parts += [f'<circle class="{kind}" cx="{x(math.expm1(effect)):.1f}" cy="{y}" r="3"/>' for effect in effects]
    step = next((tick for tick in _TICKS if tick >= reach / 2.5), _TICKS[-1])
    ticks = [number * step for number in range(-3, 4) if least <= number * step <= reach]
    parts += [
        f'<text x="{x(tick):.1f}" y="58" text-anchor="middle">{f"{tick:+.0%}" if tick else 0}</text>' for tick in ticks
    ]
    return Markup(
        f'<svg class="strip" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img"'
        f' aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
