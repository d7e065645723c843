"""Charts of throughput over the number of devices, relative to one device."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from anatomy.bench.records.case import SCALINGS, Mode, Scaling
from anatomy.reports.chart import COLOURS, SYMBOLS, Chart, chart_layout, draw_chart, escape_label
from anatomy.reports.device_scaling import ScaledCase, scaled_cases
from anatomy.reports.model_labels import model_text
from anatomy.reports.run_labels import LabelledRun

HEIGHT_PX = 340
# Colour of lines without a backend, legible on white and on black.
_IDEAL = "#8a8a8a"


def scaling_charts(runs: Sequence[LabelledRun], modes: Sequence[Mode]) -> tuple[Chart, ...]:
    """Draw a chart for each mode and way of scaling that the runs have."""
    found = {(mode, scaling): _lines(runs, mode, scaling) for mode in modes for scaling in SCALINGS}
    return tuple(_chart(lines, mode, scaling) for (mode, scaling), lines in found.items() if lines)


def _chart(lines: dict[tuple[str, str], list[ScaledCase]], mode: Mode, scaling: Scaling) -> Chart:
    key, title = f"scaling-{mode}-{scaling}", f"Several devices, {mode}, {scaling} scaling"
    caption = (
        "Throughput of all devices over that of one; the dotted line is devices that add up, the bars are 95 % "
        "intervals. Virtual devices share one CPU and add up as far as one leaves cores idle."
    )
    figure = go.Figure()
    counts = sorted({1, *(one.record.case.devices for line in lines.values() for one in line)})
    figure.add_scatter(
        name="devices that add up",
        x=counts,
        y=counts,
        mode="lines",
        line={"dash": "dot", "width": 1.5, "color": _IDEAL},
        hoverinfo="skip",
    )
    named: set[str] = set()
    for (name, backend), line in lines.items():
        errors = [_error(one) for one in line]
        figure.add_scatter(
            name=backend,
            showlegend=backend not in named,
            mode="lines+markers",
            x=[1, *(one.record.case.devices for one in line)],
            y=[1.0, *(one.speedup for one in line)],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [0.0, *(high for _, high in errors)],
                "arrayminus": [0.0, *(low for low, _ in errors)],
                "thickness": 1.5,
                "width": 4,
                "color": COLOURS[backend],
            },
            line={"width": 1.5, "color": COLOURS[backend]},
            marker={"size": 9, "color": COLOURS[backend], "symbol": SYMBOLS[backend]},
            text=[escape_label(name)] * (1 + len(line)),
            hovertemplate="%{text}<br>%{x} devices: %{y:.2f}<extra>" + backend + "</extra>",
        )
        named.add(backend)
    settings = chart_layout(HEIGHT_PX, "devices")
    settings["xaxis"] |= {"type": "log", "tickvals": counts, "ticktext": [str(count) for count in counts]}
    settings["yaxis"] |= {"title": {"text": "throughput, one device = 1"}, "rangemode": "tozero"}
    figure.update_layout(settings)
    return draw_chart(figure, key, title, caption, HEIGHT_PX)


def _lines(runs: Sequence[LabelledRun], mode: Mode, scaling: Scaling) -> dict[tuple[str, str], list[ScaledCase]]:
    """Return the points of each line, by its name and backend."""
    found: dict[tuple[str, str], list[ScaledCase]] = {}
    for item in runs:
        for group in scaled_cases(item.run.records):
            for one in group:
                case = one.record.case
                if one.baseline is None or one.speedup is None or (case.mode, one.scaling) != (mode, scaling):
                    continue
                name = f"{model_text(case.model, case.options)} b{one.baseline.case.batch_size} {case.dtype}"
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
    return speedup - low, high - speedup
