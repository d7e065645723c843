"""Two processes on one GPU: telemetry tells their memory apart."""

from __future__ import annotations

from tests.gpu.acceptance_result import judge
from tests.gpu.answering_nvml import answering_nvml
from tests.gpu.load_process import LoadProcess
from tests.gpu.memory_figures import judge_context, judge_growth
from tests.gpu.part_report import PartReport
from tests.gpu.sampled_load import sample_load, sample_rest
from tests.gpu.setting import Setting


def run_part(setting: Setting, report: PartReport) -> None:
    """Let one process hold memory and another twice as much, and read both at rest and while both compute."""
    with (
        answering_nvml(setting.stand_in) as nvml,
        LoadProcess(setting.product_size, on_gpu=not setting.stand_in) as one,
        LoadProcess(setting.product_size, on_gpu=not setting.stand_in) as two,
    ):
        loads = {"first": one, "second": two}
        reserved = {name: load.state["reserved_bytes"] for name, load in loads.items()}
        nvml.hold({load.pid: reserved[name] for name, load in loads.items()})
        before = dict(zip(loads, sample_rest([one, two]), strict=True))
        one.do("hold", setting.held_bytes)
        two.do("hold", 2 * setting.held_bytes)
        nvml.hold({load.pid: load.state["reserved_bytes"] for load in loads.values()})
        after = dict(zip(loads, sample_load([one, two], setting.load_s), strict=True))
        for name, load in loads.items():
            held = load.state["reserved_bytes"]
            report.add(
                judge_context(name, before[name], {"reserved_bytes": reserved[name]}),
                judge_growth(name, before[name], after[name], reserved[name], held),
            )
        reason = after["first"].not_measured.get("utilisation", "")
        report.add(
            judge("utilisation by both", after["first"].utilisation, low=0.9, high=1, missing=reason).only_on_gpu(
                setting.stand_in
            )
        )
        device, total = after["first"].memory_used_peak_bytes, one.state["reserved_bytes"] + two.state["reserved_bytes"]
        report.add(
            judge(
                "device's memory over both reserved",
                device / total if device is not None else None,
                low=1,
                missing=after["first"].not_measured.get("memory_used_peak_bytes", ""),
            ).only_on_gpu(setting.stand_in)
        )
