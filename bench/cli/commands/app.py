"""`anatomy app`: a whole application, stage by stage, from files on disk to predictions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anatomy.bench.cli import options
from anatomy.bench.cli.machine_turn import turn
from anatomy.bench.errors.anatomy_error import UsageError

if TYPE_CHECKING:
    from anatomy.bench.application.newsgroups_options import NewsgroupsOptions
    from anatomy.bench.records.case import Backend
    from anatomy.bench.records.settings import MeasureSettings
    from anatomy.bench.runner.measure_run import FinishedRun
    from anatomy.bench.runner.open_run import OpenRun
    from anatomy.bench.runner.run_plan import RunPlan

app = typer.Typer(help="A whole application, stage by stage: files, texts, words, training.", no_args_is_help=True)


@app.command("newsgroups")
def newsgroups(
    data: Annotated[
        str | None, typer.Option(help="One folder for each class, files named by digits (20 Newsgroups).")
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(help="synthetic or synthetic:2000: made-up texts; sklearn: those it has downloaded."),
    ] = None,
    glove: Annotated[
        str | None, typer.Option(help="A file of word vectors (glove.6B.100d.txt); synthetic: of the made-up corpus.")
    ] = None,
    model: Annotated[str, typer.Option(help="text_cnn or rcnn.")] = "text_cnn",
    backend: options.Backends = None,
    epochs: Annotated[int, typer.Option(help="Epochs of training.")] = 2,
    seeds: Annotated[int, typer.Option(help="Processes on each backend; each has another seed.")] = 1,
    headers: Annotated[bool, typer.Option("--headers", help="Leave the headers in, which tell the class.")] = False,
    train_embedding: Annotated[
        bool | None,
        typer.Option(
            "--train-embedding/--freeze-embedding", help="Train the word vectors. Default: unless --glove gives them."
        ),
    ] = None,
    words: Annotated[int, typer.Option(help="Ids of the vocabulary.")] = 20_000,
    length: Annotated[
        int | None, typer.Option(help="Words of a text that the model reads. Default: 1000; rcnn: 50.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Texts per step.")] = 128,
    timeout: Annotated[float, typer.Option(help="Kill a process after so many seconds.")] = 7200,
    memory_limit: options.MemoryLimit = None,
    share: options.Share = False,
    no_wait: options.NoWait = False,
    wait: options.Wait = None,
    out: options.Out = None,
    resume: options.Resume = None,
    report: options.Report = True,
    history: options.History = True,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a text classifier as the talk does, and time each stage: one record for each, in a fresh process."""
    from anatomy.bench.application.newsgroups_options import newsgroups_options

    settings = _settings(seeds, "--seeds", timeout, memory_limit)

    def plan() -> RunPlan:
        chosen = newsgroups_options(
            data=_source(data, corpus),
            vectors=glove,
            network=model,
            headers=headers,
            train_embedding=train_embedding,
            epochs=epochs,
            words=words,
            length=length,
            batch_size=batch_size,
        )
        return _plan(chosen, backend, settings, quiet or json)

    _refuse_plan(resume, {"--data": data, "--corpus": corpus})
    _run(plan, turn(share, no_wait, wait), out, resume, report=report, history=history, json=json, quiet=quiet)


