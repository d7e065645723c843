"""Several devices beside one: throughput, efficiency with its interval, the exchange of gradients, correctness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.caveats import Caveat
from anatomy.bench.records.sureness import Figure, throughput
from anatomy.reports.device_scaling import ScaledCase, scaled_cases
from anatomy.reports.run_labels import LabelledRecord, LabelledRun, with_run
from anatomy.reports.settings_differences import settings_differences
from anatomy.reports.table import MEBI, Absence, Column, Table, build_table, with_details
from anatomy.reports.tables.case_cells import CASE_COLUMNS, case_cells

_COLUMNS = with_details(
    (
        *CASE_COLUMNS[:3],
        Column("dtype", "dtype", group="case"),
        Column("scaling", "scaling", group="case", missing="none"),
        Column("devices", "devices", kind="number", whole=True, group="case"),
        Column("nodes", "nodes", kind="number", whole=True, group="case"),
        Column("model_parallel", "model over", kind="number", whole=True, group="case"),
        Column("batch_size", "batch, whole", kind="number", whole=True, group="case"),
        Column("strategy", "strategy"),
        Column("outcome", "outcome", kind="outcome"),
        Column("throughput_examples_per_s", "all devices", "examples/s", "number", group="throughput"),
        Column("one_examples_per_s", "one device", "examples/s", "number", group="throughput"),
        Column("efficiency", "efficiency", "%", "number", 100, group="scaling"),
        Column("efficiency_low", "95 % from", "%", "number", 100, group="scaling"),
        Column("efficiency_high", "to", "%", "number", 100, group="scaling"),
        Column("gradient_bytes", "gradients", "MiB", "number", 1 / MEBI, group="exchange"),
        Column("exchange_s", "by itself", "ms", "number", 1e3, group="exchange"),
        Column("exchange_share", "of the step", "%", "number", 100, group="exchange"),
        Column("peak_device_bytes", "a device", "MiB", "number", 1 / MEBI, group="memory peak"),
        Column("peak_host_bytes", "host", "MiB", "number", 1 / MEBI, group="memory peak"),
        Column("equality", "trains as one device"),
        Column("update_deviation", "deviation", "%", "number", 100),
        Column("unlike", "settings that differ", missing="none"),
    ),
    "nodes",
    "model_parallel",
    "dtype",
    "strategy",
    "one_examples_per_s",
    "efficiency_low",
    "efficiency_high",
    "gradient_bytes",
    "exchange_s",
    "exchange_share",
    "peak_device_bytes",
    "peak_host_bytes",
    "update_deviation",
    "unlike",
)
_EXCHANGE = ("exchange_s", "gradient_bytes", "exchange_share")
_Row = tuple[LabelledRun, ScaledCase]


def scaling_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each case on several devices and way of scaling."""
    found = [(item, one) for item in runs for group in scaled_cases(item.run.records) for one in group]
    return build_table(
        with_run(_COLUMNS, runs),
        found,
        _cells,
        _absence,
        figures=lambda row: _figures(row[1]),
        caveats=lambda row: {"efficiency": _ratio_caveats(row[1])},
        case=lambda row: (row[0].label, row[1].record.key),
        key="scaling",
        title="Several devices",
        caption="Data parallelism: what several devices do together, beside one of them alone.",
        notes=(
            "Weak scaling: each device has the batch that the one device has. Strong scaling: the devices share it. "
            "Efficiency: throughput over that of as many devices as one would predict.",
            "The exchange by itself is one sum over all devices of as many bytes as the gradients have, with nothing "
            "else going on. Strategies hide part of it behind the backward pass: its share of the step is the most "
            "that communication can account for.",
            "Before it is timed, each training case takes five steps on its devices and the same on one. It is invalid "
            "if the devices end with different weights, or the weights have moved otherwise than on one. Dropout is "
            "off in these, and on TensorFlow and torch, where each device normalises by its own part of the batch, "
            "batch normalisation uses its moving statistics.",
            *_virtual_note(found),
        ),
        empty="No case on several devices was tried; add --devices 1,2.",
        section="model",
    )


def _virtual_note(found: Sequence[_Row]) -> tuple[str, ...]:
    if not any(one.record.settings.get("virtual_devices") for _, one in found):
        return ()
    return (
        "Virtual devices share the cores of one CPU. Where one device uses all cores, an efficiency of 1/n is the best "
        "to be had, and what is missing there is what the strategy costs; more says that one left cores idle. It says "
        "nothing of hardware.",
    )


def _figures(one: ScaledCase) -> dict[str, Figure]:
    alone = throughput(one.baseline) if one.baseline else Figure(None)
    return {"throughput_examples_per_s": throughput(one.record), "one_examples_per_s": alone}


def _ratio_caveats(one: ScaledCase) -> tuple[Caveat, ...]:
    """Of the efficiency, whose interval has columns of its own."""
    return throughput(one.record).over(throughput(one.baseline)).caveats if one.baseline else ()


def _cells(row: _Row) -> dict[str, Any]:
    item, one = row
    record = one.record
    exchange, equality = record.all_reduce, record.equality
    low, high = one.efficiency_interval or (None, None)
    return {
        **case_cells(LabelledRecord(item, record)),
        "scaling": one.scaling,
        "strategy": record.settings.get("strategy"),
        "throughput_examples_per_s": record.throughput_examples_per_s if record.outcome == "ok" else None,
        "one_examples_per_s": one.baseline.throughput_examples_per_s if one.baseline else None,
        "efficiency": one.efficiency,
        "efficiency_low": low,
        "efficiency_high": high,
        "gradient_bytes": exchange.size_bytes if exchange else None,
        "exchange_s": exchange.median_s if exchange else None,
        "exchange_share": one.exchange_share,
        "peak_device_bytes": record.peak_device_bytes,
        "peak_host_bytes": record.peak_host_bytes,
        "equality": equality.verdict if equality else None,
        "update_deviation": equality.update_deviation if equality else None,
        "unlike": (settings_differences([record, one.baseline]) or None) if one.baseline else None,
    }


def _absence(row: _Row, key: str) -> Absence | None:
    _, one = row
    record = one.record
    if record.outcome != "ok" and key in ("throughput_examples_per_s", "efficiency"):
        return Absence(record.outcome, record.reason)
    if one.baseline is None and key in ("one_examples_per_s", "efficiency"):
        return Absence("no such case", "the run has no case on one device with this batch, or with a device's part")
    if key in ("equality", "update_deviation", *_EXCHANGE) and record.case.mode in ("infer", "predict"):
        return Absence("training only")
    field = "all_reduce" if key in _EXCHANGE else key
    return Absence("not measured", record.not_measured[field]) if field in record.not_measured else None
