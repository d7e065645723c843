"""Input pipelines: what the input adds to a step, and with how many workers it stops being the limit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from anatomy.bench.records.input_figures import InputFigures, WorkersAndLimit, enough_workers
from anatomy.bench.records.record import Record
from anatomy.reports.model_labels import case_text
from anatomy.reports.run_labels import LabelledRecord, LabelledRun, labelled_records, with_run
from anatomy.reports.table import Column, Table, build_table, with_details
from anatomy.reports.tables.case_cells import CASE_COLUMNS, case_cells

_COLUMNS = (
    Column("model", "model"),
    Column("limit", "limit"),
    Column("source", "source", missing="the model's own data"),
    Column("feed", "feed"),
    Column("workers", "workers", kind="number", whole=True),
    Column("with_input", "with input", "examples/s", "number", group="throughput"),
    Column("ready", "batches ready", "examples/s", "number", group="throughput"),
    Column("alone", "input alone", "examples/s", "number", group="throughput"),
    Column("added_s", "mean", "ms", "number", 1e3, group="input adds to a step"),
    Column("low_s", "from", "ms", "number", 1e3, group="input adds to a step"),
    Column("high_s", "to", "ms", "number", 1e3, group="input adds to a step"),
    *(column for column in CASE_COLUMNS if column.key != "model"),
)


def input_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """A row for each case with an input pipeline; no table where there is none."""
    found = labelled_records(runs, lambda record: record.input_figures is not None)
    if not found:
        return ()
    table = build_table(
        with_run(with_details(_COLUMNS, "source", "workers", "low_s", "high_s"), runs),
        found,
        _cells,
        case=lambda labelled: labelled.case_id,
        key="inputs",
        title="Input pipelines",
        caption="What fit and predict wait for: epochs that read their input, epochs whose batches are ready in "
        "memory, and the input without the model, in turns in one process.",
        notes=(
            "The input adds to a step what an epoch with it takes longer than one with batches that are ready, over "
            "its steps; the interval is Student's 95 % over five turns. Below 5 % of a step the model is the limit. "
            "Above it the input is, if it is slower alone than the model; if not, it takes time from the model, in "
            "between or by its cores.",
            "What part of preparing an example a step takes is timed in one thread, without the model.",
            "Workers are threads of tf.data, PyDataset and Grain, and processes of the DataLoader. Files are in the "
            "page cache. What an epoch takes to begin is spread over its steps.",
        ),
    )
    return (table,)


def input_sentences(records: Sequence[Record]) -> list[str]:
    """For each model, backend, source and feed, whether the input is the limit, and with how many workers."""
    fed = [record for record in records if record.input_figures is not None and record.case.source]
    sentences = []
    for name, group in groupby(sorted(fed, key=_pipeline), _pipeline):
        cases = list(group)
        tried = [WorkersAndLimit(r.case.workers, r.input_figures.limit) for r in cases if r.input_figures is not None]
        *_, last = sorted(cases, key=lambda record: record.case.workers)
        words = enough_workers(tried) if len(tried) > 1 else _figures(last).in_words()
        slowest = _figures(last).slowest
        named = len(tried) > 1 and "input-bound" in words and not words.startswith("not") and slowest is not None
        sentences.append(f"{name}: {words}{f'; {slowest[0]} is the slowest step' if named and slowest else ''}.")
    return sentences


def _pipeline(record: Record) -> str:
    case = record.case
    return (
        f"{case_text(case)}, {case.mode} on {case.backend}, batch {case.batch_size}, {case.source} through {case.feed}"
    )


def _figures(record: Record) -> InputFigures:
    assert record.input_figures is not None
    return record.input_figures


def _cells(labelled: LabelledRecord) -> dict[str, Any]:
    case, figures = labelled.record.case, _figures(labelled.record)
    low, high = figures.added_interval_s
    return {
        **case_cells(labelled),
        "source": case.source or None,
        "feed": case.feed if case.source else None,
        "workers": case.workers if case.source else None,
        "with_input": case.batch_size / figures.fed_s,
        "ready": case.batch_size / figures.ready_s,
        "alone": case.batch_size / figures.alone_s,
        "added_s": figures.added_s,
        "low_s": low,
        "high_s": high,
        "limit": figures.in_words(),
    }
