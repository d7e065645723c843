"""`anatomy doctor`: is this machine fit to measure on, what can it do at best, and how quiet is it."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anatomy.bench.cli import exit_codes

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.case import Backend, Case
    from anatomy.bench.doctor.noise import Noise
    from anatomy.bench.environment import Environment
    from anatomy.bench.record import Record
    from anatomy.bench.session import Session
    from anatomy.bench.settings import MeasureSettings
    from anatomy.bench.store import RunWriter

PROBE_S, PROBE_TIMEOUT_S = 1.0, 90.0
NOISE_MODEL, NOISE_BATCH = "mlp", 32


def doctor(
    backend: Annotated[
        list[str] | None, typer.Option(help="tensorflow, jax, torch, openvino (repeat, or separate by commas).")
    ] = None,
    ceilings: Annotated[bool, typer.Option(help="Measure what each backend can do at best, and keep it.")] = True,
    noise: Annotated[bool, typer.Option(help="Repeat identical work in fresh processes.")] = True,
    processes: Annotated[int, typer.Option(min=2, help="Fresh processes for the noise.")] = 6,
    overhead: Annotated[
        bool, typer.Option("--overhead", help="Measure what Anatomy's observers cost, and nothing else.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Where its records go. Default: anatomy-runs/doctor-<time>.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Examine this machine: fitness with remedies, ceilings of each backend, noise; or the cost of observing."""
    import json as json_module

    from rich.console import Console

    from anatomy.bench.channel import HostError
    from anatomy.bench.cli import doctor_screen as screen
    from anatomy.bench.doctor.fitness import examine
    from anatomy.bench.doctor.gpu_fitness import examine_gpus
    from anatomy.bench.store import StoreError

    console = Console(stderr=json)
    try:
        if overhead:
            found = _overhead(console)
            screen.print_overheads(console, found) if not json else print(json_module.dumps([asdict(o) for o in found]))
            return
        findings = [*examine(), *examine_gpus()]
        if not json:
            screen.print_findings(console, findings)
        limits, noises = _measure(console, _backends(backend), ceilings, noise, processes, out)
    except (ValueError, StoreError) as error:
        typer.echo(f"anatomy doctor: {error}", err=True)
        raise typer.Exit(exit_codes.USAGE) from error
    except HostError as error:
        typer.echo(f"anatomy doctor: {error}", err=True)
        raise typer.Exit(exit_codes.NOTHING_MEASURED) from error
    if json:
        parts: dict[str, Any] = {"fitness": [asdict(finding) for finding in findings]}
        parts |= {"ceilings": [one.model_dump() for one in limits], "noise": [asdict(one) for one in noises]}
        print(json_module.dumps(parts, indent=2))
    else:
        screen.print_ceilings(console, limits)
        screen.print_noises(console, noises)
    if ceilings and not any(one.matmul_flops_per_s for one in limits):
        raise typer.Exit(exit_codes.NOTHING_MEASURED)


def _backends(given: list[str] | None) -> tuple[Backend, ...]:
    """Those asked for, or those installed."""
    from typing import cast

    from anatomy.bench.backends.available import installed_backends
    from anatomy.bench.case import BACKENDS

    names = [part.strip() for item in given or () for part in item.split(",") if part.strip()]
    unknown = [name for name in names if name not in BACKENDS]
    if unknown:
        raise ValueError(f"unknown backend {unknown[0]!r}; expected any of {', '.join(BACKENDS)}")
    return cast("tuple[Backend, ...]", tuple(names)) or installed_backends()


