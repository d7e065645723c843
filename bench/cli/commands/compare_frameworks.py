"""`anatomy compare-frameworks`: what Keras costs over each framework's own layers, and where."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.cli import options
from anatomy.bench.cli.machine_turn import turn
from anatomy.bench.cli.report_at_end import ReportAtEnd, report_at_end
from anatomy.bench.errors import exit_codes

if TYPE_CHECKING:
    from anatomy.bench.records.keras_cost import KerasCost


def compare_frameworks(
    models: options.Models = None,
    suite: options.SuiteName = None,
    frameworks: Annotated[
        list[str] | None, typer.Option("--frameworks", help="tensorflow, jax, torch. Default: all that are installed.")
    ] = None,
    mode: Annotated[list[str] | None, typer.Option("--mode", help="train, infer. Default: both.")] = None,
    batch_size: options.BatchSizes = None,
    jit: options.Jits = None,
    inputs: options.Inputs = None,
    target: Annotated[
        float, typer.Option(help="A ratio is known well enough when its 95 % interval is within this share of it.")
    ] = 0.03,
    minutes: Annotated[
        float | None,
        typer.Option(help="After this, take no more pairs of processes of a model than the fewest; 0: never more."),
    ] = None,
    timeout: options.Timeout = None,
    memory_limit: options.MemoryLimit = None,
    share: options.Share = False,
    no_wait: options.NoWait = False,
    wait: options.Wait = None,
    out: options.Out = None,
    unsafe: options.Unsafe = False,
    profiles: Annotated[
        bool, typer.Option("--profiles/--no-profiles", help="Trace both sides, to say where the difference is.")
    ] = True,
    report: options.Report = True,
    json: Annotated[bool, typer.Option("--json", help="Print each cost as a JSON line.")] = False,
) -> None:
    """Measure each model through Keras and in the framework's own layers, in turns, once both compute the same."""
    from rich.console import Console

    from anatomy.bench.backends.available import availability
    from anatomy.bench.cli.screens.keras_cost_screen import ComparisonDisplay
    from anatomy.bench.cli.unsafe_models import allow_code_in
    from anatomy.bench.framework_comparison.compared_cases import chosen_frameworks, compared_pairs
    from anatomy.bench.framework_comparison.measure_costs import measure_costs
    from anatomy.bench.machine.collect_environment import collect
    from anatomy.bench.records.settings import require_above_zero
    from anatomy.bench.runner.open_run import open_run
    from anatomy.bench.runner.run_plan import plan_run
    from anatomy.bench.suites.units import parse_bytes
    from anatomy.models.pretrained_weights import say_once

    chosen = [name for name in chosen_frameworks(frameworks) if frameworks or availability(name).installed]
    axes: dict[str, list[str] | None] = {
        "backend": list(chosen),
        "mode": mode or ["train", "infer"],
        "batch_size": batch_size,
        "jit": jit,
        "inputs": inputs,
    }
    budgets = {"timeout_s": timeout, "memory_limit_bytes": parse_bytes(memory_limit) if memory_limit else None}
    plan = plan_run(allow_code_in(models or [], unsafe=unsafe), suite, axes, budgets)
    say_once(plan.notes)
    pairs = compared_pairs(plan.cases)
    require_above_zero("--target", target)
    require_above_zero("--minutes", minutes, or_zero=True)
    # No records are planned: the costs are the result.
    with turn(share, no_wait, wait):
        run = open_run(plan._replace(cases=[]), out, collect(), ["anatomy", *sys.argv[1:]])
        with ComparisonDisplay(Console(stderr=json), len(pairs), json=json) as display:
            costs = measure_costs(pairs, run, display, target=target, minutes=minutes, profiles=profiles)
    where, reported = f"costs in {run.writer.path}", ReportAtEnd()
    if report:
        reported = report_at_end([run.writer.path])
        where += f", report in {reported.where}" if reported.where else ""
    if not json:
        print(f"{sum(cost.outcome == 'ok' for cost in costs)} of {len(costs)} compared; {where}")
    reported.tell()
    _exit(costs)
    reported.exit()


def _exit(costs: list[KerasCost]) -> None:
    measured = [cost for cost in costs if cost.outcome == "ok"]
    if not measured:
        raise typer.Exit(exit_codes.NOTHING_MEASURED)
    if len(measured) < len(costs):
        raise typer.Exit(exit_codes.NOT_ALL_MEASURED)
