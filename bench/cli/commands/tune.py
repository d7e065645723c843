"""`anatomy tune`: the best backend, compiler, precision and batch size for one model, in words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.cli import options
from anatomy.bench.cli.machine_turn import chosen_cpus, turn
from anatomy.bench.cli.report_at_end import ReportAtEnd, report_at_end
from anatomy.bench.errors import exit_codes

if TYPE_CHECKING:
    from anatomy.bench.records.tuning import Tuning


def tune(
    model: options.Model,
    goal: Annotated[
        str | None,
        typer.Option("--for", help="What is sought: throughput (default), latency, memory or energy."),
    ] = None,
    mode: Annotated[
        str | None, typer.Option("--mode", help="train (default) or infer; fit or predict: Keras's own loops.")
    ] = None,
    max_latency: Annotated[
        str | None, typer.Option(help="The 99th percentile of a step may take this, e.g. 5ms.")
    ] = None,
    max_memory: Annotated[
        str | None, typer.Option(help="The steps may take this above the process without the model, e.g. 4GiB.")
    ] = None,
    min_batch: Annotated[int | None, typer.Option(help="The smallest batch that is of use; default 1.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="What you have now, to compare with; the default is Keras's 32.")
    ] = None,
    backend: options.Backends = None,
    dtype: options.Dtypes = None,
    frameworks: Annotated[
        bool | None,
        typer.Option("--frameworks/--no-frameworks", help="Search the frameworks' own layers as well, without Keras."),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Try no further setting after this; default 5.")] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(help="Settings whose figures differ by less than this share are equally good; default 0.03."),
    ] = None,
    inputs: options.Inputs = None,
    timeout: options.Timeout = None,
    memory_limit: options.MemoryLimit = None,
    cpus: options.Cpus = None,
    share: options.Share = False,
    no_wait: options.NoWait = False,
    wait: options.Wait = None,
    out: options.Out = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Folder of a search that was cut short; give the same options.")
    ] = None,
    unsafe: options.Unsafe = False,
    report: options.Report = True,
    history: options.History = True,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Find the best settings for a model: try what can be set, then race the best in rounds of fresh processes.

    What is not given is as [tool.anatomy.tune] of pyproject.toml has it.
    """
    from rich.console import Console

    from anatomy.bench.cli.commands.conclude import keep_in_history
    from anatomy.bench.cli.screens.tune_screen import TuneDisplay, print_answer
    from anatomy.bench.cli.unsafe_models import allow_code_in
    from anatomy.bench.machine.collect_environment import collect
    from anatomy.bench.runner.open_run import open_run, resume_run
    from anatomy.bench.suites.units import parse_bytes
    from anatomy.bench.tuning.plan_tuning import plan_tuning
    from anatomy.bench.tuning.tune_model import tune as tune_model
    from anatomy.bench.tuning.tune_table import read_tune_table
    from anatomy.models.pretrained_weights import say_once

    (name,) = allow_code_in([model], unsafe=unsafe)
    given = {
        "goal": goal,
        "mode": mode,
        "max_latency": max_latency,
        "max_memory": max_memory,
        "min_batch": min_batch,
        "batch_size": batch_size,
        "backends": _parts(backend) or None,
        "dtypes": _parts(dtype) or None,
        "frameworks": frameworks,
        "minutes": minutes,
        "tolerance": tolerance,
    }
    of_project = read_tune_table(Path.cwd()).arguments()
    request, plan = plan_tuning(
        name,
        **(of_project | {option: value for option, value in given.items() if value is not None}),
        inputs=inputs or [],
        budgets={
            "timeout_s": timeout,
            "memory_limit_bytes": parse_bytes(memory_limit) if memory_limit else None,
            "cpus": chosen_cpus(cpus),
        },
    )
    say_once(plan.notes)
    console = Console(stderr=json)
    with turn(share, no_wait, wait):
        here = collect()
        run = resume_run(resume, here.fingerprint) if resume else open_run(plan, out, here, ["anatomy", *sys.argv[1:]])
        with TuneDisplay(console) as display:
            tuning = tune_model(request, run, display)
    if history and any(one.rounds for one in tuning.contenders):
        keep_in_history(run.writer.path)
    where, reported = f"records in {run.writer.path}", ReportAtEnd()
    if report:
        reported = report_at_end([run.writer.path])
        where += f", report in {reported.where}" if reported.where else ""
    if json:
        print(tuning.model_dump_json())
    else:
        print_answer(console, tuning, run.writer.path)
        print(where)
    reported.tell()
    _exit(tuning)
    reported.exit()


def _parts(values: list[str] | None) -> list[str]:
    return [part.strip() for value in values or [] for part in value.split(",") if part.strip()]


def _exit(tuning: Tuning) -> None:
    if tuning.winner is None:
        raise typer.Exit(exit_codes.NOTHING_MEASURED)
