"""Bar charts of profiles: the longest layers, and the gaps of every profiled step."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from anatomy.bench.records.case_profile import STEP_PARTS, LayerTime, Profile
from anatomy.reports.chart import FRAME_PX, LABEL_WIDTH, Chart, chart_layout, draw_chart, escape_label
from anatomy.reports.profiles.colours import COLOURS, WHOLE
from anatomy.reports.run_labels import LabelledProfile

# Layers drawn; the table has them all.
MOST_LAYERS = 20
_ROW_PX, _CASE_ROW_PX = 26, 40
_FORWARD, _BACKWARD, _OTHER, _FLOPS = "#3a8fd9", "#d55e00", "#8a8f98", "#009e73"
_LAYER_CAPTION = (
    "Bars: share of the device time of a step, by pass. Diamonds: share of the FLOPs. A bar far beyond its diamond is "
    "time that the layer's arithmetic does not explain."
)


def layer_chart(profile: Profile, key: str) -> Chart:
    """Draw the longest layers of a measured profile: time by pass beside FLOPs, both as shares."""
    title, total = f"Longest layers of {profile.name}", profile.device_time
    layers = sorted((layer for layer in profile.layers if layer.time > 0), key=lambda layer: -layer.time)[:MOST_LAYERS]
    if not layers:
        return Chart(key, title, _LAYER_CAPTION, None, empty="No operation was attributed to a layer.")
    figure = go.Figure()
    passes = {
        "forward": (_FORWARD, [layer.forward for layer in layers]),
        "backward": (_BACKWARD, [layer.backward for layer in layers]),
        "update, or not known": (_OTHER, [other_passes(layer) for layer in layers]),
    }
    for name, (colour, seconds) in passes.items():
        if any(seconds):
            figure.add_bar(
                name=name,
                orientation="h",
                x=[one / total for one in seconds],
                y=list(range(len(layers))),
                customdata=[[escape_label(layer.name), one] for layer, one in zip(layers, seconds, strict=True)],
                marker={"color": colour},
                hovertemplate="%{customdata[0]}<br>%{customdata[1]:.3s}s, %{x:.1%} of the device time"
                f"<extra>{name}</extra>",
            )
    counted = [(place, layer) for place, layer in enumerate(layers) if layer.flops_share]
    if counted:
        figure.add_scatter(
            name="FLOPs",
            mode="markers",
            x=[layer.flops_share for _, layer in counted],
            y=[place for place, _ in counted],
            text=[escape_label(layer.name) for _, layer in counted],
            marker={"size": 9, "color": _FLOPS, "symbol": "diamond"},
            cliponaxis=False,
            hovertemplate="%{text}<br>%{x:.1%} of the FLOPs<extra></extra>",
        )
    labels = [_cut(layer.name) for layer in layers]
    left_out = len(profile.layers) - len(layers)
    caption = _LAYER_CAPTION + (f" {left_out:,} shorter ones are in the table." if left_out > 0 else "")
    return _stacked(figure, labels, key, title, caption, _ROW_PX)


def gap_chart(cases: Sequence[LabelledProfile], key: str) -> Chart:
    """Draw the gaps of every measured step, as shares of it."""
    title = "Gaps of each profiled step"
    caption = "Shares of the traced step. Bars that end before 100 % miss what the trace did not hold."
    shown = [(case, case.profile.gaps) for case in cases if case.profile.gaps and case.profile.gaps.step > 0]
    if not shown:
        return Chart(key, title, caption, None, empty="No profiled case has gaps.")
    figure = go.Figure()
    for part in STEP_PARTS:
        name, seconds = part.replace("_", " "), [gaps.parts[part] for _, gaps in shown]
        if any(seconds):
            figure.add_bar(
                name=name,
                orientation="h",
                x=[one / gaps.step for one, (_, gaps) in zip(seconds, shown, strict=True)],
                y=list(range(len(shown))),
                customdata=[[escape_label(case.name), one] for one, (case, _) in zip(seconds, shown, strict=True)],
                marker={"color": COLOURS.get(name, COLOURS[WHOLE])},
                hovertemplate="%{customdata[0]}<br>%{customdata[1]:.3s}s, %{x:.1%} of the step"
                f"<extra>{name}</extra>",
            )
    figure.update_xaxes(dtick=0.25)
    return _stacked(figure, [_in_two_lines(case.name) for case, _ in shown], key, title, caption, _CASE_ROW_PX)


def other_passes(layer: LayerTime) -> float:
    """Return the seconds of a layer in neither the forward nor the backward pass; 0 where rounding leaves some."""
    rest = layer.time - layer.forward - layer.backward
    return rest if rest > 1e-9 * layer.time else 0.0


def _stacked(figure: go.Figure, labels: Sequence[str], key: str, title: str, caption: str, row_px: int) -> Chart:
    height = FRAME_PX + row_px * len(labels)
    settings = chart_layout(height, "")
    settings["xaxis"] |= {"tickformat": ".0%", "rangemode": "tozero", "nticks": 5}
    settings["yaxis"] |= {"ticklabelstandoff": 4}
    figure.update_layout(settings | {"barmode": "stack", "bargap": 0.3})
    figure.update_yaxes(tickvals=list(range(len(labels))), ticktext=list(labels), range=[len(labels) - 0.5, -0.5])
    return draw_chart(figure, key, title, caption, height)


def _cut(path: str) -> str:
    """Keep the last `LABEL_WIDTH` characters: they tell the layers of a nested model apart."""
    return escape_label(path if len(path) <= LABEL_WIDTH else f"…{path[1 - LABEL_WIDTH :]}")


def _in_two_lines(case: str) -> str:
    """Break a long name of a case: the beginning of its model, then the rest."""
    model, _, rest = case.partition(" ")
    if len(case) <= LABEL_WIDTH or not rest:
        return escape_label(case)
    short = model if len(model) <= LABEL_WIDTH else model[: LABEL_WIDTH - 1] + "…"
    return f"{escape_label(short)}<br>{escape_label(rest)}"
