"""The report's charts of figures: throughput, latency and memory, a row per model and a line per backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from anatomy.bench.records.case import Mode
from anatomy.bench.records.record import Record
from anatomy.bench.records.sureness import median_step, rate_text, throughput
from anatomy.reports.answers.backend_race import Race, run_races
from anatomy.reports.batch_curves import batch_charts
from anatomy.reports.chart import (
    COLOURS,
    Chart,
    backend_legend,
    chart_rows,
    log_scale,
    log_ticks,
    marker,
    records_of,
    row_axes,
)
from anatomy.reports.memory_front import front_charts
from anatomy.reports.phase_bars import phase_chart, preparation_chart
from anatomy.reports.roofline import roofline_charts
from anatomy.reports.run_labels import LabelledRun, labelled_records, with_records
from anatomy.reports.scaling_chart import scaling_charts
from anatomy.reports.table import MEBI
from anatomy.reports.tables.model_table import TIMED

WEAK_REMARK = " ≈: a weak figure; the table of trust has the reason."
# Marks that can be told apart: of runs with more records the first races of each mode are drawn.
MOST_DRAWN = 400
MOST_RACES = 12
# Fastest step, the middle half with the median, and the 90th percentile.
LATENCIES = (0, 0.25, 0.5, 0.75, 0.9)


class ChartedRuns(NamedTuple):
    """The runs whose records are drawn, and which of them; empty where all are."""

    runs: tuple[LabelledRun, ...]
    shortened: str = ""


def charted_runs(runs: Sequence[LabelledRun]) -> ChartedRuns:
    """Choose what is drawn: all of runs that are not large, else each backend at its fastest in the first races."""
    if len(labelled_records(runs, lambda record: record.case.mode != "count")) <= MOST_DRAWN:
        return ChartedRuns(tuple(runs))
    drawn, all_of_them, chosen = 0, 0, []
    for item in runs:
        found = item.once(run_races)
        first = [race for mode in dict.fromkeys(race.mode for race in found) for race in _of_mode(found, mode)]
        keys = {entry.record.key for race in first for entry in race.contenders}
        chosen.append(with_records(item, [record for record in item.run.records if record.key in keys]))
        drawn, all_of_them = drawn + len(first), all_of_them + len(found)
    return ChartedRuns(
        tuple(chosen),
        f"Charts are of {drawn:,} of {all_of_them:,} comparisons, each backend at its fastest batch size; the table of"
        " the fastest has all of them.",
    )


def _of_mode(found: Sequence[Race], mode: str) -> list[Race]:
    return [race for race in found if race.mode == mode][:MOST_RACES]


def charts(runs: Sequence[LabelledRun]) -> tuple[Chart, ...]:
    """Return every chart of the report, in its order."""
    return (
        *front_charts(runs),
        *(throughput_chart(runs, mode) for mode in TIMED),
        *batch_charts(runs),
        *(latency_chart(runs, mode) for mode in TIMED),
        *(memory_chart(runs, mode) for mode in TIMED),
        *(preparation_chart(runs, mode) for mode in TIMED),
        *scaling_charts(runs, TIMED),
        phase_chart(runs),
        *roofline_charts(runs),
    )


def throughput_chart(runs: Sequence[LabelledRun], mode: Mode) -> Chart:
    """Draw the throughput with its 95 % interval: a dot per backend on a logarithmic axis, a row per model."""
    return _dots(
        runs,
        mode,
        lambda record: record.throughput_examples_per_s,
        text=lambda record: rate_text(record, compact=True),
        weak=lambda record: throughput(record).weak,
        interval=lambda record: record.throughput_interval_examples_per_s,
        key=f"throughput-{mode}",
        title=f"Throughput, {mode}",
        axis="examples/s, log scale",
        caption=(
            "Examples per second in pipelined blocks, and the 95 % interval as a line; further right is faster. Equal "
            "distances are equal ratios."
        ),
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
        text=lambda record: _mebibytes_text(mebibytes(record) or 0),
        key=f"memory-{mode}",
        title=f"Host memory peak, {mode}",
        axis="MiB above base, log scale",
        caption="Highest resident memory of the worker, less what it held before the model was built.",
        empty=f"No {mode} case has a memory peak.",
    )


def latency_chart(runs: Sequence[LabelledRun], mode: Mode) -> Chart:
    """Draw the times of synchronised steps: a box per backend and model."""
    key, title = f"latency-{mode}", f"Step latency, {mode}"
    caption = (
        "Synchronised steps, each timed to its last output: the thick bar spans the middle half, the mark in it is the "
        "median, the line reaches from the fastest step to the 90th percentile. The figure is the median, in ms."
    )
    rows = chart_rows(runs, mode, lambda record: bool(record.step_s))
    if not rows:
        return Chart(key, title, caption, None, empty=f"No {mode} case has step times.")
    drawn = row_axes(rows, "ms a step, log scale")
    values: list[float] = []
    weak = False
    for number, row in enumerate(rows):
        for record in row.records:
            backend, y = record.case.backend, drawn.places[number, record.case.backend]
            fastest, q1, median, q3, slow = latencies_ms(record)
            drawn.axes.hlines(y, fastest, slow, colors=COLOURS[backend], linewidth=1.5)
            drawn.axes.hlines(y, q1, q3, colors=COLOURS[backend], linewidth=7, alpha=0.5)
            drawn.axes.plot(median, y, **marker(backend, 5))
            # As everywhere else: of several processes the median of theirs.
            shown = median_step(record)
            drawn.write(slow, y, shown.about(shown.number(1e3)), weak=shown.weak)
            weak |= shown.weak
            values += [fastest, slow]
    log_scale(drawn.axes, values)
    caption += WEAK_REMARK if weak else ""
    return Chart(key, title, caption, drawn.figure, entries=backend_legend(records_of(rows)))


def latencies_ms(record: Record) -> list[float]:
    """The `LATENCIES` of a record's synchronised steps, in ms."""
    return [1e3 * float(value) for value in np.quantile(record.step_s, LATENCIES)]


