"""What the report's charts share: rows, labels, layout and their final form."""

from __future__ import annotations

import html
import json
import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from anatomy.bench.records.case import BACKENDS, Case, Mode
from anatomy.bench.records.record import Record
from anatomy.reports.caveats import Caveat, caveat_legend
from anatomy.reports.model_labels import model_text
from anatomy.reports.run_labels import LabelledRun, labelled_records
from anatomy.reports.settings_differences import comparable_records, count_differences, settings_differences

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
SYMBOLS = {
    "tensorflow": "circle",
    "jax": "square",
    "torch": "diamond",
    "openvino": "triangle-up",
    "native-tensorflow": "circle-open",
    "native-jax": "square-open",
    "native-torch": "diamond-open",
    "onnxruntime": "triangle-down",
}
LABEL_WIDTH, LABEL_LINES = 26, 2
# Sign behind the label of a row whose records differ in their settings.
UNLIKE = "≠"
ROW_PX, FRAME_PX = 42, 56
# Labels that a logarithmic axis has at least, and the numbers between powers of ten that may be labelled, coarse ones
# first; decades that it reaches beyond its values.
FEWEST_TICKS = 3
_TICK_STEPS: tuple[tuple[float, ...], ...] = (
    (1,),
    (1, 2, 5),
    tuple(range(1, 10)),
    tuple(n / 2 for n in range(2, 20)),
    tuple(n / 10 for n in range(10, 100)),
)
LEAST_MARGIN = 0.08
# SVG paths of the symbols in a box of 12×12, after Plotly's symbols of the same names.
SYMBOL_PATHS = {
    "circle": "M6 1a5 5 0 1 0 0 10 5 5 0 1 0 0-10z",
    "square": "M1.5 1.5h9v9h-9z",
    "diamond": "M6 0l6 6-6 6-6-6z",
    "triangle-up": "M6 1l5.5 9.5H.5z",
    "circle-open": "M6 1a5 5 0 1 0 0 10 5 5 0 1 0 0-10zM6 3a3 3 0 1 1 0 6 3 3 0 1 1 0-6z",
    "square-open": "M1.5 1.5h9v9h-9zM3.5 3.5v5h5v-5z",
    "diamond-open": "M6 0l6 6-6 6-6-6zM6 3l-3 3 3 3 3-3z",
    "triangle-down": "M6 11l5.5-9.5H.5z",
}


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
        spec: Plotly's JSON of data and layout; `None` where there is nothing to draw.
        height: pixels.
        empty: sentence that is printed instead of a chart without a `spec`.
        entries: the legend of a chart whose colours are not those of whole traces.
    """

    key: str
    title: str
    caption: str
    spec: dict[str, Any] | None
    height: int = 0
    empty: str = "There is nothing to draw."
    entries: tuple[LegendEntry, ...] = ()

    @property
    def legend(self) -> tuple[LegendEntry, ...]:
        """The legend, one entry per trace; the page prints it, since Plotly's does not wrap."""
        if self.entries:
            return self.entries
        traces = self.spec["data"] if self.spec else ()
        return tuple(
            LegendEntry(trace["name"], _colour(trace), SYMBOL_PATHS[trace.get("marker", {}).get("symbol", "square")])
            for trace in traces
            if trace.get("showlegend", True)
        )


@dataclass(frozen=True)
class ChartRow:
    """One row of a chart: a model of a run, its measured records, and the settings in which they differ."""

    label: str
    name: str
    records: tuple[Record, ...]
    unlike: str = ""


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
    names = {key: _name(records[0].case, varying) for key, records in groups.items()}
    unlike = {key: settings_differences(records) for key, records in groups.items()}
    return [
        ChartRow(
            ("" if len(runs) == 1 else f"{escape_label(key[0])}:<br>")
            + wrap_label(name)
            + _size(key[1], groups[key], "<br>")
            + (f" {UNLIKE}" if unlike[key] else ""),
            name + _size(key[1], groups[key], ", "),
            tuple(groups[key]),
            unlike[key],
        )
        for key, name in names.items()
    ]


