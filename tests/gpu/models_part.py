"""VGG-16 and ResNet-50 in mixed_bfloat16, in training and inference: throughput, MFU and the best batch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import product

from anatomy.bench import run_suite
from anatomy.bench.machine.collect_environment import collect
from anatomy.bench.records.batch_sizes import fastest, group_by_case
from anatomy.bench.records.ceiling import Ceiling
from anatomy.bench.records.ceiling_cache import cached_ceilings
from anatomy.bench.records.record import Record
from anatomy.bench.suites.suite import Suite
from anatomy.reports.flops_utilisation import utilisation
from anatomy.reports.gpu_peaks import dense_peak
from tests.gpu.acceptance_result import Figure, impossible, judge, judge_word
from tests.gpu.part_report import PartReport
from tests.gpu.record_listener import RecordListener
from tests.gpu.setting import BACKENDS, Setting

DTYPE = "mixed_bfloat16"
WARMUP_BUDGET_S = 1.0
# At the least share an H200 trains ResNet-50 with 200 images/s, as a far smaller card does. Above one, it is wrong.
LEAST_MFU, MOST_MFU = 0.005, 1.0


def run_part(setting: Setting, report: PartReport) -> None:
    """Measure every model at each batch size, the first batch size of all of them first."""
    here = collect()
    ceilings = cached_ceilings(here.fingerprint)
    records: list[Record] = []
    took_s: dict[str, float] = {}
    for size, backend in product(setting.batch_sizes, BACKENDS):
        # Another batch size takes a backend about as long as the one before.
        if report.left_s() < took_s.get(backend, 0):
            report.add(impossible(f"{backend} at batch {size}", "measured", "the time of this part does not suffice"))
            continue
        start_s = time.perf_counter()
        run = run_suite(
            _suite(setting.models, backend, size),
            out=report.work / f"{backend}-{size}",
            listener=RecordListener(
                lambda record: report.add(*_figures(record, ceilings, here.gpus, setting.stand_in))
            ),
            seconds=setting.model_s,
            timeout_s=60.0,
        )
        took_s[backend] = time.perf_counter() - start_s
        records += run.records
    report.add(*(_best(group) for group in group_by_case(records)))


def _suite(models: Sequence[str], backend: str, batch_size: int) -> Suite:
    axes = {"mode": ("train", "infer"), "backend": backend, "dtype": DTYPE, "batch_size": batch_size}
    return Suite.model_validate(
        {"name": "models", "warmup_budget_s": WARMUP_BUDGET_S, "matrix": [{"model": models, **axes}]}
    )


def _figures(record: Record, ceilings: Sequence[Ceiling], gpus: Sequence[str], stand_in: bool) -> list[Figure]:
    name = f"{record.name}: outcome"
    if record.outcome == "oom":
        return [impossible(name, "ok", f"the card's memory does not suffice: {record.reason}", record.outcome)]
    outcome = judge_word(name, record.outcome, ["ok"], record.reason)
    if record.outcome != "ok":
        return [outcome]
    found = utilisation(record, ceilings, dense_peak, gpus)
    speed, interval = record.throughput_examples_per_s, record.throughput_interval_examples_per_s
    half = (interval[1] - interval[0]) / 2 / speed if interval and speed else None
    peak = judge(
        f"{record.name}: MFU of the data sheet's peak",
        found.mfu_of_peak if found else None,
        low=LEAST_MFU,
        high=MOST_MFU,
        missing="the data sheet of this device is not known" if found else "no product was counted",
    )
    ceiling = judge(
        f"{record.name}: MFU of the measured ceiling",
        found.mfu if found else None,
        low=LEAST_MFU,
        high=MOST_MFU,
        missing=found.reason if found else "no product was counted",
    )
    precise = judge(f"{record.name}: half-width of its interval", half, low=0, high=0.2, missing="too few blocks")
    return [
        outcome,
        judge(f"{record.name}: throughput", speed, low=1, unit="examples/s"),
        *(figure.only_on_gpu(stand_in) for figure in (precise, peak, ceiling)),
    ]


def _best(records: Sequence[Record]) -> Figure:
    """The batch size with the highest throughput; it is one of at least two that were measured."""
    measured = [record for record in records if record.outcome == "ok"]
    case = records[0].case
    name = f"{case.model} {case.mode} {case.backend}: best batch"
    if len(measured) < 2:
        return impossible(name, "the best of two or more", f"{len(measured)} batch sizes were measured")
    return judge(name, fastest(measured).case.batch_size, low=1, unit="examples")
