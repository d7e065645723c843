"""`anatomy doctor`: is this machine fit to measure on, what can it do at best, and how quiet is it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.anatomy_error import NothingMeasuredError, SetupError

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.doctor.noise import Noise
    from anatomy.bench.doctor.observer_overhead import Overhead
    from anatomy.bench.records.ceiling import Ceiling

PROBE_S, PROBE_TIMEOUT_S = 1.0, 90.0


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

    from anatomy.bench.cli.screens import doctor_screen as screen
    from anatomy.bench.doctor.fitness import examine
    from anatomy.bench.doctor.gpu_fitness import examine_gpus

    console = Console(stderr=json)
    if overhead:
        found = _overhead(console)
        if json:
            print(json_module.dumps([asdict(one) | {"verdict": one.verdict} for one in found], indent=2))
        else:
            screen.print_overheads(console, found)
        return
    findings = [*examine(), *examine_gpus()]
    if not json:
        screen.print_findings(console, findings)
    try:
        limits, noises = _measure(console, backend, ceilings, noise, processes, out)
    except SetupError as error:
        raise NothingMeasuredError(str(error)) from error
    if json:
        parts: dict[str, Any] = {"fitness": [asdict(finding) for finding in findings]}
        parts |= {"ceilings": [one.model_dump() for one in limits], "noise": [asdict(one) for one in noises]}
        print(json_module.dumps(parts, indent=2))
    else:
        screen.print_ceilings(console, limits)
        screen.print_noises(console, noises)
    if ceilings and not any(one.matmul_flops_per_s for one in limits):
        raise typer.Exit(exit_codes.NOTHING_MEASURED)


def _measure(
    console: Console, given: list[str] | None, ceilings: bool, noise: bool, processes: int, out: Path | None
) -> tuple[list[Ceiling], list[Noise]]:
    """A run of its own: the probes, then the same case over and over, one process each."""
    import sys

    from anatomy.bench.backends.available import installed_backends
    from anatomy.bench.cli.screens.progress_display import Display
    from anatomy.bench.doctor.ceilings import ceiling_cases, last_level_cache_bytes
    from anatomy.bench.doctor.measure_machine import measure_ceilings, measure_noise, noise_cases
    from anatomy.bench.machine.collect_environment import collect
    from anatomy.bench.machine.free_memory import free_host_bytes
    from anatomy.bench.records.new_run import new_run
    from anatomy.bench.records.settings import MeasureSettings
    from anatomy.bench.runner.session import Session
    from anatomy.bench.runner.supervisor import usable_memory_bytes
    from anatomy.bench.suites.axis_options import parse_axes

    backends = parse_axes({"backend": given}).backend or installed_backends()
    here = collect()
    on_gpu, caches, free = bool(here.gpus), last_level_cache_bytes(), free_host_bytes()
    probes = ceiling_cases(backends, on_gpu, caches, free) if ceilings else []
    alike = noise_cases(backends) if noise else []
    if not probes and not alike:
        return [], []
    settings = MeasureSettings(
        seconds=PROBE_S, timeout_s=PROBE_TIMEOUT_S, memory_limit_bytes=usable_memory_bytes(), processes=processes
    )
    writer = new_run(
        out,
        suite="doctor",
        command=["anatomy", *sys.argv[1:]],
        settings=settings,
        environment=here,
        planned=[*probes, *alike],
        prefix="doctor-",
    )
    with (
        Session(writer, settings, here.fingerprint) as session,
        Display(console, len(probes) + processes * len(alike), quiet=True, bar=True) as display,
    ):
        return measure_ceilings(session, probes, display), measure_noise(session, alike, processes, display)


def _overhead(console: Console) -> list[Overhead]:
    """Each step length of the limits in turn, with a real sampler beside it."""
    from anatomy.bench.doctor.observer_overhead import BLOCK_S, LIMITS, PAIRS, measure_overhead
    from anatomy.bench.doctor.observers import Observers
    from anatomy.bench.machine.telemetry.device_sampler import DeviceSampler

    sampler = DeviceSampler()
    if sampler.gpu_reason:
        console.print(f"Sampling GPUs is not part of it: {sampler.gpu_reason}.", highlight=False)
    if sampler.cpu_reason:
        console.print(f"Sampling CPU energy is not part of it: {sampler.cpu_reason}.", highlight=False)
    console.print(
        f"Two lengths of step, {PAIRS} pairs of blocks of {BLOCK_S:g} s each: eight minutes, more where the machine"
        " slows down. Leave it alone meanwhile.",
        highlight=False,
    )
    return [measure_overhead(step_s, limit, lambda pid: Observers(pid, sampler)) for step_s, limit in LIMITS.items()]
