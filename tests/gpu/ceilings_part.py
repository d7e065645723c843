"""The doctor's ceilings against the data sheet."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import pytest

from anatomy.bench.doctor import ceilings, examine_machine
from anatomy.bench.doctor.fitness import Finding
from anatomy.bench.machine.collect_environment import collect
from anatomy.bench.records.ceiling import Ceiling, device_name
from anatomy.bench.runner.session import Listener, Silent
from anatomy.reports.gpu_peaks import dense_peak
from tests.gpu.acceptance_result import Figure, impossible, judge
from tests.gpu.part_report import PartReport
from tests.gpu.setting import Setting

LEAST_PEAK_SHARE, MOST_PEAK_SHARE = 0.35, 1.02
# Any card with a data sheet in `reports/gpu_peaks.py` has more; a bandwidth of the host has less.
LEAST_BANDWIDTH, MOST_BANDWIDTH = 100e9, 10e12
LEAST_DISPATCH_S, MOST_DISPATCH_S = 1e-6, 5e-3


class _Quiet:
    """Prints what the doctor finds, and nothing while it measures."""

    def examined(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            print(finding.name, finding.verdict, finding.value, flush=True)

    def measuring(self, processes: int) -> AbstractContextManager[Listener]:
        return nullcontext(Silent())


def run_part(setting: Setting, report: PartReport) -> None:
    """Measure the ceilings of each backend."""
    gpus = collect().gpus
    with pytest.MonkeyPatch.context() as patch:
        if setting.stand_in:
            _shorten(patch)
        _measure(setting, gpus, report)


def _shorten(patch: pytest.MonkeyPatch) -> None:
    """Small products and arrays: each kind of microbenchmark once."""
    patch.setattr(ceilings, "SIZES_ON_CPU", (256,))
    patch.setattr(ceilings, "DTYPES_ON_CPU", ("float32",))
    patch.setattr(examine_machine, "last_level_cache_bytes", lambda: None)
    patch.setattr(examine_machine, "CASE_S", 0.2)


def _measure(setting: Setting, gpus: Sequence[str], report: PartReport) -> None:
    for backend in setting.ceiling_backends:
        found = examine_machine.examine_machine(_Quiet(), [backend], noise=False, out=report.work / backend)
        for ceiling in found.ceilings:
            report.add(*_products(ceiling, gpus))
            report.add(
                judge(
                    f"{backend} bandwidth",
                    ceiling.bandwidth_bytes_per_s,
                    low=LEAST_BANDWIDTH,
                    high=MOST_BANDWIDTH,
                    unit="bytes/s",
                    missing=ceiling.not_measured.get("bandwidth_bytes_per_s", ""),
                ).only_on_gpu(setting.stand_in),
                judge(
                    f"{backend} smallest step",
                    ceiling.dispatch_s,
                    low=LEAST_DISPATCH_S,
                    high=MOST_DISPATCH_S,
                    unit="s",
                    missing=ceiling.not_measured.get("dispatch_s", ""),
                ),
            )


def _products(ceiling: Ceiling, gpus: Sequence[str]) -> list[Figure]:
    device = device_name(ceiling.device, gpus)
    figures = []
    for dtype, rate in ceiling.matmul_flops_per_s.items():
        name, peak = f"{ceiling.backend} {dtype} products over the data sheet's peak", dense_peak(device, dtype)
        if peak is None:
            expectation = f"{LEAST_PEAK_SHARE} to {MOST_PEAK_SHARE}"
            reason = f"no dense peak of {device} in {dtype} is known"
            figures.append(impossible(name, expectation, reason, rate, "FLOP/s"))
        else:
            figures.append(judge(name, rate / peak, low=LEAST_PEAK_SHARE, high=MOST_PEAK_SHARE))
    return figures