@app.command("lifecycle")
def lifecycle(
    models: options.Models = None,
    backend: options.Backends = None,
    batch_size: Annotated[int, typer.Option(help="Examples per step.")] = 32,
    batches: Annotated[int, typer.Option(help="Batches of an epoch, and of each pass over the data.")] = 8,
    processes: Annotated[int, typer.Option(help="Processes for each model and backend.")] = 1,
    timeout: Annotated[float, typer.Option(help="Kill a process after so many seconds.")] = 3600,
    memory_limit: options.MemoryLimit = None,
    share: options.Share = False,
    no_wait: options.NoWait = False,
    wait: options.Wait = None,
    out: options.Out = None,
    resume: options.Resume = None,
    report: options.Report = True,
    history: options.History = True,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Build, train, use, save, load and export a model, and use what was exported: a record for each stage."""
    from anatomy.bench.application.lifecycle_options import lifecycle_options
    from anatomy.bench.runner.plan_application import plan_lifecycle

    settings = _settings(processes, "--processes", timeout, memory_limit)

    def plan() -> RunPlan:
        if not models:
            raise UsageError("name a model: anatomy app lifecycle vgg:depth=11,classes=10,input_shape=32x32x3")
        chosen = [lifecycle_options(network=name, batch_size=batch_size, batches=batches) for name in models]
        return plan_lifecycle(chosen, _backends(backend), settings)

    _refuse_plan(resume, {"MODEL": models})
    _run(plan, turn(share, no_wait, wait), out, resume, report=report, history=history, json=json, quiet=quiet)


def _settings(processes: int, option: str, timeout: float, memory_limit: str | None) -> MeasureSettings:
    from anatomy.bench.records.settings import checked_settings
    from anatomy.bench.suites.units import parse_bytes

    if processes < 1:
        raise UsageError(f"{option} {processes}: expected 1 or more")
    if not timeout > 0:
        raise UsageError(f"--timeout {timeout:g}: expected seconds above 0")
    limit = parse_bytes(memory_limit) if memory_limit else None
    return checked_settings({"processes": processes, "timeout_s": timeout, "memory_limit_bytes": limit})


def _refuse_plan(resume: Path | None, given: dict[str, object]) -> None:
    if resume is not None and (names := [name for name, value in given.items() if value]):
        raise UsageError(f"--resume takes the run's own plan; leave out {' and '.join(names)}")


def _run(
    plan: Callable[[], RunPlan],
    own: AbstractContextManager[None],
    out: Path | None,
    resume: Path | None,
    *,
    report: bool,
    history: bool,
    json: bool,
    quiet: bool,
) -> None:
    """Run what is planned, or the rest of a run, in this machine's turn `own`."""
    from anatomy.bench.cli.commands.conclude import conclude
    from anatomy.bench.machine.collect_environment import collect
    from anatomy.bench.runner.open_run import open_run, resume_run
    from anatomy.models.pretrained_weights import say_once

    planned = None if resume is not None else plan()
    if planned is not None and not quiet:
        say_once(planned.notes)
    with own:
        here = collect()
        if planned is None:
            assert resume is not None
            run = resume_run(resume, here.fingerprint)
        else:
            run = open_run(planned, out, here, ["anatomy", *sys.argv[1:]])
        finished = _measure(run, json, quiet)
    conclude([finished], report=report, history=history, silent=json or quiet)


def _backends(given: list[str] | None) -> Sequence[Backend]:
    from anatomy.bench.backends.available import installed_backends
    from anatomy.bench.suites.axis_options import parse_axes

    return parse_axes({"backend": given}).backend or installed_backends()[:1]


def _source(data: str | None, corpus: str | None) -> str:
    from anatomy.bench.application.sklearn_newsgroups import SKLEARN
    from anatomy.bench.application.synthetic_newsgroups import SYNTHETIC, is_synthetic

    if (data is None) == (corpus is None):
        raise UsageError("give --data DIR with your copy of 20 Newsgroups, or --corpus synthetic for a made-up one")
    if corpus is not None and corpus != SKLEARN and not is_synthetic(corpus):
        raise UsageError(
            f"--corpus {corpus}: expected {SYNTHETIC}, {SYNTHETIC}:2000 or {SKLEARN}; a folder is given as --data"
        )
    # A folder may have the name that stands for a corpus.
    return f"./{data}" if data and (is_synthetic(data) or data == SKLEARN) else data or corpus or ""


def _plan(chosen: NewsgroupsOptions, backends: list[str] | None, settings: MeasureSettings, silent: bool) -> RunPlan:
    from rich.console import Console
    from rich.progress import Progress

    from anatomy.bench.application.synthetic_newsgroups import documents_of, is_synthetic
    from anatomy.bench.runner.plan_application import plan_newsgroups

    named = _backends(backends)
    if not is_synthetic(chosen.data):
        return plan_newsgroups(chosen, named, settings)
    with Progress(console=Console(stderr=True), transient=True, disable=silent) as progress:
        task = progress.add_task("writing the corpus", total=documents_of(chosen.data))
        return plan_newsgroups(chosen, named, settings, lambda count: progress.advance(task, count))


def _measure(run: OpenRun, json: bool, quiet: bool) -> FinishedRun:
    from rich.console import Console

    from anatomy.bench.cli.screens.run_listeners import RunDisplay
    from anatomy.bench.cli.screens.stage_screen import print_stages
    from anatomy.bench.records.run_store import load_run
    from anatomy.bench.runner.measure_run import measure_run

    console = Console(stderr=json)
    with RunDisplay(console, len(run.todo), quiet=quiet or not json, json=json, bar=not quiet) as display:
        finished = measure_run(run, display)
    if not (json or quiet):
        print_stages(console, load_run(finished.path).records)
    return finished
