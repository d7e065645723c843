"""The report's charts, as Plotly figures without the colours of page and text, which the page's theme sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import plotly.graph_objects as go

from anatomy.bench.records.case import Mode
from anatomy.bench.records.record import Record
from anatomy.reports.caveats import Caveat, caveats_of, signs
from anatomy.reports.chart import (
    COLOURS,
    SYMBOLS,
    Chart,
    ChartRow,
    caption_remarks,
    chart_layout,
    chart_rows,
    escape_label,
    finish_rows,
    log_axis,
    row_offsets,
)
from anatomy.reports.phase_bars import phase_chart, preparation_chart
from anatomy.reports.roofline import roofline_charts
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.scaling_chart import scaling_charts
from anatomy.reports.table import MEBI
from anatomy.reports.tables.model_table import TIMED


def charts(runs: Sequence[LabelledRun]) -> tuple[Chart, ...]:
    """Return every chart of the report, in its order."""
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
    """Draw the throughput: a dot per backend on a logarithmic axis, a row per model."""
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
    """Draw the peak of host memory: a dot per backend on a logarithmic axis, a row per model."""

    def mebibytes(record: Record) -> float | None:
        # A logarithmic axis has no place for a peak that is no higher than the base.
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
    """Draw the times of synchronised steps: a box per backend and model."""
    rows = chart_rows(runs, mode, lambda record: bool(record.step_s))
    figure = go.Figure()
    for backend, place in row_offsets(rows).items():
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
    caveats = _add_signs(figure, rows, lambda record: 1e3 * float(np.quantile(record.step_s, 0.9)))
    return _chart(
        figure,
        rows,
        [1e3 * step for row in rows for record in row.records for step in record.step_s],
        caveats,
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
    rows = chart_rows(runs, mode, lambda record: value(record) is not None)
    figure = go.Figure()
    for backend, place in row_offsets(rows).items():
        found = [(n, row, r) for n, row in enumerate(rows) for r in row.records if r.case.backend == backend]
        figure.add_scatter(
            name=backend,
            mode="markers",
            x=[value(record) for _, _, record in found],
            y=[n + place for n, _, _ in found],
            text=["<br>".join(filter(None, (escape_label(row.name), _folded(row.unlike)))) for _, row, _ in found],
            marker={"size": 10, "color": COLOURS[backend], "symbol": SYMBOLS[backend]},
            hovertemplate="%{text}<br>%{x:,.4~g}<extra>" + backend + "</extra>",
        )
    values = [shown for row in rows for record in row.records if (shown := value(record)) is not None]
    caveats = _add_signs(figure, rows, value) if of_times else ()
    return _chart(figure, rows, values, caveats, axis=axis, **texts)


def _add_signs(figure: go.Figure, rows: list[ChartRow], value: Callable[[Record], float | None]) -> tuple[Caveat, ...]:
    """Write the signs of each record's caveats behind its figure, and return the caveats in use."""
    shift = row_offsets(rows)
    marked = [
        (x, n + shift[record.case.backend], caveats_of(record))
        for n, row in enumerate(rows)
        for record in row.records
        if caveats_of(record) and (x := value(record)) is not None
    ]
    if marked:
        figure.add_scatter(
            name="marks",
            mode="text",
            showlegend=False,
            x=[x for x, _, _ in marked],
            y=[y for _, y, _ in marked],
            text=[f"  {signs(caveats)}" for _, _, caveats in marked],
            textposition="middle right",
            textfont={"size": 13},
            cliponaxis=False,
            hoverinfo="skip",
        )
    return tuple(caveat for _, _, caveats in marked for caveat in caveats)


def _folded(text: str) -> str:
    """One line per setting, since hover text does not wrap."""
    return "<br>".join(escape_label(part) for part in text.split("; ")) if text else ""


def _chart(
    figure: go.Figure,
    rows: list[ChartRow],
    values: Sequence[float],
    caveats: Iterable[Caveat] = (),
    *,
    axis: str,
    key: str,
    title: str,
    caption: str,
    empty: str,
) -> Chart:
    if not rows:
        return Chart(key, title, caption, None, empty=empty)
    settings = chart_layout(0, axis)
    settings["xaxis"] |= log_axis(values)
    return finish_rows(figure, rows, settings, key=key, title=title, caption=caption + caption_remarks(rows, caveats))
