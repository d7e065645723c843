"""The icicle chart of one step: its gaps, the layers in its device time, their kinds of work and operations."""

from __future__ import annotations

from collections.abc import Iterator

import plotly.graph_objects as go

from anatomy.bench.records.case_profile import Profile
from anatomy.reports.chart import Chart, draw_chart, escape_label
from anatomy.reports.profiles.colours import COLOURS, legend_of, text_on
from anatomy.reports.profiles.step_tree import Node, step_tree

HEIGHT_PX = 560
# Levels drawn at once; a click on a part shows those below it.
LEVELS = 8
# Smaller parts are a pixel or two high: neighbours as small are drawn as one.
_SMALLEST_SHARE = 0.001
_SMALLEST_TEXT_PX = 9
# Between parts of one colour, on a light and on a dark page.
_LINE = "rgba(255,255,255,0.7)"
_HOVER = "<b>%{label}</b>%{customdata}<br>%{value:.3s}s, %{percentRoot:.1%} of the step<extra></extra>"
_CAPTION = (
    "Seconds of one traced step, from left to right: the step, what it waited for, layers (nested models first), kinds "
    "of work, operations. Heights are times and add up. A layer has the colour of its longest kind of work. A click "
    "goes into a part, a click on the bar above leads back."
)


def icicle_chart(profile: Profile, key: str) -> Chart:
    """Draw the icicle chart of a measured profile."""
    title, step = f"One step of {profile.name}", step_tree(profile, _SMALLEST_SHARE)
    rows = list(_rows(step, "", ""))
    nodes = [node for _, _, node in rows]
    if step.seconds <= 0:
        return Chart(key, title, _CAPTION, None, empty="The trace holds no operation and no gap.")
    colours = [COLOURS[node.colour] for node in nodes]
    figure = go.Figure(
        go.Icicle(
            ids=[place for place, _, _ in rows],
            parents=[above for _, above, _ in rows],
            labels=[escape_label(node.name) for node in nodes],
            values=[node.seconds for node in nodes],
            customdata=[f"<br>{escape_label(node.note)}" if node.note else "" for node in nodes],
            branchvalues="total",
            sort=False,
            maxdepth=LEVELS,
            tiling={"orientation": "h"},
            leaf={"opacity": 1},
            marker={"colors": colours, "line": {"width": 1, "color": _LINE}},
            textfont={"color": [text_on(colour) for colour in colours]},
            textposition="middle left",
            texttemplate="%{label} %{percentRoot:.0%}",
            hovertemplate=_HOVER,
        )
    )
    figure.update_layout(
        template="none",
        height=HEIGHT_PX,
        autosize=True,
        margin={"l": 2, "r": 2, "t": 26, "b": 4},
        uniformtext={"minsize": _SMALLEST_TEXT_PX, "mode": "hide"},
    )
    return draw_chart(figure, key, title, _CAPTION, HEIGHT_PX, legend_of(node.colour for node in nodes))


def _rows(node: Node, above: str, place: str) -> Iterator[tuple[str, str, Node]]:
    """Yield each node with its id and its parent's id; ids are paths of numbers, since names repeat."""
    own = place or "step"
    yield own, above, node
    for number, child in enumerate(node.children):
        yield from _rows(child, own, f"{own}.{number}")