def _mebibytes_text(mebibytes: float) -> str:
    return f"{mebibytes:,.0f}" if mebibytes >= 100 else f"{mebibytes:.3g}"


def _dots(
    runs: Sequence[LabelledRun],
    mode: Mode,
    value: Callable[[Record], float | None],
    *,
    text: Callable[[Record], str],
    weak: Callable[[Record], bool] = lambda record: False,
    interval: Callable[[Record], tuple[float, float] | None] = lambda record: None,
    axis: str,
    key: str,
    title: str,
    caption: str,
    empty: str,
) -> Chart:
    rows = chart_rows(runs, mode, lambda record: value(record) is not None)
    if not rows:
        return Chart(key, title, caption, None, empty=empty)
    drawn = row_axes(rows, axis)
    shown = [(number, r, x) for number, row in enumerate(rows) for r in row.records if (x := value(r)) is not None]
    # A wide interval must not flatten the chart: it is cut at the ends of the axis.
    values = [x for _, _, x in shown]
    log_scale(drawn.axes, values)
    end = 10 ** log_ticks(values)[1]
    for number, record, x in shown:
        backend, y = record.case.backend, drawn.places[number, record.case.backend]
        if known := interval(record):
            drawn.axes.hlines(y, *known, colors=COLOURS[backend], linewidth=1.5)
        drawn.axes.plot(x, y, **marker(backend))
        # Behind the interval, as far as that is drawn.
        drawn.write(min(max(x, known[1] if known else x), end), y, text(record), weak=weak(record))
    caption += WEAK_REMARK if any(weak(record) for _, record, _ in shown) else ""
    return Chart(key, title, caption, drawn.figure, entries=backend_legend(records_of(rows)))
