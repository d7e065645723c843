"""The talk's table of models: each architecture of a run beside its paper, its claimed and its counted size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from anatomy.bench.records.record_parts import Counts
from anatomy.models import Architecture
from anatomy.reports.model_labels import architecture_of, case_text, counts_by_model
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.table import Column, Table, build_table, with_details

_NOT_COUNTED = "not counted in this run"
_COLUMNS = with_details(
    (
        Column("architecture", "architecture"),
        Column("year", "year", kind="number", whole=True, separators=False, group="paper"),
        Column("paper", "paper", kind="citation", group="paper"),
        Column("published_error", "published error, quoted", group="paper", missing="–"),
        *(
            Column(f"full_{key}", head, kind="number", whole=True, group="full size", missing=missing)
            for key, head, missing in (
                ("parameters_claimed", "parameters claimed", "no claim"),
                ("parameters", "parameters counted", _NOT_COUNTED),
                ("macs", "MACs", _NOT_COUNTED),
                ("weight_layers", "layers with weights", _NOT_COUNTED),
                ("depth", "depth", _NOT_COUNTED),
            )
        ),
        Column("measured", "measured here as", missing="only counted"),
    ),
    "measured",
)


class _Row(NamedTuple):
    """An architecture in a run, with the counts of all its run's models, and those that were timed."""

    label: str
    architecture: Architecture
    counts: dict[str, Counts]
    measured: list[str]


def architecture_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each architecture of each run."""
    return build_table(
        with_run(_COLUMNS, runs),
        [row for item in runs for row in _rows(item)],
        _cells,
        key="architectures",
        title="Architectures and their papers",
        caption="Each architecture of the run: its paper, the size that is claimed for it and that counted.",
        notes=(
            "Full size: the architecture at its own defaults, which are the slides' or the paper's, counted without "
            "running it. MACs are those of one example, forward.",
            "Parameters claimed and published errors are quoted from the slides or the papers, never verified.",
        ),
        empty="No architecture of the talk is in this run.",
    )


def _rows(item: LabelledRun) -> list[_Row]:
    counts = counts_by_model(item.run.records)
    measured: dict[str, list[str]] = {}
    for record in item.run.records:
        texts = measured.setdefault(record.case.model, [])
        text = case_text(record.case)
        if record.case.mode not in ("count", "stage") and text not in texts:
            texts.append(text)
    found = ((architecture_of(model), texts) for model, texts in measured.items())
    return [_Row(item.label, known, counts, texts) for known, texts in found if known is not None]


def _cells(row: _Row) -> dict[str, Any]:
    architecture, full = row.architecture, row.counts.get(row.architecture.name)
    source = architecture.paper.partition("),")[0] + ")"
    return {
        "run": row.label,
        "architecture": architecture.title,
        "year": architecture.year,
        "paper": architecture.paper,
        "published_error": f"“{architecture.published_error}”, {source}" if architecture.published_error else None,
        "full_parameters_claimed": architecture.claimed_parameters,
        **{
            f"full_{name}": full.whole(name) if full else None
            for name in ("parameters", "macs", "weight_layers", "depth")
        },
        "measured": "; ".join(row.measured) or None,
    }
