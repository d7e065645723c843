"""Bar charts of phases: where the time of a run went, and the time to the first step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes

from anatomy.bench.records.case import Mode
from anatomy.reports.chart import (
    LABEL_HEIGHT,
    LINE_HEIGHT,
    ROOM_FOR_TEXT,
    ROW_GAP,
    SQUARE_PATH,
    Chart,
    LegendEntry,
    RowAxes,
    backend_legend,
    chart_rows,
    labelled_axes,
    marker,
    records_of,
    row_axes,
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
_TO_FIRST_STEP = ("start_s", "build_s", "compile_s")


def phase_chart(runs: Sequence[LabelledRun]) -> Chart:
    """Draw one stacked bar per backend: where the time of the run went."""
    key, title = "phases-of-backends", "Where the time went"
    caption = "Seconds of each phase, summed over the timed cases of a backend; the import is counted once."
    totals = {label: phases for label, phases in phase_totals(runs).items() if any(phases.values())}
    if not totals:
        return Chart(key, title, caption, None, empty="No case got as far as a timed phase.")
    step = LABEL_HEIGHT + LINE_HEIGHT + ROW_GAP
    labels = [(n * step + LABEL_HEIGHT / 2, label) for n, label in enumerate(totals)]
    figure, axes = labelled_axes(labels, step * len(totals), "s")
    for n, phases in enumerate(totals.values()):
        y = n * step + LABEL_HEIGHT + LINE_HEIGHT / 2
        end = stack(axes, y, [(PHASE_COLOURS[name], seconds) for name, seconds in phases.items()])
        RowAxes(figure, axes, {}).write(end, y, f"{end:,.3g} s")
    linear_scale(axes, max(sum(phases.values()) for phases in totals.values()))
    return Chart(key, title, caption, figure, entries=_phase_legend(PHASE_COLOURS))


def phase_totals(runs: Sequence[LabelledRun]) -> dict[str, dict[str, float]]:
    """Seconds of each phase over the timed cases, by backend and run."""
    totals: dict[str, dict[str, float]] = {}
    for item in runs:
        for record in item.run.records:
            if record.case.mode not in TIMED:
                continue
            label = record.case.backend if len(runs) == 1 else f"{record.case.backend} ({item.label})"
            phases = totals.setdefault(label, dict.fromkeys(PHASE_COLOURS, 0.0))
            for name, seconds in record.phases.model_dump(exclude_none=True).items():
                # The import happens once for all cases of a backend.
                phases[name] = max(phases[name], seconds) if name == "import_s" else phases[name] + seconds
    return totals


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
    drawn = row_axes(rows, "s")
    ends = []
    for number, row in enumerate(rows):
        for record in row.records:
            y = drawn.places[number, record.case.backend]
            seconds = [(PHASE_COLOURS[name], getattr(record.phases, name) or 0.0) for name in _TO_FIRST_STEP]
            ends.append(stack(drawn.axes, y, seconds))
            drawn.axes.plot(0, y, **marker(record.case.backend, 6))
            drawn.write(ends[-1], y, f"{ends[-1]:,.3g} s")
    linear_scale(drawn.axes, max(ends))
    entries = (*_phase_legend(_TO_FIRST_STEP), *backend_legend(records_of(rows)))
    return Chart(key, title, caption, drawn.figure, entries=entries)


def stack(axes: Axes, y: float, parts: Iterable[tuple[str, float]], height: float = LINE_HEIGHT - 4) -> float:
    """Draw a bar of parts, each a colour and a length, and return where it ends."""
    end = 0.0
    for colour, length in parts:
        if length > 0:
            axes.barh(y, length, left=end, height=height, color=colour)
        end += length
    return end


def linear_scale(axes: Axes, longest: float) -> None:
    """Begin at 0 and leave room for the figures behind the bars."""
    axes.set_xlim(0, longest / (1 - ROOM_FOR_TEXT) or 1.0)
    axes.locator_params(axis="x", nbins=5)


def _phase_legend(names: Iterable[str]) -> tuple[LegendEntry, ...]:
    return tuple(LegendEntry(name.removesuffix("_s"), PHASE_COLOURS[name], SQUARE_PATH) for name in names)
