"""`anatomy run`: measure a suite, write records as they come, print a table, write a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.cli import exit_codes

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.cli.work import Work
    from anatomy.bench.nodes.launcher import Place
    from anatomy.bench.record import Record

_INTERRUPTED = "interrupted"
_REPEAT = "repeat, or separate by commas"


def run(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Models: vgg, vgg:depth=11,classes=10, package.module:function. Default: the suite's."),
    ] = None,
    suite: Annotated[str | None, typer.Option(help="quick, full, smoke, a .toml file, or a name in pyproject.")] = None,
    backend: Annotated[list[str] | None, typer.Option(help=f"tensorflow, jax, torch, openvino ({_REPEAT}).")] = None,
    mode: Annotated[list[str] | None, typer.Option(help=f"train, infer, fit, predict ({_REPEAT}).")] = None,
    batch_size: Annotated[list[str] | None, typer.Option(help=f"Examples a step ({_REPEAT}).")] = None,
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
    nodes: Annotated[
        bool,
        typer.Option("--nodes", help="Measure on several machines; started on each by torchrun, srun or mpirun."),
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option(help="Spread the cases over the nodes of a Ray cluster: ray://HOST:10001, HOST:6379 or auto."),
    ] = None,
    machine_type: Annotated[
        str | None, typer.Option(help="With --cluster: only nodes of this type (a Ray resource or label).")
    ] = None,
    history: Annotated[bool, typer.Option(help="Put the run into the history; see `anatomy history`.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print each record as a JSON line.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Measure models on backends: one fresh process a case, one record as each ends."""
    from anatomy.bench.channel import HostError
    from anatomy.bench.cli.axes import axes_of
    from anatomy.bench.cli.nodes import follow, place_of
    from anatomy.bench.cli.work import Work
    from anatomy.bench.cluster.errors import ClusterError
    from anatomy.bench.nodes.launcher import LaunchError
    from anatomy.bench.plan import PlanError
    from anatomy.bench.sizes import SizeError, parse_bytes
    from anatomy.bench.store import StoreError
    from anatomy.bench.suite import SuiteError

    try:
        _refuse_unlike_places(nodes, cluster, machine_type)
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
        if resume is not None:
            _refuse_with_resume({"MODEL": models, "--suite": suite, "--out": out, **axes})
            work = Work.resumed(resume)
        else:
            budgets = {
                "seconds": seconds,
                "steps": steps,
                "target": target,
                "processes": processes,
                "timeout_s": timeout,
                "memory_limit_bytes": parse_bytes(memory_limit) if memory_limit else None,
            }
            count = place.count if place is not None else 1
            work = Work.of(models or [], suite, axes_of(axes), budgets, count)
        if cluster is None:
            done = _measure(work.limited(), out, place, json, quiet)
        else:
            done = _sweep(work, out, cluster, machine_type, json, quiet)
    except (PlanError, SuiteError, StoreError, SizeError, LaunchError) as error:
        typer.echo(f"anatomy run: {error}", err=True)
        raise typer.Exit(exit_codes.USAGE) from error
    except (HostError, ClusterError) as error:
        typer.echo(f"anatomy run: {error}", err=True)
        raise typer.Exit(exit_codes.NOTHING_MEASURED) from error
    if history and done.records:
        _keep(done.path)
    _conclude(done, report, json or quiet)


@dataclass
class _Done:
    """What has been measured so far; `stopped` says why not all of it."""

    path: Path
    planned: int
    records: list[Record] = field(default_factory=list)
    stopped: str = ""

    def add(self, record: Record, json: bool) -> None:
        self.records.append(record)
        if json:
            print(record.model_dump_json(), flush=True)


def _measure(work: Work, out: Path | None, place: Place | None, json: bool, quiet: bool) -> _Done:
    """Measure here until done or Ctrl-C; what was finished is on disk either way."""
    from rich.console import Console

    from anatomy.bench.cli.nodes import gathered
    from anatomy.bench.cli.progress import Display
    from anatomy.bench.environment import collect
    from anatomy.bench.session import Session

    console = Console(stderr=json)
    environment = collect()
    writer = work.begin(out, environment)
    done = _Done(writer.path, len(work.todo))
    try:
        with gathered(place) as nodes, Session(writer, work.settings, environment.fingerprint, nodes=nodes) as session:
            with Display(console, len(work.todo), quiet) as display:
                for case, repeat in work.todo:
                    done.add(session.measure(case, display, repeat), json)
            if not quiet:
                _print_isolation(console, done.records)
    except KeyboardInterrupt:
        done.stopped = _INTERRUPTED
    return done


def _sweep(work: Work, out: Path | None, address: str, machine_type: str | None, json: bool, quiet: bool) -> _Done:
    """Measure on a cluster until done, Ctrl-C, or no node is left."""
    from rich.console import Console

    from anatomy.bench.cli.cluster import gathered
    from anatomy.bench.cli.progress import Display
    from anatomy.bench.cluster.errors import ClusterError

    console = Console(stderr=json)
    with gathered(address, machine_type, work, lambda text: typer.echo(text, err=True)) as cluster:
        work = work.limited(cluster.kind.usable_memory_bytes)
        writer = work.begin(out, cluster.environment, cluster.kind.ceilings)
        done = _Done(writer.path, len(work.todo))
        try:
            with Display(console, len(work.todo), quiet) as display:
                for record in cluster.records(work, writer, display):
                    done.add(record, json)
        except KeyboardInterrupt:
            done.stopped = _INTERRUPTED
        except ClusterError as error:
            done.stopped = str(error)
    return done


def _keep(path: Path) -> None:
    """Put the run into the history; what keeps it out is said, and costs the run nothing."""
    from anatomy.bench.history.keep import keep_run

    why_not = keep_run(path, Path.cwd())
    if why_not:
        typer.echo(why_not, err=True)


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


def _conclude(done: _Done, report: bool, silent: bool) -> None:
    """Write the report, say where things are, and exit with what came of it."""
    measured = sum(record.outcome == "ok" for record in done.records)
    failed = len(done.records) - measured
    if report and done.records:
        from anatomy.reports import write_report

        (written,) = write_report([done.path])
        if not silent:
            print(f"{measured} measured, {failed} not; records in {done.path}, report in {written}")
    elif not silent:
        print(f"{measured} measured, {failed} not; records in {done.path}")
    if done.stopped:
        typer.echo(f"{done.stopped}; the rest: anatomy run --resume {done.path}", err=True)
    if done.stopped == _INTERRUPTED:
        raise typer.Exit(exit_codes.INTERRUPTED)
    if done.planned and not measured:
        raise typer.Exit(exit_codes.NOTHING_MEASURED)
    if failed or done.stopped:
        raise typer.Exit(exit_codes.NOT_ALL_MEASURED)


def _refuse_unlike_places(nodes: bool, cluster: str | None, machine_type: str | None) -> None:
    from anatomy.bench.store import StoreError

    if nodes and cluster is not None:
        raise StoreError("--nodes spreads one case over machines, --cluster many cases; give one of them")
    if machine_type is not None and cluster is None:
        raise StoreError("--machine-type chooses among the nodes of a cluster; add --cluster")


def _refuse_with_resume(given: dict[str, object]) -> None:
    from anatomy.bench.store import StoreError

    extra = [name for name, value in given.items() if value]
    if extra:
        raise StoreError(f"--resume takes the run's own plan; leave out {', '.join(extra)}")
