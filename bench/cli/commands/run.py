"""`anatomy run`: measure a suite, write records as they come, print a table, write a report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anatomy.bench.cli import options
from anatomy.bench.cli.machine_turn import chosen_cpus, turn
from anatomy.bench.errors.anatomy_error import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anatomy.bench.runner.measure_run import FinishedRun
    from anatomy.bench.runner.nodes.launcher import Place
    from anatomy.bench.runner.open_run import OpenRun
    from anatomy.bench.runner.run_plan import RunPlan

_REPEAT = "repeat, or separate by commas"


def run(
    models: options.Models = None,
    suite: options.SuiteName = None,
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
    scaling: Annotated[
        list[str] | None,
        typer.Option(help=f"weak: each device has --batch-size; strong: they share it ({_REPEAT})."),
    ] = None,
    model_parallel: Annotated[
        list[str] | None,
        typer.Option(help=f"Number of devices that share each copy of the weights, 1,2 (JAX; {_REPEAT})."),
    ] = None,
    layout_map: Annotated[
        list[str] | None, typer.Option(help="How they share them: package.module:function of the device mesh.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Measured window per case, in seconds.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of each kind, instead of seconds.")] = None,
    target: Annotated[
        float | None,
        typer.Option(help="Stop a case when the median step is known to ± this share, e.g. 0.01 (default)."),
    ] = None,
    processes: Annotated[int | None, typer.Option(help="Fresh processes per case, interleaved; default 1.")] = None,
    timeout: options.Timeout = None,
    memory_limit: options.MemoryLimit = None,
    cpus: options.Cpus = None,
    share: options.Share = False,
    no_wait: options.NoWait = False,
    wait: options.Wait = None,
    out: options.Out = None,
    resume: options.Resume = None,
    report: options.Report = True,
    profile: Annotated[
        bool, typer.Option("--profile", help="Then trace each case in another process; see `anatomy profile`.")
    ] = False,
    nodes: Annotated[
        bool,
        typer.Option("--nodes", help="Measure on several machines; start it on each by torchrun, srun or mpirun."),
    ] = False,
    cluster: Annotated[
        str | None, typer.Option(help="A Ray cluster whose nodes measure: ray://HOST:10001, HOST:6379 or auto.")
    ] = None,
    machine_type: Annotated[
        list[str] | None,
        typer.Option(help=f"Use only cluster nodes with this label; one run per type ({_REPEAT})."),
    ] = None,
    unsafe: options.Unsafe = False,
    history: options.History = True,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure models on backends: one fresh process per case, one record as each ends."""
    from anatomy.bench.cli.commands.conclude import conclude
    from anatomy.bench.cli.commands.run_nodes import take_part
    from anatomy.bench.cli.unsafe_models import allow_code_in
    from anatomy.bench.runner.run_plan import RunPlan
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
        "scaling": scaling,
        "model_parallel": model_parallel,
        "layout_map": layout_map,
    }
    budgets = {
        "seconds": seconds,
        "steps": steps,
        "target": target,
        "processes": processes,
        "profile": profile or None,
        "timeout_s": timeout,
        "memory_limit_bytes": _bytes(memory_limit),
        "cpus": chosen_cpus(cpus),
    }
    _refuse_together(cluster, machine_type, nodes, profile, cpus)
    if resume is not None:
        given = {
            "MODEL": models,
            "--suite": suite,
            "--cpus": cpus,
            "--out": out,
            "--profile": profile,
            "--unsafe": unsafe,
        }
        _refuse_with_resume({**given, **axes})
    place = _place(nodes)
    if place is not None and place.rank > 0:
        take_part(place)
        return
    what = resume or _plan(allow_code_in(models or [], unsafe=unsafe), suite, axes, budgets, place)
    if isinstance(what, RunPlan) and not quiet:
        say_once(what.notes)
    _refuse_search(what, profile, cluster, nodes)
    if cluster is not None:
        from anatomy.bench.cli.commands.run_on_cluster import run_on_cluster

        finished = run_on_cluster(cluster, machine_type or [], what, out, json, quiet)
    else:
        with turn(share, no_wait, wait):
            finished = [_measure(_open(what, out), place, json, quiet)]
    conclude(finished, report=report, history=history, silent=json or quiet)


def _plan(
    models: list[str],
    suite: str | None,
    axes: Mapping[str, list[str] | None],
    budgets: Mapping[str, Any],
    place: Place | None,
) -> RunPlan:
    from anatomy.bench.runner.run_plan import plan_run

    return plan_run(models, suite, axes, budgets, nodes=place.count if place is not None else 1)


def _open(what: RunPlan | Path, out: Path | None) -> OpenRun:
    from anatomy.bench.machine.collect_environment import collect
    from anatomy.bench.runner.open_run import open_run, resume_run

    here = collect()
    if isinstance(what, Path):
        return resume_run(what, here.fingerprint)
    return open_run(what, out, here, ["anatomy", *sys.argv[1:]])


def _measure(run: OpenRun, place: Place | None, json: bool, quiet: bool) -> FinishedRun:
    from rich.console import Console

    from anatomy.bench.cli.commands.show_tensorboard import show_in_tensorboard
    from anatomy.bench.cli.screens.run_listeners import RunDisplay, print_isolation
    from anatomy.bench.runner.measure_run import measure_run

    console = Console(stderr=json)
    total = None if run.largest_batch else len(run.todo)
    with RunDisplay(console, total, quiet=quiet, json=json) as display:
        finished = measure_run(run, display, place)
    if not quiet and not finished.interrupted and not run.largest_batch:
        print_isolation(console, finished.records)
    if run.settings.profile:
        shown = show_in_tensorboard(finished.path)
        if not (json or quiet):
            print(f"traces: {shown}")
    return finished


def _bytes(text: str | None) -> int | None:
    from anatomy.bench.suites.units import parse_bytes

    return parse_bytes(text) if text else None


def _place(nodes: bool) -> Place | None:
    """This process's place among those that a launcher has started; `None` where one process measures alone."""
    if not nodes:
        return None
    from anatomy.bench.cli.commands.run_nodes import place_of

    return place_of()


def _refuse_with_resume(given: Mapping[str, object]) -> None:
    extra = [name for name, value in given.items() if value]
    if extra:
        raise UsageError(f"--resume takes the run's own plan; leave out {', '.join(extra)}")


def _refuse_together(
    cluster: str | None, machine_types: list[str] | None, nodes: bool, profile: bool, cpus: str | None
) -> None:
    if machine_types and cluster is None:
        raise UsageError("--machine-type chooses nodes of a cluster; give --cluster")
    if cpus and (nodes or cluster is not None):
        raise UsageError("--cpus chooses CPUs of this machine alone; leave it out, or --cluster and --nodes")
    if profile and (nodes or cluster is not None):
        raise UsageError("profiles are taken on this machine alone; leave --profile out, or --cluster and --nodes")
    if nodes and cluster is not None:
        raise UsageError("--nodes lets several machines share a case and --cluster gives each its own; choose one")


def _refuse_search(what: RunPlan | Path, profile: bool, cluster: str | None, nodes: bool) -> None:
    """A search is for one machine: which size comes next depends on how the last one went there."""
    from anatomy.bench.records.run_store import load_run
    from anatomy.bench.runner.run_plan import refuse_profiled_search

    is_search = load_run(what).header.largest_batch if isinstance(what, Path) else what.largest_batch
    if is_search and (cluster is not None or nodes):
        option = "--nodes" if nodes else "--cluster"
        raise UsageError(f"--batch-size max is found on one machine; leave out {option}, or give batch sizes")
    if is_search and profile:
        refuse_profiled_search()
