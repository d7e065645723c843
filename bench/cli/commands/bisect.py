"""`anatomy bisect`: find the commit that made a case slower, by the gate along git history."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.cli import options
from anatomy.bench.cli.machine_turn import turn
from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.anatomy_error import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.machine.git import Repository
    from anatomy.bench.records.case import Case
    from anatomy.bench.regression_gate.git_bisect import Bisected, Bisection, Tested


def bisect(
    model: Annotated[str, typer.Argument(metavar="CASE", help="One model, as for `anatomy run`.")],
    good: Annotated[str, typer.Argument(help="A revision at which it was fast.")],
    bad: Annotated[str, typer.Argument(help="A revision at which it is slow.")] = "HEAD",
    backend: Annotated[str | None, typer.Option(help="Default: the first that is installed.")] = None,
    mode: Annotated[str, typer.Option(help="train or infer.")] = "train",
    batch_size: Annotated[int, typer.Option(help="Examples per step.")] = 32,
    dtype: Annotated[str, typer.Option(help="A dtype policy.")] = "float32",
    jit: Annotated[str, typer.Option(help="auto, on or off.")] = "auto",
    figure: Annotated[str, typer.Option(help="What to look at: step, compile, peak_host, peak_device.")] = "step",
    tolerate: Annotated[list[str] | None, typer.Option(help="A rule, e.g. step=5%.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that a process may take to warm up, or for a turn.")] = 600.0,
    share: options.Share = False,
    no_wait: options.NoWait = False,
    wait: options.Wait = None,
    out: Annotated[Path | None, typer.Option(help="Folder for logs. Default: anatomy-runs/bisect-<time>.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as one JSON object.")] = False,
) -> None:
    """Find the commit that made CASE slower. Exit code 0: found; 3: a range, or not known; 5: BAD is not slower."""
    from rich.console import Console

    from anatomy.bench.machine.git import Repository
    from anatomy.bench.records.run_store import DEFAULT_FOLDER, new_run_id
    from anatomy.bench.records.whole_file import make_output_folder

    console = Console(stderr=json)
    repository = Repository.of(Path.cwd())
    case = _case(model, backend, mode, batch_size, dtype, jit)
    folder = out or Path(DEFAULT_FOLDER) / f"bisect-{new_run_id()}"
    make_output_folder(folder, Path(DEFAULT_FOLDER))
    bisection = _bisection(repository, case, figure, tolerate or [], timeout, folder, console)
    with turn(share, no_wait, wait):
        found = bisection.run(good, bad)
    if json:
        _print_json(found, repository)
    else:
        _print(console, found, repository)
    raise typer.Exit(_exit_code(found))


def _case(model: str, backend: str | None, mode: str, batch_size: int, dtype: str, jit: str) -> Case:
    from anatomy.bench.backends.available import installed_backends
    from anatomy.bench.runner.run_plan import plan_run

    values = {"backend": backend or installed_backends()[0], "mode": mode, "batch_size": str(batch_size)}
    axes = {name: [value] for name, value in (values | {"dtype": dtype, "jit": jit}).items()}
    cases = plan_run([model], None, axes, {}).cases
    if len(cases) != 1:
        raise UsageError(f"{model}: expected one case, got {len(cases)}; give one backend, mode and batch size")
    return cases[0]


def _bisection(
    repository: Repository,
    case: Case,
    figure: str,
    tolerate: list[str],
    timeout: float,
    folder: Path,
    console: Console,
) -> Bisection:
    from anatomy.bench.cli.screens.gate_screen import progress_on
    from anatomy.bench.regression_gate.gate_settings import gate_settings
    from anatomy.bench.regression_gate.gate_table import read_gate_table
    from anatomy.bench.regression_gate.git_bisect import Bisection
    from anatomy.bench.regression_gate.policy import METRICS, SAMPLED, policy_of, rules_of

    if figure not in SAMPLED:
        raise UsageError(f"--figure {figure}: expected one of {', '.join(SAMPLED)}")
    directory = Path.cwd().resolve()
    table = read_gate_table(directory)
    # Models change along a history on purpose: only the figure that is looked for decides.
    others: dict[str, str] = {name: "any" for name in METRICS if name != figure}
    policy = policy_of(table).with_level(others, "bisect")
    policy = policy.with_level(rules_of(tolerate, "--tolerate"), "--tolerate")
    return Bisection(
        repository,
        case,
        gate_settings(timeout),
        policy,
        directory,
        folder,
        progress_on(console),
        lambda tested: _tell(console, tested),
        table.install,
    )


def _tell(console: Console, tested: Tested) -> None:
    change = "" if tested.change is None else f" {tested.change:+.1%}"
    said = f": {tested.reason}" if tested.reason and tested.verdict != "FAIL" else ""
    if console.is_terminal:
        console.print("\r\x1b[2K", end="")
    console.print(f"{tested.verdict}{change} {tested.what}{said}", highlight=False, markup=False, soft_wrap=True)


def _print(console: Console, found: Bisected, repository: Repository) -> None:
    if not found.suspects:
        last = found.tested[-1]
        lines = [f"{last.what}: {last.verdict} against the good revision; there is nothing to look for"]
    elif len(found.suspects) == 1:
        lines = [f"First slow commit: {repository.describe(found.suspects[0])}"]
    else:
        lines = ["The first slow commit is one of these, which could not all be judged:"]
        lines += [f"  {repository.describe(commit)}" for commit in found.suspects]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _print_json(found: Bisected, repository: Repository) -> None:
    import json
    from dataclasses import asdict

    parts = {
        "case": found.case.model_dump(),
        "suspects": [{"commit": c, "what": repository.describe(c)} for c in found.suspects],
        "tested": [asdict(tested) for tested in found.tested],
    }
    print(json.dumps(parts, indent=1), file=sys.stdout)


def _exit_code(found: Bisected) -> int:
    if len(found.suspects) == 1:
        return exit_codes.OK
    if found.suspects:
        return exit_codes.INCONCLUSIVE
    return {"PASS": exit_codes.NOTHING_MEASURED, "ERROR": exit_codes.NOT_ALL_MEASURED}.get(
        found.tested[-1].verdict, exit_codes.INCONCLUSIVE
    )
