"""`anatomy run`: measure a suite, write records as they come, print a table, write a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.anatomy_error import NothingMeasuredError, SetupError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.records.record import Record
    from anatomy.bench.runner.nodes.launcher import Place
    from anatomy.bench.runner.open_run import Begun

_REPEAT = "repeat, or separate by commas"


def run(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Models: vgg, vgg:depth=11,classes=10, package.module:function. Default: the suite's."),
    ] = None,
    suite: Annotated[str | None, typer.Option(help="quick, full, smoke, a .toml file, or a name in pyproject.")] = None,
    backend: Annotated[list[str] | None, typer.Option(help=f"tensorflow, jax, torch, openvino ({_REPEAT}).")] = None,
    mode: Annotated[list[str] | None, typer.Option(help=f"train, infer, fit, predict ({_REPEAT}).")] = None,
    batch_size: Annotated[
        list[str] | None,
        typer.Option(help=f"Examples a step ({_REPEAT}); max: the largest that fits, found by trying."),
    ] = None,
    dtype: Annotated[
        list[str] | None, typer.Option(help=f"float32, mixed_bfloat16, mixed_float16 ({_REPEAT}).")
    ] = None,
    jit: Annotated[list[str] | None, typer.Option(help=f"auto, on, off ({_REPEAT}).")] = None,
    feed: Annotated[list[str] | None, typer.Option(help=f"What fit, predict read: numpy, tf.data ({_REPEAT}).")] = None,
    devices: Annotated[list[str] | None, typer.Option(help=f"Devices that share a step, 1,2,4 ({_REPEAT}).")] = None,
    scaling: Annotated[
        list[str] | None,
        typer.Option(help=f"weak: each device has --batch-size; strong: they share it ({_REPEAT})."),
    ] = None,
    model_parallel: Annotated[
        list[str] | None,
        typer.Option(help=f"Devices that share each copy of the weights, 1,2 (JAX; {_REPEAT})."),
    ] = None,
    layout_map: Annotated[
        list[str] | None, typer.Option(help="How they share them: package.module:function of the device mesh.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Measured window of a case, in seconds.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of each kind, instead of seconds.")] = None,
    target: Annotated[
        float | None,
        typer.Option(help="Stop a case when the median step is known to ± this share, e.g. 0.01 (default)."),
    ] = None,
    processes: Annotated[int | None, typer.Option(help="Fresh processes a case, interleaved; default 1.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds after which a case is killed.")] = None,
    memory_limit: Annotated[
        str | None,
        typer.Option(help="Memory a worker may use, e.g. 4GiB. Default: 90 % of what is available."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder. Default: anatomy-runs/<time>.")] = None,
    resume: Annotated[Path | None, typer.Option(help="A run's folder: measure what it has no record of.")] = None,
    report: Annotated[bool, typer.Option(help="Write report.html at the end.")] = True,
    profile: Annotated[
        bool, typer.Option("--profile", help="Then trace each case in another process; see `anatomy profile`.")
    ] = False,
    nodes: Annotated[
        bool,
        typer.Option("--nodes", help="Measure on several machines; started on each by torchrun, srun or mpirun."),
    ] = False,
    cluster: Annotated[
        str | None, typer.Option(help="A Ray cluster whose nodes measure: ray://HOST:10001, HOST:6379 or auto.")
    ] = None,
    machine_type: Annotated[
        list[str] | None, typer.Option(help=f"Its nodes with this label, a run of each type ({_REPEAT}).")
    ] = None,
    history: Annotated[bool, typer.Option(help="Put the run into the history; see `anatomy history`.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print each record as a JSON line.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Measure models on backends: one fresh process a case, one record as each ends."""
    from anatomy.bench.cli.commands.conclude import Done, conclude
    from anatomy.bench.cli.commands.run_largest_batch import measure_searches, refuse_search
    from anatomy.bench.cli.commands.run_nodes import follow, place_of
    from anatomy.bench.cli.commands.run_on_cluster import measure_on_cluster, refuse_with_cluster
    from anatomy.bench.cli.commands.show_tensorboard import show_in_tensorboard
    from anatomy.bench.machine.collect_environment import collect
    from anatomy.bench.runner.open_run import Asked, ask, begin, resumed
    from anatomy.bench.suites.units import parse_bytes

    try:
        refuse_with_cluster(cluster, machine_type, nodes, profile)
        place = place_of(nodes)
        if place is not None and place.rank > 0:
            follow(place)
            return
        axes = {
            "backend": backend,
            "mode": mode,
            "batch_size": batch_size,
            "dtype": dtype,
            "jit": jit,
            "feed": feed,
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
            "memory_limit_bytes": parse_bytes(memory_limit) if memory_limit else None,
        }
        if resume is not None:
            _refuse_with_resume({"MODEL": models, "--suite": suite, "--out": out, "--profile": profile, **axes})
        count = place.count if place is not None else 1
        what = ask(models or [], suite, axes, budgets, nodes=count) if resume is None else resume
        refuse_search(what, cluster, nodes, profile)
        if cluster is not None:
            done = measure_on_cluster(cluster, machine_type or [], what, out, json, quiet)
        else:
            here = collect()
            begun = begin(what, out, here) if isinstance(what, Asked) else resumed(what, here.fingerprint)
            measure = measure_searches if begun.largest_batch else _measure
            records, interrupted = measure(begun, here.fingerprint, place, json, quiet)
            if begun.settings.profile:
                shown = show_in_tensorboard(begun.writer.path)
                if not (json or quiet):
                    print(f"traces: {shown}")
            stopped = exit_codes.INTERRUPTED if interrupted else exit_codes.OK
            done = [Done(begun.writer.path, records, len(begun.todo), stopped, len(begun.unprofiled))]
    except SetupError as error:
        raise NothingMeasuredError(str(error)) from error
    conclude(done, report=report, history=history, silent=json or quiet)


