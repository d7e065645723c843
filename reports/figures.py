"""Charts of the report, as Plotly figures without colours of page or text: the page's theme gives those."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import plotly.graph_objects as go

from anatomy.bench.records.case import Mode
from anatomy.bench.records.record import Record
from anatomy.reports.caveats import Mark, marks_of, signs
from anatomy.reports.chart import (
    COLOURS,
    SYMBOLS,
    Chart,
    Row,
    escape,
    finish,
    layout,
    log_axis,
    places,
    remarks,
    rows_of,
)
from anatomy.reports.phase_bars import phase_chart, preparation_chart
from anatomy.reports.roofline import roofline_charts
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.scaling_chart import scaling_charts
from anatomy.reports.table import MEBI
from anatomy.reports.tables.model_table import TIMED


def charts(runs: Sequence[LabelledRun]) -> tuple[Chart, ...]:
    """Every chart of the report, in its order."""
    return (
        *(throughput_chart(runs, mode) for mode in TIMED),
        *(latency_chart(runs, mode) for mode in TIMED),
        *(memory_chart(runs, mode) for mode in TIMED),
        *(preparation_chart(runs, mode) for mode in TIMED),
        *roofline_charts(runs),
        *scaling_charts(runs, TIMED),
        phase_chart(runs),
    )


def throughput_chart(runs: Sequence[LabelledRun], mode: Mode) -> Chart:
    """A dot for each backend on a logarithmic axis, a row for each model."""
    return _dots(
        runs,
        mode,
        lambda record: record.throughput_examples_per_s,
        of_times=True,
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
    marks = _add_marks(figure, rows, lambda record: 1e3 * float(np.quantile(record.step_s, 0.9)))
    return _chart(
        figure,
        rows,
        [1e3 * step for row in rows for record in row.records for step in record.step_s],
        marks,
        key=f"latency-{mode}",
        title=f"Step latency, {mode}",
        axis="ms a step, log scale",
        caption=(
            "Synchronised steps, each timed to its last output: the box spans the middle half, the line in it is "
            "the median, the whiskers reach from the fastest step to the 90th percentile."
        ),
        empty=f"No {mode} case has step times.",
    )


def _dots(
    runs: Sequence[LabelledRun],
    mode: Mode,
    value: Callable[[Record], float | None],
    *,
    axis: str,
    of_times: bool = False,
    **texts: str,
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
            text=["<br>".join(filter(None, (escape(row.name), _folded(row.unlike)))) for _, row, _ in found],
            marker={"size": 10, "color": COLOURS[backend], "symbol": SYMBOLS[backend]},
            hovertemplate="%{text}<br>%{x:,.4~g}<extra>" + backend + "</extra>",
        )
    values = [shown for row in rows for record in row.records if (shown := value(record)) is not None]
    marks = _add_marks(figure, rows, value) if of_times else ()
    return _chart(figure, rows, values, marks, axis=axis, **texts)


def _add_marks(figure: go.Figure, rows: list[Row], value: Callable[[Record], float | None]) -> tuple[Mark, ...]:
    """Write the marks of each record behind its figure, and return those in use."""
    shift = places(rows)
    marked = [
        (x, n + shift[record.case.backend], marks_of(record))
        for n, row in enumerate(rows)
        for record in row.records
        if marks_of(record) and (x := value(record)) is not None
    ]
    if marked:
        figure.add_scatter(
            name="marks",
            mode="text",
            showlegend=False,
            x=[x for x, _, _ in marked],
            y=[y for _, y, _ in marked],
            text=[f"  {signs(marks)}" for _, _, marks in marked],
            textposition="middle right",
            textfont={"size": 13},
            cliponaxis=False,
            hoverinfo="skip",
        )
    return tuple(mark for _, _, marks in marked for mark in marks)


def _folded(text: str) -> str:
    """One line a setting: a hover text does not wrap."""
    return "<br>".join(escape(part) for part in text.split("; ")) if text else ""


def _chart(
    figure: go.Figure,
    rows: list[Row],
    values: Sequence[float],
    marks: Iterable[Mark] = (),
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
    return finish(figure, rows, settings, key=key, title=title, caption=caption + remarks(rows, marks))
