"""`anatomy gate`: measure two sides together, judge each case, and exit with the verdict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.cli.machine_turn import chosen_cpus, turn
from anatomy.bench.cli.options import (
    Backends,
    Cpus,
    Dtypes,
    Inputs,
    Jits,
    Models,
    NoWait,
    Share,
    SuiteName,
    Unsafe,
    Wait,
)
from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.anatomy_error import NothingMeasuredError, NothingSelectedError

if TYPE_CHECKING:
    from anatomy.bench.regression_gate.gate_result import GateResult

_REPEAT = "repeat, or separate by commas"


def gate(
    models: Models = None,
    against: Annotated[
        str | None,
        typer.Option(help="The base: a git revision, python:/path/to/python, or a run's folder (exact figures)."),
    ] = None,
    candidate: Annotated[
        list[str] | None, typer.Option(help="A setting of the candidate: jit=on, dtype=…, backend=…, env:NAME=….")
    ] = None,
    suite: SuiteName = None,
    backend: Backends = None,
    mode: Annotated[list[str] | None, typer.Option(help=f"train, infer ({_REPEAT}).")] = None,
    batch_size: Annotated[list[str] | None, typer.Option(help=f"Examples per step ({_REPEAT}).")] = None,
    dtype: Dtypes = None,
    jit: Jits = None,
    inputs: Inputs = None,
    tolerate: Annotated[
        list[str] | None, typer.Option(help="A rule that wins over all others: step=5%, train.compile=20%..40%.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Time for pairs and explanations; what is undecided then is inconclusive."),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that a process may take to warm up, or for a turn.")] = 600.0,
    memory_limit: Annotated[str | None, typer.Option(help="Memory that one worker may use, e.g. 4GiB.")] = None,
    allow_dirty: Annotated[bool, typer.Option("--allow-dirty", help="Compare uncommitted changes.")] = False,
    allow_new: Annotated[bool, typer.Option("--allow-new", help="Let cases through that the base lacks.")] = False,
    allow_stored_time: Annotated[
        bool, typer.Option("--allow-stored-time", help="Compare time with a stored run, unreliable as it is.")
    ] = False,
    cpus: Cpus = None,
    share: Share = False,
    no_wait: NoWait = False,
    wait: Wait = None,
    unsafe: Unsafe = False,
    out: Annotated[Path | None, typer.Option(help="Folder of the result. Default: anatomy-runs/gate-<time>.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors and the verdict.")] = False,
) -> None:
    """Has this become slower, or larger? Exit code 0: no; 1: yes; 3: not known; 4: not all measured; 5: nothing."""
    from rich.console import Console

    from anatomy.bench.cli.screens.gate_screen import print_result, progress_on
    from anatomy.bench.cli.unsafe_models import allow_code_in
    from anatomy.bench.machine.cpu_affinity import started_on
    from anatomy.bench.regression_gate.gate_request import GateRequest, result_folder
    from anatomy.bench.regression_gate.gate_settings import gate_settings
    from anatomy.bench.regression_gate.inventory import Selection
    from anatomy.bench.regression_gate.policy import rules_of
    from anatomy.bench.regression_gate.resolve_sides import parse_base
    from anatomy.bench.regression_gate.run_gate import run_gate
    from anatomy.bench.suites.axis_options import parse_axes

    console = Console(stderr=json)
    axes = {"backend": backend, "mode": mode, "batch_size": batch_size, "dtype": dtype, "jit": jit, "inputs": inputs}
    request = GateRequest(
        base=parse_base(against),
        directory=Path.cwd().resolve(),
        selection=Selection(allow_code_in(models or [], unsafe=unsafe), suite, parse_axes(axes)),
        settings=gate_settings(timeout, memory_limit).model_copy(update={"cpus": chosen_cpus(cpus)}),
        candidate=candidate or [],
        tolerate=rules_of(tolerate or [], "--tolerate"),
        allow_dirty=allow_dirty,
        allow_new=allow_new,
        allow_stored_time=allow_stored_time,
        minutes=minutes,
        command=["anatomy", *sys.argv[1:]],
        out=result_folder(out),
    )
    try:
        # The fork servers of both sides are started inside.
        with turn(share, no_wait, wait), started_on(request.settings.cpus):
            result = run_gate(request, progress_on(console, quiet))
    except NothingSelectedError as error:
        raise NothingMeasuredError(f"nothing compared: {error}") from error
    _publish(result, request.out)
    if json:
        print(result.model_dump_json())
    else:
        print_result(console, result, request.out)
    raise typer.Exit(exit_code(result))


def exit_code(result: GateResult) -> int:
    """The exit code of a comparison: a regression before an error before an undecided case."""
    codes = {
        "FAIL": exit_codes.REGRESSION,
        "ERROR": exit_codes.NOT_ALL_MEASURED,
        "INCONCLUSIVE": exit_codes.INCONCLUSIVE,
        "PASS": exit_codes.OK,
    }
    return codes[result.verdict] if result.verdict is not None else exit_codes.NOTHING_MEASURED


def _publish(result: GateResult, folder: Path) -> None:
    """Write every form of the result into its folder, and annotate the job on GitHub."""
    import os

    from anatomy.reports.gate import publish_on_github, write_gate_reports

    write_gate_reports(result, folder)
    for line in publish_on_github(result, os.environ):
        print(line, file=sys.stderr)