def caption_remarks(rows: Sequence[ChartRow], caveats: Iterable[Caveat] = ()) -> str:
    """Return what a caption adds about the rows: which settings differ, and what the signs of the caveats mean."""
    unlike = count_differences(row.records for row in rows)
    said = [f"{UNLIKE}: the row sets unlike settings side by side ({unlike})" if unlike else "", caveat_legend(caveats)]
    return "".join(f" {sentence}." for sentence in said if sentence)


def _size(key: str, records: Sequence[Record], before: str) -> str:
    """The parameter count, for rows that are apart because their models differ in size."""
    sizes = [record.counts.parameters for record in records if record.counts]
    return f"{before}{sizes[0]:,} parameters" if " " in key and sizes else ""


def _name(case: Case, varying: Sequence[str]) -> str:
    words = {
        "batch_size": f"b{case.batch_size}",
        "dtype": case.dtype,
        "jit": f"jit={case.jit}",
        "devices": f"{case.devices} devices",
    }
    return " ".join([model_text(case.model, case.options), *(words[field] for field in varying)])


def wrap_label(name: str) -> str:
    """Escape a name and break it into a few short lines; the hover text has the whole name."""
    breakable = name.replace(",", ", ").replace(":", ": ", 1)
    parts = textwrap.wrap(breakable, LABEL_WIDTH, max_lines=LABEL_LINES, placeholder=" …", break_long_words=False)
    return "<br>".join(escape_label(part) for part in parts)


def escape_label(text: str) -> str:
    """Escape text for Plotly, which interprets some HTML."""
    return html.escape(text, quote=False)


def log_axis(values: Sequence[float]) -> dict[str, Any]:
    """Return a logarithmic axis over positive values, with the coarsest round numbers of which three are in sight."""
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
    return {"type": "log", "range": [start, end], "tickvals": ticks, "ticktext": [si_text(tick) for tick in ticks]}


def si_text(value: float) -> str:
    """Format a number with an SI prefix: `0.01`, `20`, `5k`, `1M`."""
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{prefix}"
    return f"{value:g}"


def row_offsets(rows: list[ChartRow]) -> dict[str, float]:
    """Return each backend's vertical offset in a row: equal values do not hide each other."""
    present = {record.case.backend for row in rows for record in row.records}
    shown = [backend for backend in BACKENDS if backend in present]
    return {backend: (n - (len(shown) - 1) / 2) * 0.19 for n, backend in enumerate(shown)}


def chart_layout(height: int, axis: str) -> dict[str, Any]:
    """Return the layout of every chart; `axis` is the title of the value axis."""
    return {
        "template": "none",
        "height": height,
        "autosize": True,
        "margin": {"l": 8, "r": 12, "t": 6, "b": 46},
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": {
            "title": {"text": axis, "standoff": 8},
            "zeroline": False,
            "exponentformat": "SI",
            "tickangle": 0,
        },
        "yaxis": {"automargin": True, "zeroline": False, "ticks": ""},
    }


def finish_rows(
    figure: go.Figure, rows: list[ChartRow], settings: dict[str, Any], *, key: str, title: str, caption: str
) -> Chart:
    """Label the rows from the top, size the chart to them and make it final."""
    height = FRAME_PX + ROW_PX * len(rows)
    figure.update_layout(settings | {"height": height})
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=[row.label for row in rows])
    figure.update_yaxes(range=[len(rows) - 0.45, -0.55])
    return draw_chart(figure, key, title, caption, height)


def draw_chart(
    figure: go.Figure, key: str, title: str, caption: str, height: int, entries: tuple[LegendEntry, ...] = ()
) -> Chart:
    """Make the chart of a finished figure."""
    return Chart(key, title, caption, json.loads(figure.to_json()), height, entries=entries)


def _colour(trace: dict[str, Any]) -> str:
    """The colour of a trace's markers, or of its lines where it has no markers."""
    colour: str = trace["marker"]["color"] if "marker" in trace else trace["line"]["color"]
    return colour
