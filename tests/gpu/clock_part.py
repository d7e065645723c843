"""The clock's checks: honest cases pass, steps with a planted fault of measuring are refused."""

from __future__ import annotations

from pathlib import Path

from anatomy.bench import run_suite
from anatomy.bench.records.record import Record
from anatomy.bench.suites.suite import Suite
from tests.gpu.acceptance_result import Figure, impossible, judge_word
from tests.gpu.part_report import PartReport
from tests.gpu.record_listener import RecordListener
from tests.gpu.setting import Setting

FAULTS = Path(__file__).parents[1] / "data" / "faults.py"
PLANTED = ("undrained", "returns_early", "skips", "folded")
TIMEOUT_S = 40.0


def run_part(setting: Setting, report: PartReport) -> None:
    """Measure an honest case and planted ones on each backend."""
    suite = Suite.model_validate(
        {
            "name": "clock",
            "mode": "infer",
            "batch_size": setting.fault_batch,
            "warmup_budget_s": 0.5,
            "matrix": [
                {"model": [f"{FAULTS}:{name}" for name in ("honest", *PLANTED)], "backend": backend}
                for backend in setting.fault_backends
            ],
        }
    )
    run_suite(
        suite,
        out=report.work / "clock",
        listener=RecordListener(lambda record: report.add(*judge_clock(record))),
        seconds=setting.fault_s,
        timeout_s=TIMEOUT_S,
    )


def judge_clock(record: Record) -> list[Figure]:
    """An honest case is measured and its clocks agree; a planted one is refused.

    Where noise or too few rounds kept the clocks from being compared, nothing is concluded from them.
    """
    fault = record.case.model.rpartition(":")[2]
    name, clock = f"{record.case.backend} {fault}", record.clock
    unchecked = clock.reason if clock is not None and clock.verdict == "not checked" else ""
    if fault != "honest":
        if record.outcome == "ok" and unchecked:
            return [impossible(name, "invalid", f"the clocks were not compared: {unchecked}", record.outcome)]
        said = record.reason or (f"clocks: {clock.verdict}" if clock else "")
        return [judge_word(name, record.outcome, ["invalid"], said)]
    outcome = judge_word(name, record.outcome, ["ok"], record.reason)
    if clock is None:
        return [outcome]
    expected = ["agrees", "overlaps"]
    if unchecked:
        return [outcome, impossible(f"{name} clocks", " or ".join(expected), unchecked, clock.verdict)]
    return [outcome, judge_word(f"{name} clocks", clock.verdict, expected, clock.reason)]
