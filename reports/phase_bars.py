"""Bar charts of phases: where the time of a run went, and the time to the first step."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from anatomy.bench.records.case import Mode
from anatomy.reports.chart import (
    COLOURS,
    FRAME_PX,
    ROW_PX,
    SYMBOLS,
    Chart,
    caption_remarks,
    chart_layout,
    chart_rows,
    draw_chart,
    escape_label,
    finish_rows,
    row_offsets,
)
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.tables.model_table import TIMED

# No colour of a backend: both stand in one legend.
PHASE_COLOURS = {
    "import_s": "#808690",
    "start_s": "#8f8f5a",
    "build_s": "#a2665e",
    "compile_s": "#a05fb4",
    "warmup_s": "#a97fb5",
    "measure_s": "#8c6d1f",
}
_HOVER = "%{text}<br>%{x:.3~g} s<extra>%{fullData.name}</extra>"


def phase_chart(runs: Sequence[LabelledRun]) -> Chart:
    """Draw one stacked bar per backend: where the time of the run went."""
    totals: dict[str, dict[str, float | None]] = {}
    for item in runs:
        for record in item.run.records:
            if record.case.mode not in TIMED:
                continue
            label = record.case.backend if len(runs) == 1 else f"{record.case.backend} ({item.label})"
            phases = totals.setdefault(label, dict.fromkeys(PHASE_COLOURS, 0.0))
            for name, seconds in record.phases.model_dump(exclude_none=True).items():
                # The import happens once for all cases of a backend.
                before = phases[name] or 0.0
                phases[name] = max(before, seconds) if name == "import_s" else before + seconds
    key, title = "phases", "Where the time went"
    caption = "Seconds of each phase, summed over the timed cases of a backend; the import is counted once."
    bars = [(escape_label(label), phases) for label, phases in totals.items() if any(phases.values())]
    if not bars:
        return Chart(key, title, caption, None, empty="No case got as far as a timed phase.")
    figure = go.Figure()
    for name in PHASE_COLOURS:
        figure.add_bar(
            name=name.removesuffix("_s"),
            orientation="h",
            x=[phases[name] or 0.0 for _, phases in bars],
            y=list(range(len(bars))),
            text=[label for label, _ in bars],
            textposition="none",
            marker={"color": PHASE_COLOURS[name]},
            hovertemplate=_HOVER,
        )
    height = FRAME_PX + ROW_PX * len(bars)
    figure.update_layout(chart_layout(height, "s"), barmode="stack", bargap=0.25)
    figure.update_yaxes(tickvals=list(range(len(bars))), ticktext=[label for label, _ in bars])
    figure.update_yaxes(range=[len(bars) - 0.5, -0.5])
    return draw_chart(figure, key, title, caption, height)


def preparation_chart(runs: Sequence[LabelledRun], mode: Mode) -> Chart:
    """Draw one stacked bar per backend and model: the time until the first step has ended."""
    key, title = f"preparation-{mode}", f"Time to the first step, {mode}"
    caption = (
        "For each case: starting the process, building the model, and the first step with its compilation. "
        "The mark at the foot of a bar is its backend's."
    )
    rows = chart_rows(runs, mode, lambda record: record.phases.compile_s is not None)
    if not rows:
        return Chart(key, title, caption, None, empty=f"No {mode} case reached its first step.")
    bars = [
        (n + place, backend, record)
        for backend, place in row_offsets(rows).items()
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
            text=[escape_label(record.name) for _, _, record in bars],
            textposition="none",
            marker={"color": PHASE_COLOURS[name]},
            hovertemplate=_HOVER,
        )
    for backend in row_offsets(rows):
        figure.add_scatter(
            name=backend,
            mode="markers",
            x=[0.0 for _, name, _ in bars if name == backend],
            y=[place for place, name, _ in bars if name == backend],
            marker={"size": 8, "color": COLOURS[backend], "symbol": SYMBOLS[backend]},
            cliponaxis=False,
            hoverinfo="name",
        )
    settings = chart_layout(0, "s") | {"barmode": "stack"}
    return finish_rows(figure, rows, settings, key=key, title=title, caption=caption + caption_remarks(rows))
