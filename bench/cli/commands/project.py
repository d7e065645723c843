"""`anatomy project`: what many devices would do, from what one does. Imports no framework."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.cli.newest_run import newest_run
from anatomy.bench.errors.anatomy_error import UsageError

if TYPE_CHECKING:
    from anatomy.bench.records.case_projection import CaseProjection
    from anatomy.bench.records.record import Record

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

    from anatomy.bench.records.case_projection import project_cases
    from anatomy.bench.records.run_store import load_run
    from anatomy.bench.suites.units import parse_bytes, parse_seconds

    folder = run or newest_run()
    cases = project_cases(
        load_run(folder).records,
        _counts(devices),
        parse_bytes(bandwidth) if bandwidth else None,
        parse_seconds(latency) if latency else None,
    )
    if not cases:
        raise UsageError(f"{folder} has no measured training case on one device; anatomy run --mode train")
    if not json:
        print(_WARNING)
    for case in cases:
        if json:
            print(json_module.dumps(case.to_dict()))
        else:
            _show(case)


def _counts(text: str | None) -> Sequence[int]:
    from anatomy.bench.records.scaling_projection import DEFAULT_DEVICES

    if text is None:
        return DEFAULT_DEVICES
    counts = [int(part) if part.strip().isdigit() else 0 for part in text.split(",")]
    if min(counts) < 1:
        raise UsageError(f"--devices {text}: expected whole numbers of 1 or more, e.g. 2,8,64")
    return counts


def _show(case: CaseProjection) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    link = case.link
    title = f"{case.record.name}: {link.bandwidth_bytes_per_s / 1e9:.3g} GB/s, {link.latency_s * 1e6:.3g} µs"
    table = Table(title=title, title_justify="left")
    for head in ("devices", "all-reduce", "exchange", "examples/s", "efficiency", "measured"):
        table.add_column(head, justify="left" if head == "all-reduce" else "right")
    for row in case.rows:
        low, high = row.examples_per_s
        worst, best = row.efficiency
        table.add_row(
            str(row.devices),
            row.algorithm,
            f"{row.exchange_s * 1e3:.3g} ms",
            f"{low:,.0f} … {high:,.0f}",
            f"{worst:.0%} … {best:.0%}",
            _beside(case.measured.get(row.devices)),
        )
    console.print(table)
    if any(other.settings.get("virtual_devices") for other in case.measured.values()):
        console.print(f"({_VIRTUAL})", highlight=False)


def _beside(record: Record | None) -> str:
    if record is None or record.throughput_examples_per_s is None:
        return ""
    mark = " (virtual)" if record.settings.get("virtual_devices") else ""
    return f"{record.throughput_examples_per_s:,.0f}{mark}"
