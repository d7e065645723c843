"""Examine this machine: is it fit to measure on, what can each backend do at best, and how quiet is it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from anatomy.bench.backends.available import installed_backends, supports
from anatomy.bench.doctor.ceilings import ceiling_cases, ceilings_of, last_level_cache_bytes
from anatomy.bench.doctor.fitness import Finding, examine
from anatomy.bench.doctor.gpu_fitness import examine_gpus
from anatomy.bench.doctor.noise import Noise, noise_of
from anatomy.bench.machine.collect_environment import collect
from anatomy.bench.machine.free_memory import free_host_bytes
from anatomy.bench.records.case import Backend, Case
from anatomy.bench.records.ceiling import Ceiling
from anatomy.bench.records.ceiling_cache import cache_ceilings
from anatomy.bench.records.new_run import new_run
from anatomy.bench.records.record import Record
from anatomy.bench.records.settings import checked_settings
from anatomy.bench.runner.session import Listener, Session
from anatomy.bench.runner.supervisor import usable_memory_bytes
from anatomy.bench.suites.plan import plan
from anatomy.bench.suites.suite import Axes, Suite

NOISE_MODEL, NOISE_BATCH = "mlp", 32
CASE_S, CASE_TIMEOUT_S = 1.0, 90.0


@dataclass(frozen=True)
class MachineReport:
    """What was found: fitness, ceilings of each backend, and the noise of one case per backend."""

    findings: list[Finding]
    ceilings: list[Ceiling]
    noises: list[Noise]


class DoctorListener(Protocol):
    """Told about the examination as it goes on."""

    def examined(self, findings: Sequence[Finding]) -> None:
        """The fitness is known; measuring follows."""

    def measuring(self, processes: int) -> AbstractContextManager[Listener]:
        """The listener for so many processes that are going to be measured."""


def examine_machine(
    listener: DoctorListener,
    backends: Sequence[Backend] = (),
    *,
    ceilings: bool = True,
    noise: bool = True,
    processes: int = 6,
    out: Path | None = None,
    command: Sequence[str] = (),
) -> MachineReport:
    """Examine this machine, measure ceilings and noise if asked to, and cache the ceilings for later runs.

    Args:
        backends: by default all that are installed.
        processes: fresh processes per backend for the noise.
        out: folder of the run with the measured records; by default a new one in `anatomy-runs`.
        command: the command line, stored in the run's header.

    Raises:
        SetupError: a fork server could not be started.
        UsageError: the folder already contains a run.
    """
    findings = [*examine(), *examine_gpus()]
    listener.examined(findings)
    here = collect()
    backends = backends or installed_backends()
    machine = bool(here.gpus), last_level_cache_bytes(), free_host_bytes()
    microbenchmarks = ceiling_cases(backends, *machine) if ceilings else []
    alike = noise_cases(backends) if noise else []
    if not microbenchmarks and not alike:
        return MachineReport(findings, [], [])
    memory = usable_memory_bytes()
    budgets = {"seconds": CASE_S, "timeout_s": CASE_TIMEOUT_S, "memory_limit_bytes": memory, "processes": processes}
    settings = checked_settings(budgets)
    planned = [*microbenchmarks, *alike]
    writer = new_run(
        out, suite="doctor", command=command, settings=settings, environment=here, planned=planned, prefix="doctor-"
    )
    with (
        Session(writer, settings, here.fingerprint) as session,
        listener.measuring(len(microbenchmarks) + processes * len(alike)) as listening,
    ):
        limits = measure_ceilings(session, microbenchmarks, listening)
        return MachineReport(findings, limits, measure_noise(session, alike, processes, listening))


def measure_ceilings(session: Session, microbenchmarks: Sequence[Case], listener: Listener) -> list[Ceiling]:
    """Measure the microbenchmarks, and cache the ceilings that they give for this machine."""
    found = ceilings_of([session.measure(case, listener) for case in microbenchmarks])
    cache_ceilings(session.environment, [one for one in found if one.matmul_flops_per_s])
    return found


def noise_cases(backends: Sequence[Backend]) -> list[Case]:
    """One small case per backend: training where the backend can train, else inference."""
    same = {"model": [NOISE_MODEL], "batch_size": [NOISE_BATCH]}
    matrix = [{**same, "backend": [b], "mode": ["train" if supports(b, "train") else "infer"]} for b in backends]
    return plan(Suite.model_validate({"name": "doctor", "matrix": matrix}), Axes())


def measure_noise(session: Session, cases: Sequence[Case], processes: int, listener: Listener) -> list[Noise]:
    """Measure every case once, then all of them again: drift of the machine affects all alike."""
    records: dict[str, list[Record]] = {case.key: [] for case in cases}
    wall_s: dict[str, list[float]] = {case.key: [] for case in cases}
    for repeat in range(processes):
        for case in cases:
            start = time.perf_counter()
            record = session.measure(case, listener, repeat)
            # The first process of a backend may wait for the backend's import.
            if repeat > 0:
                wall_s[case.key].append(time.perf_counter() - start)
            records[case.key].append(record)
    return [noise_of(records[case.key], wall_s[case.key]) for case in cases]
