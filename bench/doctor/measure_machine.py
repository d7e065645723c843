"""Measure this machine: the probes that give ceilings, and identical work in fresh processes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from anatomy.bench.backends.available import supports
from anatomy.bench.doctor.ceilings import ceilings_of
from anatomy.bench.doctor.noise import Noise, noise_of
from anatomy.bench.records.case import Backend, Case
from anatomy.bench.records.ceiling import Ceiling
from anatomy.bench.records.ceiling_cache import cache_ceilings
from anatomy.bench.records.record import Record
from anatomy.bench.runner.session import Listener, Session
from anatomy.bench.suites.plan import plan
from anatomy.bench.suites.suite import Axes, Suite

NOISE_MODEL, NOISE_BATCH = "mlp", 32


def measure_ceilings(session: Session, probes: Sequence[Case], listener: Listener) -> list[Ceiling]:
    """Measure the probes, and keep for this machine what they gave."""
    found = ceilings_of([session.measure(case, listener) for case in probes])
    cache_ceilings(session.environment, [one for one in found if one.matmul_flops_per_s])
    return found


def noise_cases(backends: Sequence[Backend]) -> list[Case]:
    """One small case a backend: training where it can, else inference."""
    return [case for backend in backends for case in plan(_suite(backend), Axes())]


def measure_noise(session: Session, cases: Sequence[Case], processes: int, listener: Listener) -> list[Noise]:
    """Every case once, then all again, so that drift meets all."""
    records: dict[str, list[Record]] = {case.key: [] for case in cases}
    wall_s: dict[str, list[float]] = {case.key: [] for case in cases}
    for repeat in range(processes):
        for case in cases:
            start = time.perf_counter()
            record = session.measure(case, listener, repeat)
            # The first process of a backend waits for its import, unless probes came before.
            if repeat > 0:
                wall_s[case.key].append(time.perf_counter() - start)
            records[case.key].append(record)
    return [noise_of(records[case.key], wall_s[case.key]) for case in cases]


def _suite(backend: Backend) -> Suite:
    mode = "train" if supports(backend, "train") else "infer"
    matrix = {"model": [NOISE_MODEL], "backend": [backend], "mode": [mode], "batch_size": [NOISE_BATCH]}
    return Suite.model_validate({"name": "doctor", "matrix": [matrix]})
