"""`anatomy profile`: a trace of each case for TensorBoard, and where the time of its step goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.errors import exit_codes

if TYPE_CHECKING:
    from anatomy.bench.records.case_profile import Profile
    from anatomy.bench.runner.open_run import Begun

_REPEAT = "repeat, or separate by commas"


def profile(
    models: Annotated[list[str], typer.Argument(help="Models: vgg, vgg:depth=11, package.module:function.")],
    backend: Annotated[list[str] | None, typer.Option(help=f"tensorflow, jax, torch, openvino ({_REPEAT}).")] = None,
    mode: Annotated[list[str] | None, typer.Option(help=f"train, infer, fit, predict ({_REPEAT}).")] = None,
    batch_size: Annotated[list[str] | None, typer.Option(help=f"Examples a step ({_REPEAT}).")] = None,
    dtype: Annotated[list[str] | None, typer.Option(help=f"Dtype policies ({_REPEAT}).")] = None,
    jit: Annotated[list[str] | None, typer.Option(help=f"auto, on, off ({_REPEAT}).")] = None,
    feed: Annotated[list[str] | None, typer.Option(help=f"What fit, predict read: numpy, tf.data ({_REPEAT}).")] = None,
    devices: Annotated[list[str] | None, typer.Option(help=f"Devices that share a step, 1,2 ({_REPEAT}).")] = None,
    seconds: Annotated[float, typer.Option(help="Measured window of a case, before and apart from its trace.")] = 1.0,
    timeout: Annotated[float | None, typer.Option(help="Seconds after which a case is killed.")] = None,
    memory_limit: Annotated[
        str | None,
        typer.Option(help="Memory a worker may use, e.g. 4GiB. Default: 90 % of what is available."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder. Default: anatomy-runs/<time>.")] = None,
    report: Annotated[bool, typer.Option(help="Write report.html at the end.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print each profile as a JSON line.")] = False,
) -> None:
    """Measure each case, then trace a few of its steps in another process: time by layer, by kind of work, and gaps."""
    from anatomy.bench.cli.commands.run_largest_batch import refuse_search
    from anatomy.bench.machine.collect_environment import collect
    from anatomy.bench.runner.open_run import ask, begin
    from anatomy.bench.suites.units import parse_bytes

    axes = {
        "backend": backend,
        "mode": mode,
        "batch_size": batch_size,
        "dtype": dtype,
        "jit": jit,
        "feed": feed,
        "devices": devices,
    }
    limit = parse_bytes(memory_limit) if memory_limit else None
    budgets = {"seconds": seconds, "timeout_s": timeout, "memory_limit_bytes": limit, "profile": True}
    asked = ask(models, None, axes, budgets)
    refuse_search(asked, None, nodes=False, profile=True)
    here = collect()
    begun = begin(asked, out, here)
    found, interrupted = _take(begun, here.fingerprint, json)
    _finish(begun, found, report=report, silent=json)
    _exit(begun, found, interrupted)


def _take(begun: Begun, fingerprint: str, json: bool) -> tuple[list[Profile], bool]:
    """Profile until done or Ctrl-C, and whether it was interrupted; what was finished is on disk either way."""
    from rich.console import Console

    from anatomy.bench.cli.screens.profile_screen import print_profile
    from anatomy.bench.cli.screens.progress_display import Display
    from anatomy.bench.records.run_store import load_run
    from anatomy.bench.runner.session import Session

    console = Console(stderr=json)
    ceilings = load_run(begun.writer.path).header.ceilings
    found: list[Profile] = []
    try:
        with Session(begun.writer, begun.settings, fingerprint) as session:
            for case, repeat in begun.todo:
                with Display(console, 1, quiet=json) as display:
                    record = session.measure(case, display, repeat)
                found.append(session.profile(record, ceilings))
                if json:
                    print(found[-1].model_dump_json(), flush=True)
                else:
                    print_profile(console, found[-1])
    except KeyboardInterrupt:
        return found, True
    return found, False


def _finish(begun: Begun, found: list[Profile], *, report: bool, silent: bool) -> None:
    """Scalars and HParams beside the traces, the report, and where they are."""
    from anatomy.bench.cli.commands.show_tensorboard import show_in_tensorboard
    from anatomy.bench.records.run_store import load_run

    folder = begun.writer.path
    where = show_in_tensorboard(folder)
    if report and load_run(folder).records:
        from anatomy.reports import write_report

        (written,) = write_report([folder], out=folder)
        where += f"; report in {written}"
    if not silent:
        taken = _taken(found)
        print(f"{taken} profiled, {len(found) - taken} not; {where}")


def _exit(begun: Begun, found: list[Profile], interrupted: bool) -> None:
    if interrupted:
        typer.echo(f"interrupted; the rest: anatomy run --resume {begun.writer.path}", err=True)
        raise typer.Exit(exit_codes.INTERRUPTED)
    if found and not _taken(found):
        raise typer.Exit(exit_codes.NOTHING_MEASURED)
    if _taken(found) < len(found):
        raise typer.Exit(exit_codes.NOT_ALL_MEASURED)


def _taken(found: list[Profile]) -> int:
    return sum(profile.outcome == "ok" for profile in found)
