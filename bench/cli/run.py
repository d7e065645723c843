"""`anatomy run`: measure a suite, write records as they come, print a table, write a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anatomy.bench.cli import exit_codes

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.case import Case
    from anatomy.bench.nodes.launcher import Place
    from anatomy.bench.record import Record
    from anatomy.bench.settings import MeasureSettings
    from anatomy.bench.store import RunWriter
    from anatomy.bench.suite import Suite

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
    history: Annotated[bool, typer.Option(help="Put the run into the history; see `anatomy history`.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print each record as a JSON line.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Measure models on backends: one fresh process a case, one record as each ends."""
    from anatomy.bench.channel import HostError
    from anatomy.bench.cli.nodes import follow, place_of
    from anatomy.bench.nodes.launcher import LaunchError
    from anatomy.bench.plan import PlanError
    from anatomy.bench.sizes import SizeError, parse_bytes
    from anatomy.bench.store import StoreError
    from anatomy.bench.suite import SuiteError

    try:
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
            writer, cases, settings = _resumed(resume)
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
            writer, cases, settings = _created(models or [], suite, axes, out, budgets, count)
        records, interrupted = _measure(writer, cases, settings, place, json, quiet)
    except (PlanError, SuiteError, StoreError, SizeError, LaunchError) as error:
        typer.echo(f"anatomy run: {error}", err=True)
        raise typer.Exit(exit_codes.USAGE) from error
    except HostError as error:
        typer.echo(f"anatomy run: {error}", err=True)
        raise typer.Exit(exit_codes.NOTHING_MEASURED) from error
    if history and records:
        _keep(writer.path)
    _conclude(writer.path, records, len(cases), interrupted, report, json or quiet)


def _created(
    models: list[str],
    suite_name: str | None,
    axes: dict[str, list[str] | None],
    out: Path | None,
    budgets: dict[str, Any],
    nodes: int,
) -> tuple[RunWriter, list[tuple[Case, int]], MeasureSettings]:
    """Plan a new run and create its folder."""
    import sys

    from anatomy.bench import environment
    from anatomy.bench.begin import begin_run
    from anatomy.bench.cli.axes import axes_of
    from anatomy.bench.plan import plan
    from anatomy.bench.settings import MeasureSettings
    from anatomy.bench.store import in_order
    from anatomy.bench.suite import SUITE_BUDGETS, Suite, load_suite
    from anatomy.bench.supervise import usable_memory_bytes

    overrides = axes_of(axes)
    if models and suite_name is None:
        suite: Suite = Suite.model_validate({"name": "command line", "matrix": [{"model": models}]})
        cases = plan(suite, overrides, nodes=nodes)
    else:
        suite = load_suite(suite_name or "quick")
        cases = plan(suite, overrides, models, nodes)
    defaults = {
        "memory_limit_bytes": usable_memory_bytes(),
        **{name: getattr(suite, name) for name in SUITE_BUDGETS},
    }
    given = {name: value for name, value in budgets.items() if value is not None}
    settings = MeasureSettings(**{name: v for name, v in (defaults | given).items() if v is not None})
    writer = begin_run(
        out,
        suite=suite.name,
        command=["anatomy", *sys.argv[1:]],
        settings=settings,
        environment=environment.collect(),
        planned=cases,
    )
    return writer, in_order(cases, settings.processes), settings


def _resumed(path: Path) -> tuple[RunWriter, list[tuple[Case, int]], MeasureSettings]:
    """Open a run and plan what it has no record of. The machine must be the one it began on."""
    from anatomy.bench import environment
    from anatomy.bench.settings import MeasureSettings
    from anatomy.bench.store import RunWriter, StoreError, load_run

    run = load_run(path)
    now = environment.collect()
    if now.fingerprint != run.header.environment.fingerprint:
        raise StoreError(
            f"{path} was begun in another environment ({run.header.environment.fingerprint}, now {now.fingerprint});"
            " its figures would not compare: start a new run"
        )
    return RunWriter(path), run.remaining, MeasureSettings.model_validate(run.header.settings)


def _measure(
    writer: RunWriter,
    cases: list[tuple[Case, int]],
    settings: MeasureSettings,
    place: Place | None,
    json: bool,
    quiet: bool,
) -> tuple[list[Record], bool]:
    """Measure until done or Ctrl-C; what was finished is on disk either way."""
    from rich.console import Console

    from anatomy.bench.cli.nodes import gathered
    from anatomy.bench.cli.progress import Display
    from anatomy.bench.session import Session
    from anatomy.bench.store import load_run

    console = Console(stderr=json)
    environment = load_run(writer.path).header.environment
    records: list[Record] = []
    try:
        with gathered(place) as nodes, Session(writer, settings, environment.fingerprint, nodes=nodes) as session:
            with Display(console, len(cases), quiet) as display:
                for case, repeat in cases:
                    records.append(session.measure(case, display, repeat))
                    if json:
                        print(records[-1].model_dump_json(), flush=True)
            if not quiet:
                _print_isolation(console, records)
    except KeyboardInterrupt:
        return records, True
    return records, False


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


def _conclude(path: Path, records: list[Record], planned: int, interrupted: bool, report: bool, silent: bool) -> None:
    """Write the report, say where things are, and exit with what came of it."""
    measured = sum(record.outcome == "ok" for record in records)
    failed = len(records) - measured
    if report and records:
        from anatomy.reports import write_report

        (written,) = write_report([path])
        if not silent:
            print(f"{measured} measured, {failed} not; records in {path}, report in {written}")
    elif not silent:
        print(f"{measured} measured, {failed} not; records in {path}")
    if interrupted:
        typer.echo(f"interrupted; the rest: anatomy run --resume {path}", err=True)
        raise typer.Exit(exit_codes.INTERRUPTED)
    if planned and not measured:
        raise typer.Exit(exit_codes.NOTHING_MEASURED)
    if failed:
        raise typer.Exit(exit_codes.NOT_ALL_MEASURED)


def _refuse_with_resume(given: dict[str, object]) -> None:
    from anatomy.bench.store import StoreError

    extra = [name for name, value in given.items() if value]
    if extra:
        raise StoreError(f"--resume takes the run's own plan; leave out {', '.join(extra)}")
