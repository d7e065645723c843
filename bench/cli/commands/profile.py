"""`anatomy profile`: a trace of each case for TensorBoard, and where the time of its step goes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.cli import options
from anatomy.bench.cli.machine_turn import chosen_cpus, turn
from anatomy.bench.cli.report_at_end import ReportAtEnd, report_at_end
from anatomy.bench.errors import exit_codes

if TYPE_CHECKING:
    from anatomy.bench.runner.measure_run import FinishedRun


def profile(
    models: options.NamedModels,
    backend: options.Backends = None,
    mode: options.Modes = None,
    batch_size: options.BatchSizes = None,
    dtype: options.Dtypes = None,
    jit: options.Jits = None,
    feed: options.Feeds = None,
    source: options.Sources = None,
    workers: options.Workers = None,
    steps_per_execution: options.StepsPerExecution = None,
    inputs: options.Inputs = None,
    devices: options.DeviceCounts = None,
    seconds: Annotated[float, typer.Option(help="Measured window per case, before and apart from its trace.")] = 1.0,
    timeout: options.Timeout = None,
    memory_limit: options.MemoryLimit = None,
    cpus: options.Cpus = None,
    share: options.Share = False,
    no_wait: options.NoWait = False,
    wait: options.Wait = None,
    out: options.Out = None,
    unsafe: options.Unsafe = False,
    report: options.Report = True,
    json: Annotated[bool, typer.Option("--json", help="Print each profile as a JSON line.")] = False,
) -> None:
    """Measure each case, then trace a few of its steps in another process: time by layer, by kind of work, and gaps."""
    from rich.console import Console

    from anatomy.bench.cli.screens.run_listeners import RunDisplay
    from anatomy.bench.cli.unsafe_models import allow_code_in
    from anatomy.bench.machine.collect_environment import collect
    from anatomy.bench.runner.measure_run import measure_run
    from anatomy.bench.runner.open_run import open_run
    from anatomy.bench.runner.run_plan import plan_run, refuse_profiled_search
    from anatomy.bench.suites.units import parse_bytes
    from anatomy.models.pretrained_weights import say_once

    axes = {
        "backend": backend,
        "mode": mode,
        "batch_size": batch_size,
        "dtype": dtype,
        "jit": jit,
        "feed": feed,
        "source": source,
        "workers": workers,
        "steps_per_execution": steps_per_execution,
        "inputs": inputs,
        "devices": devices,
    }
    limit = parse_bytes(memory_limit) if memory_limit else None
    budgets = {
        "seconds": seconds,
        "timeout_s": timeout,
        "memory_limit_bytes": limit,
        "profile": True,
        "cpus": chosen_cpus(cpus),
    }
    plan = plan_run(allow_code_in(models, unsafe=unsafe), None, axes, budgets)
    say_once(plan.notes)
    if plan.largest_batch:
        refuse_profiled_search()
    with turn(share, no_wait, wait):
        run = open_run(plan, out, collect(), ["anatomy", *sys.argv[1:]])
        with RunDisplay(Console(stderr=json), len(run.todo), quiet=json, json=json, profiles=True) as display:
            finished = measure_run(run, display)
    reported = _write(finished, report=report, silent=json)
    reported.tell()
    _exit(finished)
    reported.exit()


def _write(finished: FinishedRun, *, report: bool, silent: bool) -> ReportAtEnd:
    """Scalars and HParams beside the traces, the report, and where they are."""
    from anatomy.bench.cli.commands.show_tensorboard import show_in_tensorboard

    where, reported = show_in_tensorboard(finished.path), ReportAtEnd()
    if report and finished.records:
        reported = report_at_end([finished.path])
        where += f"; report in {reported.where}" if reported.where else ""
    if not silent:
        print(f"{finished.profiled} profiled, {len(finished.profiles) - finished.profiled} not; {where}")
    return reported


def _exit(finished: FinishedRun) -> None:
    if finished.interrupted:
        typer.echo(f"interrupted; the rest: anatomy run --resume {finished.path}", err=True)
        raise typer.Exit(exit_codes.INTERRUPTED)
    if finished.profiles and not finished.profiled:
        raise typer.Exit(exit_codes.NOTHING_MEASURED)
    if finished.profiled < len(finished.profiles):
        raise typer.Exit(exit_codes.NOT_ALL_MEASURED)
