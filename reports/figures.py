"""Charts of the report, as Plotly figures without colours of page or text: the page's theme gives those."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from anatomy.bench.case import Mode
from anatomy.bench.record import Record
from anatomy.reports.chart import (
    FRAME_PX,
    ROW_PX,
    Chart,
    Row,
    escape,
    layout,
    log_axis,
    places,
    rows_of,
)
from anatomy.reports.labels import LabelledRun
from anatomy.reports.table import MEBI
from anatomy.reports.tables.models import TIMED

# Okabe and Ito's palette for colour-blind readers, as far as it is legible on white and on black.
COLOURS = {"tensorflow": "#e08a00", "jax": "#3a8fd9", "torch": "#d55e00", "openvino": "#009e73"}
SYMBOLS = {"tensorflow": "circle", "jax": "square", "torch": "diamond", "openvino": "triangle-up"}
PHASE_COLOURS = {
    "import_s": "#8a8f98",
    "start_s": "#b9a44c",
    "build_s": "#3a8fd9",
    "compile_s": "#d55e00",
    "warmup_s": "#cc79a7",
    "measure_s": "#009e73",
}


def charts(runs: Sequence[LabelledRun]) -> tuple[Chart, ...]:
    """Every chart of the report, in its order."""
    return (
        *(throughput_chart(runs, mode) for mode in TIMED),
        *(latency_chart(runs, mode) for mode in TIMED),
        *(memory_chart(runs, mode) for mode in TIMED),
        *(preparation_chart(runs, mode) for mode in TIMED),
        phase_chart(runs),
    )


def throughput_chart(runs: Sequence[LabelledRun], mode: Mode) -> Chart:
    """A dot for each backend on a logarithmic axis, a row for each model."""
    return _dots(
        runs,
        mode,
        lambda record: record.throughput_examples_per_s,
        key=f"throughput-{mode}",
        title=f"Throughput, {mode}",
        axis="examples/s, log scale",
        caption="Examples per second in pipelined blocks; further right is faster. Equal distances are equal ratios.",
        empty=f"No {mode} case has a throughput.",
    )


def memory_chart(runs: Sequence[LabelledRun], mode: Mode) -> Chart:
    """A dot for each backend on a logarithmic axis, a row for each model."""

    def mebibytes(record: Record) -> float | None:
        # A peak no higher than the base has no place on a logarithmic axis.
        above = record.peak_host_above_base_bytes or 0
        return above / MEBI if above > 0 else None

    return _dots(
        runs,
        mode,
        mebibytes,
        key=f"memory-{mode}",
        title=f"Host memory peak, {mode}",
        axis="MiB above base, log scale",
        caption="Highest resident memory of the worker, less what it held before the model was built.",
        empty=f"No {mode} case has a memory peak.",
    )


def latency_chart(runs: Sequence[LabelledRun], mode: Mode) -> Chart:
    """A box for each backend and model from the raw times of synchronised steps."""
    rows = rows_of(runs, mode, lambda record: bool(record.step_s))
    figure = go.Figure()
    for backend, place in places(rows).items():
        found = [(n, r) for n, row in enumerate(rows) for r in row.records if r.case.backend == backend]
        quantiles = [1e3 * np.quantile(record.step_s, (0, 0.25, 0.5, 0.75, 0.9)) for _, record in found]
        fastest, q1, median, q3, slow = zip(*quantiles, strict=True)
        figure.add_box(
            name=backend,
            orientation="h",
            y=[n + place for n, _ in found],
            lowerfence=fastest,
            q1=q1,
            median=median,
            q3=q3,
            upperfence=slow,
            width=0.17,
            line={"width": 2, "color": COLOURS[backend]},
            fillcolor=COLOURS[backend] + "66",
            hoverinfo="x+name",
        )
    return _chart(
        figure,
        rows,
        [1e3 * step for row in rows for record in row.records for step in record.step_s],
        key=f"latency-{mode}",
        title=f"Step latency, {mode}",
        axis="ms a step, log scale",
        caption=(
            "Synchronised steps, each timed to its last output: the box spans the middle half, the line in it is "
            "the median, the whiskers reach from the fastest step to the 90th percentile."
        ),
        empty=f"No {mode} case has step times.",
    )


def phase_chart(runs: Sequence[LabelledRun]) -> Chart:
    """One stacked bar for each backend: where the time of the run went."""
    totals: dict[str, dict[str, float | None]] = {}
    for item in runs:
        for record in item.run.records:
            if record.case.mode not in TIMED:
                continue
            label = record.case.backend if len(runs) == 1 else f"{record.case.backend} ({item.label})"
            phases = totals.setdefault(label, dict.fromkeys(PHASE_COLOURS, 0.0))
            for name, seconds in record.phases.model_dump(exclude_none=True).items():
                # Imported once for all cases of a backend, not once a case.
                before = phases[name] or 0.0
                phases[name] = max(before, seconds) if name == "import_s" else before + seconds
    return _stack(
        [(escape(label), phases) for label, phases in totals.items() if any(phases.values())],
        tuple(PHASE_COLOURS),
        key="phases",
        title="Where the time went",
        caption="Seconds of each phase, summed over the timed cases of a backend; the import is counted once.",
        empty="No case got as far as a timed phase.",
    )


def preparation_chart(runs: Sequence[LabelledRun], mode: Mode) -> Chart:
    """A stacked bar for each backend and model: what had to be waited for before the second step."""
    key, title = f"preparation-{mode}", f"Time to the first step, {mode}"
    caption = (
        "For each case: starting the process, building the model, and the first step with its compilation. "
        "The mark at the foot of a bar is its backend's."
    )
    rows = rows_of(runs, mode, lambda record: record.phases.compile_s is not None)
    if not rows:
        return Chart(key, title, caption, None, empty=f"No {mode} case reached its first step.")
    bars = [
        (n + place, backend, record)
        for backend, place in places(rows).items()
        for n, row in enumerate(rows)
        for record in row.records
        if record.case.backend == backend
    ]
    figure = go.Figure()
    for name in ("start_s", "build_s", "compile_s"):
        figure.add_bar(
            name=name.removesuffix("_s"),
            orientation="h",
            width=0.15,
            x=[getattr(record.phases, name) or 0.0 for _, _, record in bars],
            y=[place for place, _, _ in bars],
            text=[escape(record.name) for _, _, record in bars],
            textposition="none",
            marker={"color": PHASE_COLOURS[name]},
            hovertemplate="%{text}<br>%{x:.3~g} s<extra>%{fullData.name}</extra>",
        )
    for backend in places(rows):
        figure.add_scatter(
            name=backend,
            mode="markers",
            x=[0.0 for _, name, _ in bars if name == backend],
            y=[place for place, name, _ in bars if name == backend],
            marker={"size": 8, "color": COLOURS[backend], "symbol": SYMBOLS[backend]},
            cliponaxis=False,
            hoverinfo="name",
        )
    return _finish(figure, rows, layout(0, "s") | {"barmode": "stack"}, key=key, title=title, caption=caption)


def _dots(
    runs: Sequence[LabelledRun], mode: Mode, value: Callable[[Record], float | None], *, axis: str, **texts: str
) -> Chart:
    rows = rows_of(runs, mode, lambda record: value(record) is not None)
    figure = go.Figure()
    for backend, place in places(rows).items():
        found = [(n, row, r) for n, row in enumerate(rows) for r in row.records if r.case.backend == backend]
        figure.add_scatter(
            name=backend,
            mode="markers",
            x=[value(record) for _, _, record in found],
            y=[n + place for n, _, _ in found],
            text=[escape(row.name) for _, row, _ in found],
            marker={"size": 10, "color": COLOURS[backend], "symbol": SYMBOLS[backend]},
            hovertemplate="%{text}<br>%{x:,.4~g}<extra>" + backend + "</extra>",
        )
    values = [shown for row in rows for record in row.records if (shown := value(record)) is not None]
    return _chart(figure, rows, values, axis=axis, **texts)


def _chart(
    figure: go.Figure,
    rows: list[Row],
    values: Sequence[float],
    *,
    axis: str,
    key: str,
    title: str,
    caption: str,
    empty: str,
) -> Chart:
    if not rows:
        return Chart(key, title, caption, None, empty=empty)
    settings = layout(0, axis)
    settings["xaxis"] |= log_axis(values)
    return _finish(figure, rows, settings, key=key, title=title, caption=caption)


def _finish(figure: go.Figure, rows: list[Row], settings: dict[str, Any], **texts: str) -> Chart:
    """Label the rows from the top and size the chart to them."""
    height = FRAME_PX + ROW_PX * len(rows)
    figure.update_layout(settings | {"height": height})
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=[row.label for row in rows])
    figure.update_yaxes(range=[len(rows) - 0.45, -0.55])
    return Chart(**texts, spec=json.loads(figure.to_json()), height=height)


def _stack(
    bars: list[tuple[str, dict[str, float | None]]],
    names: tuple[str, ...],
    *,
    key: str,
    title: str,
    caption: str,
    empty: str,
) -> Chart:
    if not bars:
        return Chart(key, title, caption, None, empty=empty)
    figure = go.Figure()
    for name in names:
        figure.add_bar(
            name=name.removesuffix("_s"),
            orientation="h",
            x=[phases[name] or 0.0 for _, phases in bars],
            y=list(range(len(bars))),
            text=[label for label, _ in bars],
            textposition="none",
            marker={"color": PHASE_COLOURS[name]},
            hovertemplate="%{text}<br>%{x:.3~g} s<extra>%{fullData.name}</extra>",
        )
    height = FRAME_PX + ROW_PX * len(bars)
    figure.update_layout(layout(height, "s"), barmode="stack", bargap=0.25)
    figure.update_yaxes(tickvals=list(range(len(bars))), ticktext=[label for label, _ in bars])
    figure.update_yaxes(range=[len(bars) - 0.5, -0.5])
    return Chart(key, title, caption, json.loads(figure.to_json()), height)
