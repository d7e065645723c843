"""`anatomy project`: what many devices would do, from what one does. Imports no framework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anatomy.bench.cli.newest_run import newest_run
from anatomy.bench.errors.anatomy_error import UsageError

if TYPE_CHECKING:
    from anatomy.bench.records.record import Record
    from anatomy.bench.records.scaling_projection import Link, Projection

_WARNING = (
    "A projection, not a measurement: step on one device, plus what the backward pass does not hide of the all-reduce."
)
_VIRTUAL = "virtual devices share one CPU: what they do together is no check of a projection"


def project(
    run: Annotated[
        Path | None, typer.Argument(help="The run's folder. Default: the newest in anatomy-runs.", show_default=False)
    ] = None,
    bandwidth: Annotated[
        str | None, typer.Option(help="Bytes a second between two devices, e.g. 25GB. Default: from the run.")
    ] = None,
    latency: Annotated[str | None, typer.Option(help="Of a message, e.g. 5us. Default: from the run.")] = None,
    devices: Annotated[str | None, typer.Option(help="Numbers of devices, e.g. 2,8,64. Default: 2 … 4096.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a case.")] = False,
) -> None:
    """Project training throughput at many devices from the cases of a run on one."""
    import json as json_module

    from anatomy.bench.records.run_store import load_run

    folder = run or newest_run()
    records = load_run(folder).records
    counts = _counts(devices)
    cases = [record for record in records if _can_be_projected(record)]
    if not cases:
        raise UsageError(f"{folder} has no measured training case on one device; anatomy run --mode train")
    links = {backend: _link(bandwidth, latency, records, backend) for backend in {r.case.backend for r in cases}}
    if not json:
        print(_WARNING)
    for record in cases:
        link = links[record.case.backend]
        rows = _rows(record, link, counts)
        if json:
            print(json_module.dumps({"key": record.key, "name": record.name, "link": asdict(link), **_found(rows)}))
        else:
            _show(record, link, rows, _measured(record, records))


def _counts(text: str | None) -> Sequence[int]:
    from anatomy.bench.records.scaling_projection import DEFAULT_DEVICES

    if text is None:
        return DEFAULT_DEVICES
    counts = [int(part) if part.strip().isdigit() else 0 for part in text.split(",")]
    if min(counts) < 1:
        raise UsageError(f"--devices {text}: expected whole numbers of 1 or more, e.g. 2,8,64")
    return counts


def _can_be_projected(record: Record) -> bool:
    return (
        record.outcome == "ok"
        and record.case.mode == "train"
        and record.case.devices == 1
        and record.counts is not None
        and bool(record.throughput_examples_per_s)
    )


def _link(bandwidth: str | None, latency: str | None, records: Sequence[Record], backend: str) -> Link:
    """As given; what is not given is fitted to the all-reduces that the run has measured on the backend."""
    from anatomy.bench.records.scaling_projection import Link, fit_link
    from anatomy.bench.suites.units import parse_bytes, parse_seconds

    given = parse_bytes(bandwidth) if bandwidth else None, parse_seconds(latency) if latency else None
    if given[0] is not None and given[1] is not None:
        return Link(given[1], given[0])
    try:
        fitted = fit_link(
            [
                (record.case.devices, record.all_reduce.size_bytes, record.all_reduce.median_s)
                for record in records
                if record.case.backend == backend and record.all_reduce is not None
            ]
        )
    except ValueError as error:
        raise UsageError(f"{backend}: {error}") from error
    return Link(
        given[1] if given[1] is not None else fitted.latency_s,
        given[0] if given[0] is not None else fitted.bandwidth_bytes_per_s,
    )


def _rows(record: Record, link: Link, counts: Sequence[int]) -> list[Projection]:
    from anatomy.bench.records.scaling_projection import project as projected

    assert record.counts is not None
    assert record.throughput_examples_per_s is not None
    # Mixed policies keep float32 variables, whose gradients are float32.
    width = 2 if record.case.dtype in ("bfloat16", "float16") else 4
    return projected(
        record.case.batch_size / record.throughput_examples_per_s,
        record.case.batch_size,
        record.counts.trainable_parameters * width,
        link,
        counts,
    )


def _found(rows: Sequence[Projection]) -> dict[str, Any]:
    return {"projection": [asdict(row) for row in rows], "is_projection": True}


def _measured(record: Record, records: Sequence[Record]) -> dict[int, Record]:
    """Devices → the case of this run in which each device has this batch."""
    wanted = record.case
    return {
        other.case.devices: other
        for other in records
        if other.outcome == "ok"
        and other.case.devices > 1
        and other.case.batch_size == wanted.batch_size * other.case.devices
        and other.case.model_dump(exclude={"devices", "batch_size", "key", "options"})
        == wanted.model_dump(exclude={"devices", "batch_size", "key", "options"})
        and _options(other) == _options(record)
    }


def _options(record: Record) -> dict[str, Any]:
    # A stateful model is built for one batch size.
    return {name: value for name, value in record.case.options.items() if name != "batch_size"}


def _show(record: Record, link: Link, rows: Sequence[Projection], measured: dict[int, Record]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    title = f"{record.name}: {link.bandwidth_bytes_per_s / 1e9:.3g} GB/s, {link.latency_s * 1e6:.3g} µs"
    table = Table(title=title, title_justify="left")
    for head in ("devices", "all-reduce", "exchange", "examples/s", "efficiency", "measured"):
        table.add_column(head, justify="left" if head == "all-reduce" else "right")
    for row in rows:
        low, high = row.examples_per_s
        worst, best = row.efficiency
        table.add_row(
            str(row.devices),
            row.algorithm,
            f"{row.exchange_s * 1e3:.3g} ms",
            f"{low:,.0f} … {high:,.0f}",
            f"{worst:.0%} … {best:.0%}",
            _beside(measured.get(row.devices)),
        )
    console.print(table)
    if any(other.settings.get("virtual_devices") for other in measured.values()):
        console.print(f"({_VIRTUAL})", highlight=False)


def _beside(record: Record | None) -> str:
    if record is None or record.throughput_examples_per_s is None:
        return ""
    mark = " (virtual)" if record.settings.get("virtual_devices") else ""
    return f"{record.throughput_examples_per_s:,.0f}{mark}"