def _measure(
    console: Console, backends: tuple[Backend, ...], ceilings: bool, noise: bool, processes: int, out: Path | None
) -> tuple[list[Any], list[Noise]]:
    """A run of its own: the probes, then the same case over and over, one process each."""
    from anatomy.bench.cli.progress import Display
    from anatomy.bench.doctor.ceilings import ceiling_cases, ceilings_of, last_level_cache_bytes
    from anatomy.bench.doctor.keep import keep_ceilings
    from anatomy.bench.doctor.noise import noise_of
    from anatomy.bench.environment import collect
    from anatomy.bench.session import Session
    from anatomy.bench.settings import MeasureSettings
    from anatomy.bench.supervise import usable_memory_bytes

    here = collect()
    probes = ceiling_cases(backends, bool(here.gpus), last_level_cache_bytes()) if ceilings else []
    alike = [_noise_case(name) for name in backends] if noise else []
    if not probes and not alike:
        return [], []
    settings = MeasureSettings(
        seconds=PROBE_S, timeout_s=PROBE_TIMEOUT_S, memory_limit_bytes=usable_memory_bytes(), processes=processes
    )
    writer = _writer(out, here, settings, [*probes, *alike])
    with (
        Session(writer, settings, here.fingerprint) as session,
        Display(console, len(probes) + processes * len(alike), quiet=True, bar=True) as display,
    ):
        limits = ceilings_of([session.measure(case, display) for case in probes])
        if limits:
            keep_ceilings(here.fingerprint, limits)
        repeats = _interleaved(session, alike, processes, display)
    return limits, [noise_of(*one) for one in repeats]


def _interleaved(
    session: Session, cases: list[Case], processes: int, display: Any
) -> list[tuple[list[Record], list[float]]]:
    """Every case once, then all again, so that drift meets all; for each its records and wall seconds."""
    found: list[tuple[list[Record], list[float]]] = [([], []) for _ in cases]
    for repeat in range(processes):
        for (records, wall_s), case in zip(found, cases, strict=True):
            start = time.perf_counter()
            records.append(session.measure(case, display, repeat))
            # The first process of a backend pays for its import.
            wall_s.append(time.perf_counter() - start - (records[-1].phases.import_s or 0.0 if repeat == 0 else 0.0))
    return found


def _noise_case(backend: Backend) -> Case:
    """Training where the backend can, else inference."""
    from anatomy.bench.backends.available import supports
    from anatomy.bench.plan import plan
    from anatomy.bench.suite import Axes, Suite

    mode = "train" if supports(backend, "train") else "infer"
    axes = {"model": [NOISE_MODEL], "backend": [backend], "mode": [mode], "batch_size": [NOISE_BATCH]}
    cases: list[Case] = plan(Suite.model_validate({"name": "doctor", "matrix": [axes]}), Axes())
    return cases[0]


def _writer(out: Path | None, here: Environment, settings: MeasureSettings, planned: list[Case]) -> RunWriter:
    import sys
    from datetime import UTC, datetime

    from anatomy.bench.store import DEFAULT_FOLDER, RunHeader, RunWriter, new_run_id

    run_id = f"doctor-{new_run_id()}"
    header = RunHeader(
        id=run_id,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=["anatomy", *sys.argv[1:]],
        suite="doctor",
        settings=settings.model_dump(),
        environment=here,
        planned=planned,
    )
    return RunWriter.create(out or Path(DEFAULT_FOLDER) / run_id, header)


def _overhead(console: Console) -> list[Any]:
    """Each step length of the limits in turn, with a real sampler and display beside it."""
    import io

    from rich.console import Console

    from anatomy.bench.cli.progress import Display
    from anatomy.bench.doctor.observers import Observers
    from anatomy.bench.doctor.overhead import LIMITS, measure_overhead
    from anatomy.bench.gpu import GpuSampler

    sampler = GpuSampler()
    if not sampler.available:
        console.print(f"Sampling GPUs is not part of it: {sampler.reason}.", highlight=False)
    terminal = Console(file=io.StringIO(), force_terminal=True)
    with Display(terminal, 1, quiet=True, bar=True) as display:
        observing = Observers(sampler, display.phase)
        return [measure_overhead(step_s, limit, observing) for step_s, limit in LIMITS.items()]
