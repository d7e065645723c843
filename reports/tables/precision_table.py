"""Precisions side by side: each case in its dtype policy beside the same case in float32."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from anatomy.bench.records.record import Record
from anatomy.bench.records.sureness import Figure, plausible_throughputs, throughput
from anatomy.reports.answers.backend_race import precision_of
from anatomy.reports.run_labels import LabelledRecord, LabelledRun, with_run
from anatomy.reports.table import MEBI, Column, Table, build_table, with_details
from anatomy.reports.tables.case_cells import CASE_COLUMNS, case_cells

BASE = "float32"
_ALL = (
    *CASE_COLUMNS,
    Column("dtype", "dtype policy", group="case"),
    Column("jit", "jit asked", group="case"),
    Column("feed", "feed", group="case"),
    Column("devices", "devices", kind="number", whole=True, group="case"),
    Column("products", "products in", group="case"),
    Column("base_products", f"in {BASE}: products in"),
    Column("throughput_examples_per_s", "in it", "examples/s", "number", group="throughput"),
    Column("base_examples_per_s", f"in {BASE}", "examples/s", "number", group="throughput"),
    Column("ratio", f"{BASE} = 1", kind="number", group="throughput"),
    Column("verdict", "verdict"),
    Column("memory_bytes", "in it", "MiB", "number", 1 / MEBI, group="host memory"),
    Column("base_memory_bytes", f"in {BASE}", "MiB", "number", 1 / MEBI, group="host memory"),
)
_COLUMNS = with_details(_ALL, "jit", "feed", "devices", "base_products")


class _Pair(NamedTuple):
    """A case in another precision, and the same in float32."""

    other: LabelledRecord
    base: Record


def precision_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """The table of precisions; none where no case was measured in two."""
    found = [pair for item in runs for pair in _pairs(item)]
    if not found:
        return ()
    table = build_table(
        with_run(_COLUMNS, runs),
        found,
        _cells,
        case=lambda pair: pair.other.case_id,
        key="precisions",
        title="Precisions",
        caption=f"Each case in another dtype policy beside the same case in {BASE}.",
        figures=_figures,
        notes=(
            "Faster and slower: what is plausible of both throughputs does not overlap; of one process ± 5 % at "
            "least. Another precision computes other numbers: whether they are good enough is for the model's user to "
            "judge. A backend may compute products in a precision of its own whatever the policy says, as OpenVINO "
            "does: products in says which.",
        ),
    )
    return (table,)


def verdict(other: Record, base: Record) -> str:
    """`faster`, `slower`, or `too close` where either may be the faster one."""
    (low, high), (base_low, base_high) = plausible_throughputs(other), plausible_throughputs(base)
    return "faster" if low > base_high else "slower" if high < base_low else "too close"


def _pairs(item: LabelledRun) -> Iterable[_Pair]:
    measured = [r for r in item.run.records if r.outcome == "ok" and r.throughput_examples_per_s]
    bases = {record.case.alike(): record for record in measured if record.case.dtype == BASE}
    for record in measured:
        if record.case.dtype != BASE:
            base = bases.get(record.case.alike(dtype=BASE))
            if base is not None:
                yield _Pair(LabelledRecord(item, record), base)


def _figures(pair: _Pair) -> dict[str, Figure]:
    other, base = throughput(pair.other.record), throughput(pair.base)
    return {"throughput_examples_per_s": other, "base_examples_per_s": base, "ratio": other.over(base)}


def _cells(pair: _Pair) -> dict[str, Any]:
    other, base = pair.other.record, pair.base
    return {
        **case_cells(pair.other),
        "feed": other.case.feed_name,
        "products": precision_of(other),
        "base_products": precision_of(base),
        **{key: figure.value for key, figure in _figures(pair).items()},
        "verdict": verdict(other, base),
        "memory_bytes": other.peak_host_above_base_bytes,
        "base_memory_bytes": base.peak_host_above_base_bytes,
    }
