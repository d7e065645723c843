"""What the report's charts share: rows, labels, axes and their final form."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from anatomy.bench.errors.printable import without_middle
from anatomy.bench.records.case import BACKENDS, Case, Mode
from anatomy.bench.records.record import Record
from anatomy.reports.answers.backend_race import contender_name
from anatomy.reports.chart_svg import GRID, INK, SOFT, figure_svg
from anatomy.reports.model_labels import case_text
from anatomy.reports.run_labels import LabelledRun, labelled_records
from anatomy.reports.settings_differences import SizedKey, comparable_records, count_differences, settings_differences

# After Okabe and Ito's palette for colour-blind readers, each 3:1 or more on the light page and on the dark one.
# A framework by itself has the colour that it has through Keras, and the same symbol, open.
COLOURS = {
    "tensorflow": "#c98500",
    "jax": "#3a8fd9",
    "torch": "#c0452b",
    "openvino": "#009e73",
    "native-tensorflow": "#c98500",
    "native-jax": "#3a8fd9",
    "native-torch": "#c0452b",
    "onnxruntime": "#b06aa0",
}
# Marker of matplotlib and its SVG path in a box of 12×12, for the legend.
_CIRCLE, _SQUARE, _DIAMOND, _UP, _DOWN = "osD^v"
SYMBOLS = {
    "tensorflow": _CIRCLE,
    "jax": _SQUARE,
    "torch": _DIAMOND,
    "openvino": _UP,
    "native-tensorflow": _CIRCLE,
    "native-jax": _SQUARE,
    "native-torch": _DIAMOND,
    "onnxruntime": _DOWN,
}
_FILLED = {
    _CIRCLE: "M6 1a5 5 0 1 0 0 10 5 5 0 1 0 0-10z",
    _SQUARE: "M1.5 1.5h9v9h-9z",
    _DIAMOND: "M6 0l6 6-6 6-6-6z",
    _UP: "M6 1l5.5 9.5H.5z",
    _DOWN: "M6 11l5.5-9.5H.5z",
}
_HOLLOW = {
    _CIRCLE: "M6 1a5 5 0 1 0 0 10 5 5 0 1 0 0-10zM6 3a3 3 0 1 1 0 6 3 3 0 1 1 0-6z",
    _SQUARE: "M1.5 1.5h9v9h-9zM3.5 3.5v5h5v-5z",
    _DIAMOND: "M6 0l6 6-6 6-6-6zM6 3l-3 3 3 3 3-3z",
}
SQUARE_PATH = _FILLED[_SQUARE]
# Units of a drawing are points. So wide, a text of 11 is legible on a phone, and three charts stand side by side.
WIDTH, FONT = 420, 11
LABEL_LENGTH = 62
LABEL_HEIGHT, LINE_HEIGHT, ROW_GAP, AXIS_HEIGHT = 17, 15, 7, 40
# Share of the axis that is left for the figures behind the marks.
ROOM_FOR_TEXT = 0.30
# Sign behind the label of a row whose records differ in their settings.
UNLIKE = "≠"
# Labels that a logarithmic axis has at least, and the numbers between powers of ten that may be labelled, coarse ones
# first; decades that it reaches beyond its values.
FEWEST_TICKS = 3
MOST_TICKS = 7
# Of the axis: nearer labels would lie on one another.
LEAST_APART = 0.09
_TICK_STEPS: tuple[tuple[float, ...], ...] = (
    (1,),
    (1, 2, 5),
    tuple(range(1, 10)),
    tuple(n / 2 for n in range(2, 20)),
    tuple(n / 10 for n in range(10, 100)),
)
LEAST_MARGIN = 0.08


@dataclass(frozen=True)
class LegendEntry:
    """An entry of a chart's legend: name, colour, and the SVG path of the symbol."""

    name: str
    colour: str
    path: str


