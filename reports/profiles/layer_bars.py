"""Bar charts of profiles: the longest layers, and the gaps of every profiled step."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from anatomy.bench.errors.printable import without_middle
from anatomy.bench.records.case_profile import STEP_PARTS, LayerTime, Profile
from anatomy.reports.chart import (
    LABEL_HEIGHT,
    LABEL_LENGTH,
    LINE_HEIGHT,
    ROW_GAP,
    SQUARE_PATH,
    Chart,
    LegendEntry,
    RowAxes,
    labelled_axes,
)
from anatomy.reports.phase_bars import linear_scale, stack
from anatomy.reports.profiles.colours import COLOURS, WHOLE
from anatomy.reports.run_labels import LabelledProfile

# Layers drawn; the table has them all.
MOST_LAYERS = 20
PASSES = {"forward": "#3a8fd9", "backward": "#d55e00", "update, or not known": "#8a8f98"}
_FLOPS = "#009e73"
_DIAMOND = "M6 0l6 6-6 6-6-6z"
_LAYER_CAPTION = (
    "Bars: share of the device time of a step, by pass. Diamonds: share of the FLOPs. A bar far beyond its diamond is "
    "time that the layer's arithmetic does not explain."
)
_STEP = LABEL_HEIGHT + LINE_HEIGHT + ROW_GAP


def layer_chart(profile: Profile, key: str) -> Chart:
    """Draw the longest layers of a measured profile: time by pass beside FLOPs, both as shares."""
    title = f"Longest layers of {profile.name}"
    layers = longest_layers(profile)
    if not layers:
        return Chart(key, title, _LAYER_CAPTION, None, empty="No operation was attributed to a layer.")
    drawn = _rows([layer.name for layer in layers], "share of the device time")
    ends = []
    for number, layer in enumerate(layers):
        y = _middle(number)
        shares = pass_shares(layer, profile.device_time)
        stack(drawn.axes, y, [(PASSES[name], share) for name, share in shares.items()])
        if layer.flops_share:
            drawn.axes.plot(layer.flops_share, y, marker="D", markersize=6, color=_FLOPS, clip_on=False)
        whole = sum(shares.values())
        ends.append(max(whole, layer.flops_share or 0.0))
        drawn.write(ends[-1], y, f"{100 * whole:.3g} %")
    _share_axis(drawn.axes, max(ends))
    left_out = len(profile.layers) - len(layers)
    caption = _LAYER_CAPTION + (f" {left_out:,} shorter ones are in the table." if left_out > 0 else "")
    used = {name for layer in layers for name, share in pass_shares(layer, profile.device_time).items() if share}
    entries = [LegendEntry(name, colour, SQUARE_PATH) for name, colour in PASSES.items() if name in used]
    counted = [LegendEntry("FLOPs", _FLOPS, _DIAMOND)] if any(layer.flops_share for layer in layers) else []
    return Chart(key, title, caption, drawn.figure, entries=(*entries, *counted))


def longest_layers(profile: Profile) -> list[LayerTime]:
    """The layers that are drawn, the longest first."""
    return sorted((layer for layer in profile.layers if layer.time > 0), key=lambda layer: -layer.time)[:MOST_LAYERS]


def pass_shares(layer: LayerTime, total: float) -> dict[str, float]:
    """The passes of a layer as shares of the device time of a step."""
    return dict(zip(PASSES, (s / total for s in (layer.forward, layer.backward, other_passes(layer))), strict=True))


def gap_chart(cases: Sequence[LabelledProfile], key: str) -> Chart:
    """Draw the gaps of every measured step, as shares of it."""
    title = "Gaps of each profiled step"
    caption = "Shares of the traced step. Bars that end before 100 % miss what the trace did not hold."
    shares = {case.name: found for case in cases if (found := gap_shares(case.profile))}
    if not shares:
        return Chart(key, title, caption, None, empty="No profiled case has gaps.")
    drawn = _rows(list(shares), "share of the traced step")
    for number, found in enumerate(shares.values()):
        stack(
            drawn.axes, _middle(number), [(COLOURS.get(name, COLOURS[WHOLE]), share) for name, share in found.items()]
        )
    drawn.axes.set_xlim(0, 1)
    drawn.axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    drawn.axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    used = dict.fromkeys(name for found in shares.values() for name, share in found.items() if share)
    entries = tuple(LegendEntry(name, COLOURS.get(name, COLOURS[WHOLE]), SQUARE_PATH) for name in used)
    return Chart(key, title, caption, drawn.figure, entries=entries)


def gap_shares(profile: Profile) -> dict[str, float]:
    """The parts of a profiled step as shares of it; empty of a step that has none."""
    gaps = profile.gaps
    if gaps is None or gaps.step <= 0:
        return {}
    return {part.replace("_", " "): gaps.parts[part] / gaps.step for part in STEP_PARTS}


def other_passes(layer: LayerTime) -> float:
    """Return the seconds of a layer in neither the forward nor the backward pass; 0 where rounding leaves some."""
    rest = layer.time - layer.forward - layer.backward
    return rest if rest > 1e-9 * layer.time else 0.0


def _rows(names: Sequence[str], axis: str) -> RowAxes:
    """Axes with a bar for each name; what tells the layers of a nested model apart is at the name's end."""
    labels = [(n * _STEP + LABEL_HEIGHT / 2, without_middle(name, LABEL_LENGTH)) for n, name in enumerate(names)]
    return RowAxes(*labelled_axes(labels, _STEP * len(names), axis), {})


def _middle(number: int) -> float:
    return number * _STEP + LABEL_HEIGHT + LINE_HEIGHT / 2


def _share_axis(axes: Axes, longest: float) -> None:
    linear_scale(axes, longest)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