def _measure(begun: Begun, fingerprint: str, place: Place | None, json: bool, quiet: bool) -> tuple[list[Record], bool]:
    """Measure here until done or Ctrl-C; what was finished is on disk either way."""
    from rich.console import Console

    from anatomy.bench.cli.commands.run_nodes import gathered
    from anatomy.bench.cli.screens.progress_display import Display
    from anatomy.bench.records.run_store import load_run
    from anatomy.bench.runner.session import Session

    console = Console(stderr=json)
    ceilings = load_run(begun.writer.path).header.ceilings
    records: list[Record] = []
    try:
        with (
            gathered(place) as nodes,
            Session(begun.writer, begun.settings, fingerprint, nodes=nodes) as session,
        ):
            for record in begun.unprofiled:
                session.profile(record, ceilings)
            with Display(console, len(begun.todo), quiet) as display:
                for case, repeat in begun.todo:
                    records.append(session.measure(case, display, repeat))
                    if begun.settings.profile and repeat == 0 and case.mode != "count":
                        session.profile(records[-1], ceilings)
                    if json:
                        print(records[-1].model_dump_json(), flush=True)
            if not quiet:
                _print_isolation(console, records)
    except KeyboardInterrupt:
        return records, True
    return records, False


def _print_isolation(console: Console, records: list[Record]) -> None:
    """What a fresh process costs on each backend: from the request to a worker with its device ready."""
    from statistics import median

    by_backend: dict[str, list[float]] = {}
    for record in records:
        if record.phases.start_s is not None:
            by_backend.setdefault(record.case.backend, []).append(record.phases.start_s)
    if by_backend:
        costs = ", ".join(f"{name} {median(values):.2f} s" for name, values in by_backend.items())
        console.print(f"A fresh process a case cost (median): {costs}", highlight=False, soft_wrap=True)


def _refuse_with_resume(given: dict[str, object]) -> None:

    extra = [name for name, value in given.items() if value]
    if extra:
        raise UsageError(f"--resume takes the run's own plan; leave out {', '.join(extra)}")
