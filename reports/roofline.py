"""The roofline chart: FLOP/s over arithmetic intensity, below the machine's ceilings.

Williams, Waterman and Patterson 2009, "Roofline: an insightful visual performance model for multicore
architectures": a kernel of intensity I runs at min(peak, bandwidth × I) at best.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from anatomy.bench.records.ceiling import Ceiling, ceiling_of, matmul_ceiling
from anatomy.bench.records.record import Record
from anatomy.reports.caveats import caveat_legend, signs, utilisation_caveats
from anatomy.reports.chart import COLOURS, SYMBOLS, Chart, chart_layout, draw_chart, escape_label, log_axis
from anatomy.reports.flops_utilisation import NOT_MEASURED, Utilisation, device_of
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.tables.utilisation_table import utilisations

HEIGHT_PX = 460
_DASHES = {"float32": "solid", "tensorfloat32": "dashdot", "bfloat16": "dash", "float16": "dot"}
_TITLE = "Roofline"
_CAPTION = (
    "Achieved FLOP/s of each case over its arithmetic intensity, both on logarithmic axes. Lines: what the backend can "
    "do at best, as anatomy doctor measured it: memory bandwidth × intensity up to the best matrix product (solid: "
    "products in float32, dashed: bfloat16, dotted: float16). Bytes are modelled, not measured: a case that works in "
    "the caches may lie above the slope, none above the flat part."
)
Drawn = list[tuple[Record, Utilisation]]


def roofline_charts(runs: Sequence[LabelledRun]) -> tuple[Chart, ...]:
    """Draw one chart per run, since each run has its own machine."""
    return tuple(
        _chart(item, "roofline" if len(runs) == 1 else f"roofline-{n}", "" if len(runs) == 1 else f", {item.label}")
        for n, item in enumerate(runs)
    )


def _chart(item: LabelledRun, key: str, which: str) -> Chart:
    found = utilisations(item)
    drawn = [(record, use) for record, use in found if use.ceiling_flops_per_s and use.intensity]
    if not drawn:
        reason = next((use.reason or use.no_intensity for _, use in found), "no case has products that were counted")
        return Chart(key, _TITLE + which, _CAPTION, None, empty=f"Without a roofline: {reason or NOT_MEASURED}.")
    figure = go.Figure()
    for backend in dict.fromkeys(record.case.backend for record, _ in drawn):
        _add_points(figure, backend, [(record, use) for record, use in drawn if record.case.backend == backend])
    low, high = _reach(item, drawn)
    heights = [use.flops_per_s for _, use in drawn]
    for ceiling, dtype, devices in _roofs(item, drawn):
        heights += _add_roof(figure, ceiling, dtype, devices, low, high)
    settings = chart_layout(HEIGHT_PX, "FLOP/byte, log scale")
    settings["xaxis"] |= log_axis([low, high]) | {"showgrid": True}
    settings["yaxis"] |= log_axis(heights) | {"title": {"text": "FLOP/s, log scale", "standoff": 4}, "showgrid": True}
    figure.update_layout(settings)
    used = caveat_legend(caveat for record, use in drawn for caveat in utilisation_caveats(record, use)["mfu"])
    return draw_chart(figure, key, _TITLE + which, " ".join([_CAPTION, used]).strip(), HEIGHT_PX)


def _add_points(figure: go.Figure, backend: str, drawn: Drawn) -> None:
    figure.add_scatter(
        name=backend,
        mode="markers+text",
        x=[use.intensity for _, use in drawn],
        y=[use.flops_per_s for _, use in drawn],
        text=[signs(utilisation_caveats(record, use)["mfu"]) for record, use in drawn],
        textposition="top right",
        hovertext=[_hover(record, use) for record, use in drawn],
        hoverinfo="text",
        marker={"size": 9, "color": COLOURS[backend], "symbol": SYMBOLS[backend], "opacity": 0.85},
    )


def _hover(record: Record, use: Utilisation) -> str:
    share = f"{use.mfu:.1%} of the ceiling for {use.dtype}" if use.mfu is not None else ""
    said = f"{use.flops_per_s / 1e9:,.3g} GFLOP/s, {use.intensity or 0:,.3g} FLOP/byte"
    return "<br>".join(escape_label(part) for part in (record.name, said, share) if part)


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


def _add_roof(
    figure: go.Figure, ceiling: Ceiling, dtype: str, devices: int, low: float, high: float
) -> tuple[float, ...]:
    """Draw one roof, flat where the bandwidth was not measured, and return its heights."""
    best = (matmul_ceiling(ceiling, dtype) or 0.0) * devices
    bandwidth = (ceiling.bandwidth_bytes_per_s or 0.0) * devices
    ridge = best / bandwidth if bandwidth else low
    places = [low, ridge, high] if ridge > low else [low, high]
    heights = [min(best, bandwidth * place) if bandwidth else best for place in places]
    name = f"{ceiling.backend} {ceiling.device} {dtype}" + (f" × {devices}" if devices > 1 else "")
    figure.add_scatter(
        name=name,
        mode="lines",
        showlegend=False,
        x=places,
        y=heights,
        line={"color": COLOURS[ceiling.backend], "width": 2, "dash": _DASHES[dtype]},
        hovertext=[escape_label(f"{name}: {height / 1e9:,.3g} GFLOP/s") for height in heights],
        hoverinfo="text",
    )
    return tuple(heights)
