"""Bars of the report: where the time went, and what had to be waited for before the second step."""

from __future__ import annotations

import json
from collections.abc import Sequence

import plotly.graph_objects as go

from anatomy.bench.records.case import Mode
from anatomy.reports.chart import (
    COLOURS,
    FRAME_PX,
    ROW_PX,
    SYMBOLS,
    Chart,
    escape,
    finish,
    layout,
    places,
    remarks,
    rows_of,
)
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.tables.model_table import TIMED

PHASE_COLOURS = {
    "import_s": "#8a8f98",
    "start_s": "#b9a44c",
    "build_s": "#3a8fd9",
    "compile_s": "#d55e00",
    "warmup_s": "#cc79a7",
    "measure_s": "#009e73",
}


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
    return finish(
        figure, rows, layout(0, "s") | {"barmode": "stack"}, key=key, title=title, caption=caption + remarks(rows)
    )


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