@dataclass(frozen=True)
class Chart:
    """One chart of the page.

    Attributes:
        key: name of the chart on the page.
        figure: the drawing; `None` where there is nothing to draw.
        empty: sentence that is printed instead of a chart without a drawing.
        entries: the legend; the page prints it.
        links: address of a mark's link → what a screen reader says of it.
    """

    key: str
    title: str
    caption: str
    figure: Figure | None
    empty: str = "There is nothing to draw."
    entries: tuple[LegendEntry, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def svg(self) -> Markup:
        """The drawing, for the page."""
        assert self.figure is not None
        return figure_svg(self.figure, self.key, f"{self.title}. {self.caption}", self.links)


@dataclass(frozen=True)
class ChartRow:
    """One row of a chart: a model of a run, its measured records, and the settings in which they differ."""

    label: str
    records: tuple[Record, ...]
    unlike: str = ""

    @property
    def backends(self) -> tuple[str, ...]:
        """The backends of the records, in their fixed order; each has a line of the row."""
        present = {record.case.backend for record in self.records}
        return tuple(backend for backend in BACKENDS if backend in present)


@dataclass(frozen=True)
class RowAxes:
    """Axes with a row per model: its label on a line of its own, below it a line for each backend.

    Attributes:
        places: (number of the row, backend) → middle of its line, in units from the top.
    """

    figure: Figure
    axes: Axes
    places: dict[tuple[int, str], float]

    def write(self, x: float, y: float, text: str, *, weak: bool = False) -> None:
        """Write a figure behind the mark at (x, y)."""
        self.axes.annotate(
            text,
            (x, y),
            (7, 0),
            textcoords="offset points",
            va="center",
            fontsize=FONT - 1,
            color=SOFT if weak else INK,
            annotation_clip=False,
            parse_math=False,
        )


def chart_rows(runs: Sequence[LabelledRun], mode: Mode, drawable: Callable[[Record], bool]) -> list[ChartRow]:
    """Return the rows of a chart: cases that differ only in the backend share one, if their models are of one size."""

    def is_drawn(record: Record) -> bool:
        return record.outcome == "ok" and record.case.mode == mode and drawable(record)

    measured = labelled_records(runs, is_drawn)
    groups = {
        (item.label, key): group
        for item in runs
        for key, group in comparable_records(filter(is_drawn, item.run.records), backend="tensorflow").items()
    }
    varying = [
        field
        for field in ("batch_size", "dtype", "jit", "devices")
        if len({(r.case.model, str(r.case.options), getattr(r.case, field)) for _, r in measured})
        > len({(r.case.model, str(r.case.options)) for _, r in measured})
    ]
    rows = []
    for (run, key), records in groups.items():
        unlike = settings_differences(records)
        name = _name(records[0].case, varying) + _size(key, records) + (f" {UNLIKE}" if unlike else "")
        # The run comes first and whole: it tells the rows of two runs apart.
        before = "" if len(runs) == 1 else f"{run}: "
        label = before + without_middle(name, max(LABEL_LENGTH - len(before), LABEL_LENGTH // 2))
        rows.append(ChartRow(label, tuple(records), unlike))
    return rows


def unlike_remark(runs: Sequence[LabelledRun], modes: Sequence[Mode]) -> str:
    """Return what is said once above the charts about rows with unlike settings; empty where there are none."""
    rows = [row for mode in modes for row in chart_rows(runs, mode, lambda record: True)]
    unlike = count_differences(row.records for row in rows)
    return f"{UNLIKE}: the row sets unlike settings side by side ({unlike})." if unlike else ""


def _size(key: Hashable, records: Sequence[Record]) -> str:
    """The parameter count, for rows that are apart because their models differ in size."""
    sizes = [record.counts.parameters for record in records if record.counts]
    return f", {sizes[0]:,} parameters" if isinstance(key, SizedKey) and sizes else ""


def _name(case: Case, varying: Sequence[str]) -> str:
    words = {
        "batch_size": f"b{case.batch_size}",
        "dtype": case.dtype,
        "jit": f"jit={case.jit}",
        "devices": f"{case.devices} devices",
    }
    return " ".join([case_text(case), *(words[field] for field in varying)])


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure of a size in units."""
    return Figure((width / 72, height / 72), dpi=72)


def style_axes(axes: Axes, *, x: str, y: str = "") -> None:
    """Give axes the page's colours, vertical lines at the ticks, and titles with units."""
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GRID)
    axes.tick_params(which="both", labelsize=FONT - 1, labelcolor=INK, color=GRID, length=3, pad=2)
    axes.tick_params(which="minor", length=0)
    axes.grid(axis="both" if y else "x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(x, fontsize=FONT - 1, color=SOFT, labelpad=2)
    if y:
        axes.set_ylabel(y, fontsize=FONT - 1, color=SOFT, labelpad=2)


def row_axes(rows: Sequence[ChartRow], axis: str) -> RowAxes:
    """Return axes with the labels of rows; the caller sets the limits of the value axis."""
    places: dict[tuple[int, str], float] = {}
    labels, top = [], 0.0
    for number, row in enumerate(rows):
        labels.append((top + LABEL_HEIGHT / 2, row.label))
        top += LABEL_HEIGHT
        for backend in row.backends:
            places[number, backend] = top + LINE_HEIGHT / 2
            top += LINE_HEIGHT
        top += ROW_GAP
    figure, axes = labelled_axes(labels, top, axis)
    return RowAxes(figure, axes, places)


def labelled_axes(labels: Sequence[tuple[float, str]], height: float, axis: str) -> tuple[Figure, Axes]:
    """Return axes whose y is in units from the top, with labels at the left, each at its y."""
    whole = height + AXIS_HEIGHT
    figure = new_figure(whole)
    axes = figure.add_axes((8 / WIDTH, AXIS_HEIGHT / whole, 1 - 20 / WIDTH, height / whole))
    style_axes(axes, x=axis)
    axes.set_ylim(height, 0)
    axes.set_yticks([])
    for y, label in labels:
        axes.text(
            0, y, label, transform=axes.get_yaxis_transform(), va="center", fontsize=FONT, color=INK, parse_math=False
        )
    return figure, axes


def log_scale(axes: Axes, values: Sequence[float], *, room: float = ROOM_FOR_TEXT, which: str = "x") -> None:
    """Make an axis logarithmic over positive values, with round labels, and leave a share of it free at the end."""
    start, end, ticks = log_ticks(values)
    beyond = end + (end - start) * room / (1 - room)
    getattr(axes, f"set_{which}scale")("log")
    getattr(axes, f"set_{which}lim")(10**start, 10**beyond)
    getattr(axes, f"set_{which}ticks")(ticks, [si_text(tick) for tick in ticks])
    getattr(axes, f"{which}axis").set_minor_formatter(NullFormatter())


def log_ticks(values: Sequence[float]) -> tuple[float, float, list[float]]:
    """Return the ends of a logarithmic axis as powers of ten, and the coarsest round numbers of which three are in
    sight."""
    low, high = math.log10(min(values)), math.log10(max(values))
    margin = max(LEAST_MARGIN, 0.05 * (high - low))
    start, end = low - margin, high + margin
    powers = range(math.floor(start), math.ceil(end) + 1)
    ticks: list[float] = []
    for steps in _TICK_STEPS:
        ticks = [float(f"{step * 10.0**power:.3g}") for power in powers for step in steps]
        ticks = [tick for tick in ticks if 10**start <= tick <= 10**end]
        if len(ticks) >= FEWEST_TICKS:
            break
    if len(ticks) > MOST_TICKS:
        ticks = ticks[:: math.ceil(len(ticks) / MOST_TICKS)]
    apart = [ticks[0]]
    for tick in ticks[1:]:
        if math.log10(tick / apart[-1]) >= LEAST_APART * (end - start):
            apart.append(tick)
    return start, end, apart if len(apart) >= FEWEST_TICKS else ticks


def si_text(value: float) -> str:
    """Format a number with an SI prefix: `0.01`, `20`, `5k`, `1M`."""
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{prefix}"
    return f"{value:g}"


def marker(backend: str, size: float = 7) -> dict[str, Any]:
    """Return the arguments of `Axes.plot` for the marks of a backend."""
    colour = COLOURS[backend]
    return {
        "linestyle": "none",
        "marker": SYMBOLS[backend],
        "markersize": size,
        "markeredgecolor": colour,
        "markerfacecolor": "none" if backend.startswith("native-") else colour,
        "clip_on": False,
    }


def backend_legend(records: Iterable[Record]) -> tuple[LegendEntry, ...]:
    """Return the legend of the records' backends, in their fixed order; `openvino bf16` where all are so."""
    names: dict[str, set[str]] = {}
    for record in records:
        names.setdefault(record.case.backend, set()).add(contender_name(record))
    paths = {b: (_HOLLOW if b.startswith("native-") else _FILLED)[SYMBOLS[b]] for b in COLOURS}
    return tuple(
        LegendEntry(next(iter(names[b])) if len(names[b]) == 1 else b, COLOURS[b], paths[b])
        for b in BACKENDS
        if b in names
    )


def records_of(rows: Sequence[ChartRow]) -> list[Record]:
    """The records of some rows."""
    return [record for row in rows for record in row.records]
