"""Telemetry against a load whose FLOPs and memory are known."""

from __future__ import annotations

import json
from typing import Any

from anatomy.bench.records.gpu_use import GpuUse
from anatomy.reports.gpu_peaks import dense_peak
from tests.bench.machine.telemetry.record_session import record_session
from tests.gpu.acceptance_result import Figure, impossible, judge
from tests.gpu.answering_nvml import answering_nvml
from tests.gpu.load_process import LoadProcess
from tests.gpu.memory_figures import judge_context, judge_growth
from tests.gpu.part_report import PartReport
from tests.gpu.replayed_session import judge_replay
from tests.gpu.sampled_load import sample_load, sample_rest
from tests.gpu.setting import Setting

SESSION_FILE = "nvml.json"
LEAST_UTILISATION = 0.9
# Power of large products over that of a GPU that holds a context and rests.
LEAST_POWER_RATIO = 1.3
ENERGY_TOLERANCE = 0.15
LEAST_PEAK_SHARE, MOST_PEAK_SHARE = 0.35, 1.02
LEAST_TENSOR_UTILISATION = 0.3
FEWEST_SAMPLES = 5
LEAST_CLOCK_MHZ = 300


def run_part(setting: Setting, report: PartReport) -> None:
    """Read a resting process, one that holds memory and one that computes; record what NVML answers meanwhile."""
    stand_in = setting.stand_in
    with answering_nvml(stand_in) as nvml, LoadProcess(setting.product_size, on_gpu=not stand_in) as load:
        first = load.state
        nvml.hold({load.pid: first["reserved_bytes"]})
        (resting,) = sample_rest([load])
        report.add(judge_context("resting", resting, first))
        held = load.do("hold", setting.held_bytes)
        nvml.hold({load.pid: held["reserved_bytes"]})
        (holding,) = sample_rest([load])
        report.add(judge_growth("holding", resting, holding, first["reserved_bytes"], held["reserved_bytes"]))
        (computing,) = sample_load([load], setting.load_s)
        done = load.state
        report.add(*_figures(resting, computing, done, stand_in))
        load.tell("compute", setting.load_s)
        session = record_session(setting.load_s / 2, load.pid)
        load.answer()
    file = report.folder / SESSION_FILE
    file.write_text(json.dumps(session, indent=1) + "\n")
    report.add(judge_replay(file))


def _figures(resting: GpuUse, use: GpuUse, done: dict[str, Any], stand_in: bool) -> list[Figure]:
    why = use.not_measured
    power = _ratio(use.power_mean_w, resting.power_mean_w)
    energy = _ratio(use.energy_j, use.power_energy_j)
    no_power = why.get("power_mean_w", "") or resting.not_measured.get("power_mean_w", "")
    no_energy = why.get("energy_j", "") or why.get("power_energy_j", "")
    physical = [
        judge("utilisation", use.utilisation, low=LEAST_UTILISATION, high=1, missing=why.get("utilisation", "")),
        judge("power computing over resting", power, low=LEAST_POWER_RATIO, missing=no_power),
        judge(
            "energy by counter over energy by power",
            energy,
            low=1 - ENERGY_TOLERANCE,
            high=1 + ENERGY_TOLERANCE,
            missing=no_energy,
        ),
        judge(
            "tensor cores busy",
            use.tensor_utilisation,
            low=LEAST_TENSOR_UTILISATION,
            high=1,
            missing=why.get("tensor_utilisation", ""),
        ),
        judge(
            "SM clock", use.sm_clock_mean_mhz, low=LEAST_CLOCK_MHZ, unit="MHz", missing=why.get("sm_clock_mean_mhz", "")
        ),
    ]
    samples = judge("samples in the window", use.samples, low=FEWEST_SAMPLES)
    return [samples, _peak_share(done), *(figure.only_on_gpu(stand_in) for figure in physical)]


def _peak_share(done: dict[str, Any]) -> Figure:
    """Rate of the known load over the data sheet's."""
    name, rate = "bfloat16 products over the data sheet's peak", done["flops"] / (done["end_s"] - done["start_s"])
    peak = dense_peak(done["device"], "bfloat16")
    if peak is None:
        reason = f"no dense peak of {done['device']} is known"
        return impossible(name, f"{LEAST_PEAK_SHARE} to {MOST_PEAK_SHARE}", reason, rate, "FLOP/s")
    return judge(name, rate / peak, low=LEAST_PEAK_SHARE, high=MOST_PEAK_SHARE)


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None
