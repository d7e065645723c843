"""The roofline chart: FLOP/s over arithmetic intensity, below the machine's ceilings.

Williams, Waterman and Patterson 2009, "Roofline: an insightful visual performance model for multicore
architectures": a kernel of intensity I runs at min(peak, bandwidth × I) at best.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from anatomy.bench.records.caveats import IMPOSSIBLE
from anatomy.bench.records.ceiling import Ceiling, ceiling_of, matmul_ceiling
from anatomy.bench.records.record import Record
from anatomy.reports.answers.backend_race import race_model
from anatomy.reports.caveat_signs import caveat_legend, utilisation_caveats
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
from anatomy.reports.chart_svg import INK
from anatomy.reports.flops_utilisation import NOT_MEASURED, Utilisation, device_of
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.tables.utilisation_table import utilisations

HEIGHT = 360
_DASHES = {"float32": "-", "tensorfloat32": "-.", "bfloat16": "--", "float16": ":"}
_TITLE = "Roofline"
_CAPTION = (
    "Achieved FLOP/s of each case over its arithmetic intensity, both on logarithmic axes. Names are model and mode of "
    "the fastest cases beside which there is room; the backend is the mark's. Lines: what the backend can do at best, "
    "as anatomy doctor measured it: memory bandwidth × intensity up to the best matrix product (solid: products in "
    "float32, dashed: bfloat16, dotted: float16). Bytes are modelled, not measured: a case that works in the caches "
    "may lie above the slope, none above the flat part."
)
# Names of points are left out where they would lie on others: width of a letter and height of a line, in units.
_LETTER, _LINE = 6.2, 13
_MOST_NAMED = 10
Drawn = list[tuple[Record, Utilisation]]
# Intensity and FLOP/s of the corners of a roof, from the left.
Roof = list[tuple[float, float]]


def roofline_charts(runs: Sequence[LabelledRun]) -> tuple[Chart, ...]:
    """Draw one chart per run, since each run has its own machine."""
    return tuple(
        _chart(item, "roofline" if len(runs) == 1 else f"roofline-{n}", "" if len(runs) == 1 else f", {item.label}")
        for n, item in enumerate(runs)
    )


def _chart(item: LabelledRun, key: str, which: str) -> Chart:
    found = item.once(utilisations)
    drawn = [(record, use) for record, use in found if use.ceiling_flops_per_s and use.intensity]
    if not drawn:
        reason = next((use.reason or use.no_intensity for _, use in found), "no case has products that were counted")
        return Chart(key, _TITLE + which, _CAPTION, None, empty=f"Without a roofline: {reason or NOT_MEASURED}.")
    figure = new_figure(HEIGHT)
    axes = figure.add_axes((44 / WIDTH, AXIS_HEIGHT / HEIGHT, 1 - 52 / WIDTH, 1 - (AXIS_HEIGHT + 6) / HEIGHT))
    style_axes(axes, x="FLOP/byte, log scale", y="FLOP/s, log scale")
    low, high = _reach(item, drawn)
    roofs = [_draw_roof(axes, *roof, low, high) for roof in _roofs(item, drawn)]
    heights = [use.flops_per_s for _, use in drawn] + [height for roof in roofs for _, height in roof]
    for record, use in drawn:
        axes.plot(use.intensity or 0.0, use.flops_per_s, alpha=0.85, **marker(record.case.backend, 6))
    log_scale(axes, [low, high], room=0)
    log_scale(axes, heights, room=0, which="y")
    _name_fastest(axes, drawn, roofs)
    impossible = any(IMPOSSIBLE in utilisation_caveats(record, use)["mfu"] for record, use in drawn)
    caption = f"{_CAPTION} {caveat_legend((IMPOSSIBLE,))}." if impossible else _CAPTION
    legend = backend_legend([record for record, _ in drawn])
    return Chart(key, _TITLE + which, caption, figure, entries=legend)


def _name_fastest(axes: Axes, drawn: Drawn, roofs: Sequence[Roof]) -> None:
    """Write the model and mode beside the points, the fastest first, where neither text, mark nor line is."""
    places = [axes.transData.transform((use.intensity or 1.0, use.flops_per_s)) for _, use in drawn]
    taken = [_Box(x - 4, x + 4, y - 4, y + 4) for x, y in places]
    lines = [axes.transData.transform(roof) for roof in roofs]
    ordered = sorted(zip(drawn, places, strict=True), key=lambda pair: -pair[0][1].flops_per_s)
    named = 0
    for (record, use), (x, y) in ordered:
        sign = f" {IMPOSSIBLE.sign}" if IMPOSSIBLE in utilisation_caveats(record, use)["mfu"] else ""
        name = f"{race_model(record.case).partition(':')[0]} {record.case.mode}{sign}"
        wide = _LETTER * len(name)
        starts = ((x + 6, y), (x - wide - 6, y), (x - wide / 2, y + _LINE), (x - wide / 2, y - _LINE))
        boxes = (_Box(start, start + wide, middle - _LINE / 2, middle + _LINE / 2) for start, middle in starts)
        box = next((box for box in boxes if _is_free(box, axes, taken, lines)), None)
        if box is None or named == _MOST_NAMED:
            continue
        named += 1
        taken.append(box)
        axes.annotate(
            name, (use.intensity or 1.0, use.flops_per_s), (box.left - x, (box.low + box.high) / 2 - y),
            textcoords="offset points", va="center", fontsize=FONT - 1, color=INK, parse_math=False,
        )  # fmt: skip


class _Box(NamedTuple):
    """A rectangle of the drawing, in units."""

    left: float
    right: float
    low: float
    high: float

    def meets(self, other: _Box) -> bool:
        """Whether the two lie on one another."""
        apart = self.left > other.right or self.right < other.left or self.low > other.high or self.high < other.low
        return not apart

    def crossed_by(self, line: NDArray[np.float64]) -> bool:
        """Whether a line of straight parts runs through it."""
        x = np.linspace(self.left, self.right, 50)
        heights = np.interp(x, line[:, 0], line[:, 1])
        return bool(np.any((heights > self.low) & (heights < self.high)))


def _is_free(box: _Box, axes: Axes, taken: Sequence[_Box], lines: Sequence[NDArray[np.float64]]) -> bool:
    room = axes.get_window_extent()
    inside = room.x0 <= box.left and box.right <= room.x1 and room.y0 <= box.low and box.high <= room.y1
    return inside and not any(map(box.meets, taken)) and not any(map(box.crossed_by, lines))


def _roofs(item: LabelledRun, drawn: Drawn) -> list[tuple[Ceiling, str, int]]:
    """Return each ceiling that a drawn case is compared with, once: ceiling, dtype, number of devices."""
    gpus = item.run.header.environment.gpus
    found: dict[tuple[str, str, str, int], tuple[Ceiling, str, int]] = {}
    for record, use in drawn:
        device = device_of(record, gpus)
        ceiling = ceiling_of(item.run.header.ceilings, record.case.backend, device, gpus)
        if ceiling is not None:
            key = (ceiling.backend, device, use.dtype, record.case.devices)
            found[key] = (ceiling.model_copy(update={"device": device}), use.dtype, record.case.devices)
    return list(found.values())


def _reach(item: LabelledRun, drawn: Drawn) -> tuple[float, float]:
    """Return the ends of the intensity axis: left of the leftmost point, right of the rightmost point or ridge."""
    places = [use.intensity for _, use in drawn if use.intensity]
    ridges = [
        best / ceiling.bandwidth_bytes_per_s
        for ceiling, dtype, _ in _roofs(item, drawn)
        if (best := matmul_ceiling(ceiling, dtype)) and ceiling.bandwidth_bytes_per_s
    ]
    return min(places) / 2, max(*places, *ridges) * 2 if ridges else max(places) * 2


def _draw_roof(axes: Axes, ceiling: Ceiling, dtype: str, devices: int, low: float, high: float) -> Roof:
    """Draw one roof, flat where the bandwidth was not measured, and return its corners."""
    best = (matmul_ceiling(ceiling, dtype) or 0.0) * devices
    bandwidth = (ceiling.bandwidth_bytes_per_s or 0.0) * devices
    ridge = best / bandwidth if bandwidth else low
    places = [low, ridge, high] if ridge > low else [low, high]
    heights = [min(best, bandwidth * place) if bandwidth else best for place in places]
    axes.plot(places, heights, color=COLOURS[ceiling.backend], linewidth=1.5, linestyle=_DASHES[dtype])
    return list(zip(places, heights, strict=True))
