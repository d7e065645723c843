"""`anatomy doctor`: is this machine fit to measure on, what can it do at best, and how quiet is it."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anatomy.bench.cli import options
from anatomy.bench.cli.machine_turn import turn
from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.anatomy_error import NothingMeasuredError, SetupError

if TYPE_CHECKING:
    from rich.console import Console


def doctor(
    backend: options.Backends = None,
    ceilings: Annotated[bool, typer.Option(help="Measure what each backend can do at best, and keep it.")] = True,
    noise: Annotated[bool, typer.Option(help="Repeat identical work in fresh processes.")] = True,
    processes: Annotated[int, typer.Option(min=2, help="Fresh processes for the noise.")] = 6,
    overhead: Annotated[
        bool, typer.Option("--overhead", help="Measure what Anatomy's observers cost, and nothing else.")
    ] = False,
    share: options.Share = False,
    no_wait: options.NoWait = False,
    wait: options.Wait = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of its records. Default: anatomy-runs/doctor-<time>.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Examine this machine: fitness with remedies, ceilings of each backend, noise; or the cost of observing."""
    from rich.console import Console

    from anatomy.bench.cli.screens import doctor_screen
    from anatomy.bench.doctor.examine_machine import examine_machine
    from anatomy.bench.suites.axis_options import parse_axes

    console = Console(stderr=json)
    own = turn(share, no_wait, wait)
    if overhead:
        with own:
            _measure_overheads(console, json)
        return
    try:
        # Looking at the machine alone disturbs nobody.
        with own if ceilings or noise else nullcontext():
            report = examine_machine(
                doctor_screen.DoctorDisplay(console, silent=json),
                parse_axes({"backend": backend}).backend or (),
                ceilings=ceilings,
                noise=noise,
                processes=processes,
                out=out,
                command=["anatomy", *sys.argv[1:]],
            )
    except SetupError as error:
        raise NothingMeasuredError(str(error)) from error
    if json:
        _print_json(
            {
                "fitness": [asdict(one) for one in report.findings],
                "ceilings": [one.model_dump() for one in report.ceilings],
                "noise": [asdict(one) for one in report.noises],
            }
        )
    else:
        doctor_screen.print_ceilings(console, report.ceilings)
        doctor_screen.print_noises(console, report.noises)
    if ceilings and not any(one.matmul_flops_per_s for one in report.ceilings):
        raise typer.Exit(exit_codes.NOTHING_MEASURED)


def _measure_overheads(console: Console, json: bool) -> None:
    from anatomy.bench.cli.screens import doctor_screen
    from anatomy.bench.doctor.observers import measure_overheads
    from anatomy.bench.machine.telemetry.device_sampler import DeviceSampler

    sampler = DeviceSampler()
    doctor_screen.print_overhead_notice(console, sampler.gpu_reason, sampler.cpu_reason)
    found = measure_overheads(sampler)
    if json:
        _print_json([asdict(one) | {"verdict": one.verdict} for one in found])
    else:
        doctor_screen.print_overheads(console, found)


def _print_json(value: Any) -> None:
    import json as json_module

    print(json_module.dumps(value, indent=2))
