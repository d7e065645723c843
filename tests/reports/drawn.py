"""What a chart shows, read from its drawing."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from anatomy.reports.chart import Chart


def axes_of(chart: Chart) -> Axes:
    """The first axes of a chart that has a drawing."""
    assert chart.figure is not None, chart.empty
    return chart.figure.axes[0]


def written(chart: Chart) -> list[str]:
    """The texts in a chart, labels of its rows first."""
    return [text.get_text() for text in axes_of(chart).texts]


def marks(chart: Chart) -> list[tuple[float, float]]:
    """The marks of a chart, in the order in which they were drawn."""
    lines = [line for line in axes_of(chart).lines if line.get_marker() not in ("None", "", None)]
    return [point for line in lines for point in zip(x_of(line), y_of(line), strict=True)]


def bars(chart: Chart) -> list[tuple[float, float]]:
    """Begin and length of each part of the bars of a chart."""
    return [(bar.get_x(), bar.get_width()) for bar in axes_of(chart).patches if isinstance(bar, Rectangle)]


def x_of(line: Line2D) -> list[float]:
    """Where the points of a line lie, from left to right."""
    return [float(value) for value in np.asarray(line.get_xdata(), float)]


def y_of(line: Line2D) -> list[float]:
    """How high the points of a line lie."""
    return [float(value) for value in np.asarray(line.get_ydata(), float)]


def segments(chart: Chart) -> list[list[tuple[float, float]]]:
    """The ends of each line drawn by `hlines` and `vlines`, in the order in which they were drawn."""
    groups = [lines for lines in axes_of(chart).collections if isinstance(lines, LineCollection)]
    return [[(float(x), float(y)) for x, y in segment] for lines in groups for segment in lines.get_segments()]
