"""Charts of what a tuning tried: speed over memory, and the settings that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.tuning import Contender, Tuning, front, read_tuning, setting_text
from anatomy.models import format_model
from anatomy.reports.chart import (
    AXIS_HEIGHT,
    FONT,
    WIDTH,
    Chart,
    backend_legend,
    log_scale,
    marker,
    new_figure,
    style_axes,
)
from anatomy.reports.chart_svg import INK, SOFT
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.table import MEBI

HEIGHT = 320
# Below two settings on it there is nothing to choose.
FEWEST = 2
_AXES = {"throughput": "examples/s", "energy": "examples/J", "latency": "steps/s"}
_SHORT = {"float32": "", "mixed_bfloat16": " bf16", "mixed_float16": " f16", "bfloat16": " bf16", "float16": " f16"}


def front_charts(runs: Sequence[LabelledRun]) -> tuple[Chart, ...]:
    """Draw a chart for each tuning that has a choice between speed and memory; a point leads to its case."""
    found = [(item, tuning) for item in runs if (tuning := read_tuning(item.run.path)) is not None]
    return tuple(
        _chart(item, tuning, f"front-{number}", "" if len(runs) == 1 else f" ({item.label})")
        for number, (item, tuning) in enumerate(found)
        if tuning.goal.name != "memory" and len(front(tuning.contenders)) >= FEWEST
    )


def _chart(item: LabelledRun, tuning: Tuning, key: str, of_run: str) -> Chart:
    best = front(tuning.contenders)
    points = [one for one in tuning.contenders if one.standing != "out" and one.figure and one.memory_bytes]
    figure = new_figure(HEIGHT)
    left, below = 52 / WIDTH, AXIS_HEIGHT / HEIGHT
    axes = figure.add_axes((left, below, 1 - 62 / WIDTH, 0.97 - below))
    style_axes(axes, x="MiB over the steps, log scale", y=f"{_AXES[tuning.goal.name]}, log scale")
    log_scale(axes, [_mebibytes(one) for one in points], room=0.12)
    log_scale(axes, [one.figure or 0.0 for one in points], room=0.05, which="y")
    axes.plot(*zip(*map(_place, best), strict=True), color=SOFT, linewidth=1, drawstyle="steps-post")
    records = {record.key: record for record in item.run.records}
    links: dict[str, str] = {}
    for one in points:
        (dot,) = axes.plot(*_place(one), **marker(one.case.backend, 7 if one in best else 5))
        dot.set_alpha(1.0 if one in best else 0.55)
        record = records.get(one.case.key)
        if record is not None and (page := item.page(record)):
            dot.set_url(page.address)
            links[page.address] = setting_text(one.case)
    for one in best:
        _write(axes, one, f"{one.case.batch_size}{_SHORT.get(one.case.dtype, '')}")
    marked = []
    for named, shape, size, words in (
        (tuning.winner, "o", 15, "The ring is what is recommended."),
        (tuning.as_default, "x", 11, "The cross is what you get by default."),
    ):
        if named is not None and named in points:
            axes.plot(*_place(named), marker=shape, markersize=size, markerfacecolor="none", markeredgecolor=INK)
            marked.append(words)
    return Chart(
        key,
        f"Speed against memory, {_title(tuning.default)}{of_run}",
        "Each setting that was tried and is right. Those on the line are beaten by no other in both speed and memory; "
        f"beside them is their batch size. {' '.join(marked)}" + (" A point leads to its case." if links else ""),
        figure,
        entries=backend_legend(_drawn(records, points)),
        links=links,
    )


def _drawn(records: dict[str, Record], points: Sequence[Contender]) -> list[Record]:
    return [records[one.case.key] for one in points if one.case.key in records]


def _place(one: Contender) -> tuple[float, float]:
    return _mebibytes(one), one.figure or 0.0


def _mebibytes(one: Contender) -> float:
    return (one.memory_bytes or 0) / MEBI


def _write(axes: Axes, one: Contender, text: str) -> None:
    axes.annotate(text, _place(one), (6, -11), textcoords="offset points", fontsize=FONT - 1, color=INK)


def _title(case: Case) -> str:
    return f"{format_model(case.model, case.options)}, {case.mode}"
