"""What parts conclude from the product's answers, and the time that they have together."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.gpu_trace.read_gpu_trace import read_gpu_trace
from anatomy.bench.gpu_trace.trace_summary import summarise_trace
from anatomy.bench.records.case_profile import Profile
from anatomy.bench.records.gpu_use import GpuUse
from anatomy.bench.records.record_parts import ClockCheck
from tests.bench.gpu_trace.hand_made import GEMM, kernel, write_kineto
from tests.bench.machine.telemetry.replay import FOLDER
from tests.bench.profiling.recorded_steps import training_step
from tests.bench.profiling.test_device_profile import profile_of
from tests.factories import make_case, make_record
from tests.gpu import profiles_part
from tests.gpu.acceptance import accept
from tests.gpu.acceptance_result import Figure
from tests.gpu.clock_part import judge_clock
from tests.gpu.memory_figures import judge_context, judge_growth
from tests.gpu.part_report import PartReport, read_figures
from tests.gpu.parts import PARTS
from tests.gpu.profiles_part import profile_figures
from tests.gpu.replayed_session import judge_replay
from tests.gpu.setting import ON_GPU
from tests.gpu.traces_part import judge_layers, judge_sums


def verdicts(figures: list[Figure]) -> list[str]:
    return [figure.verdict for figure in figures]


def gpu_use(**figures: Any) -> GpuUse:
    return GpuUse(index=0, name="NVIDIA H200", samples=9, **figures)


def test_all_parts_take_under_nine_minutes_and_are_there() -> None:
    assert sum(planned.budget_s for planned in PARTS) < 9 * 60
    assert all(find_spec(planned.module) for planned in PARTS)


@pytest.mark.parametrize(
    ("fault", "outcome", "clock", "expected"),
    [
        ("honest", "ok", "agrees", ["passed", "passed"]),
        ("honest", "ok", "overlaps", ["passed", "passed"]),
        ("honest", "ok", "not checked", ["passed", "not possible"]),
        ("honest", "invalid", "disagrees", ["failed", "failed"]),
        ("honest", "crashed", None, ["failed"]),
        ("skips", "invalid", "disagrees", ["passed"]),
        ("skips", "ok", "agrees", ["failed"]),
        ("skips", "ok", "not checked", ["not possible"]),
        ("skips", "crashed", None, ["failed"]),
    ],
)
def test_a_planted_case_must_be_refused_and_an_honest_one_measured(
    fault: str, outcome: Any, clock: Any, expected: list[str]
) -> None:
    check = None if clock is None else ClockCheck(verdict=clock, reason="too noisy" if clock == "not checked" else "")
    record = make_record(f"faults.py:{fault}", outcome=outcome, clock=check)
    assert verdicts(judge_clock(record)) == expected


def test_memory_by_process_is_torchs_own_and_a_context() -> None:
    before, after = (gpu_use(process_memory_peak_bytes=one * 2**20) for one in (600, 1624))
    assert judge_context("p", before, {"reserved_bytes": 100 * 2**20}).value == 500 * 2**20
    assert judge_growth("p", before, after, 0, 2**30).verdict == "passed"
    assert judge_growth("p", before, after, 0, 2**31).verdict == "failed"
    hidden = gpu_use(process_memory_peak_bytes=None, not_measured={"process_memory_peak_bytes": "a container"})
    figure = judge_growth("p", before, hidden, 0, 2**30)
    assert (figure.verdict, figure.reason) == ("not possible", "a container")


def test_a_recorded_session_must_replay(tmp_path: Path) -> None:
    session = json.loads((FOLDER / "two_gpus.json").read_text())
    file = tmp_path / "nvml.json"
    file.write_text(json.dumps(session))
    assert judge_replay(file).verdict == "passed"
    del session["answers"]["nvmlDeviceGetMemoryInfo(gpu1)"]
    file.write_text(json.dumps(session))
    with pytest.raises(AssertionError, match="no answer to nvmlDeviceGetMemoryInfo"):
        judge_replay(file)


def test_sums_of_a_trace_are_held_against_the_profilers_own(tmp_path: Path) -> None:
    file = write_kineto(tmp_path / "t.json", [kernel(GEMM, 5, 2), kernel(GEMM, 10, 4, correlation=2)])
    devices = summarise_trace(read_gpu_trace(file), "t.json").devices
    same = judge_sums("torch", devices, {"kernels": 2, "kernel_ns": 6000})
    # No operation launched them.
    assert verdicts(same) == ["passed", "passed", "failed", "passed"]
    assert judge_layers("jax", devices).reason == "0 is not 0.5 to 1"
    other = judge_sums("torch", devices, {"kernels": 3, "kernel_ns": 9000})
    assert verdicts(other)[:2] == ["failed", "failed"]
    none = judge_sums("torch", devices, {"kernels": 0, "kernel_ns": 0})
    assert verdicts(none)[:2] == ["failed", "failed"]


def test_a_profile_that_is_refused_is_not_possible() -> None:
    refused = Profile(case=make_case(), name="mlp", outcome="unsupported", reason="checked on CPUs alone")
    (figure,) = profile_figures("torch", refused)
    assert (figure.verdict, figure.reason) == ("not possible", "checked on CPUs alone")
    (figure,) = profile_figures("torch", Profile(case=make_case(), name="mlp", outcome="crashed", reason="it fell"))
    assert figure.verdict == "failed"


@pytest.mark.parametrize("left_s", [0.0, 19.0, 50.0, 75.0, 300.0])
@pytest.mark.parametrize("outcome", ["ok", "timeout"])
def test_profiles_take_no_more_than_their_parts_time(
    left_s: float, outcome: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []
    report = PartReport(tmp_path, left_s)

    def profile(model: str, timeout_s: float, **options: Any) -> Profile:
        # It is measured, then profiled.
        assert 2 * timeout_s <= report.left_s() + 0.1 or timeout_s == profiles_part.LONGEST_S
        limits.append(timeout_s)
        report._end_s -= 2 * timeout_s
        return Profile(case=make_case(), name="vgg", outcome=outcome)

    monkeypatch.setattr(profiles_part, "profile", profile)
    profiles_part.run_part(ON_GPU, report)
    assert report.left_s() > -1
    assert bool(limits) == (left_s >= profiles_part.FIRST_CASE_S)
    figures = read_figures(tmp_path)
    assert len(figures) == 4
    # Only a case that had the longest time of all has failed.
    failed = sum(limit == profiles_part.LONGEST_S for limit in limits) if outcome == "timeout" else 0
    assert verdicts(figures).count("failed") == failed
    assert verdicts(figures).count("not possible") == 4 - (len(limits) if outcome == "ok" else failed)


def test_a_profile_of_a_gpu_is_held_against_what_it_must_be(tmp_path: Path) -> None:
    profile = profile_of(training_step(), tmp_path)
    figures = {figure.name.removeprefix("torch vgg: "): figure for figure in profile_figures("torch vgg", profile)}
    assert {name: figure.verdict for name, figure in figures.items()} == {
        "outcome": "passed",
        "parts over the step": "passed",
        "layers over the device time": "passed",
        "unattributed share": "passed",
        "FLOPs of the layers with time": "passed",
        "layers with a backward pass": "passed",
        "idle causes over the time without work": "passed",
        "highest share of the ceiling": "passed",
        # A convolution and a product are off tensor cores.
        "share of products on tensor cores": "failed",
    }
    assert figures["share of products on tensor cores"].value == pytest.approx(64 / (64 + 43) * 20 / 60)
    gone = profile.model_copy(update={"layers": [one for one in profile.layers if one.name != "conv"]})
    failed = [figure.name for figure in profile_figures("torch vgg", gone) if figure.verdict == "failed"]
    assert {"torch vgg: layers over the device time", "torch vgg: FLOPs of the layers with time"} <= set(failed)
    here = profile_figures("torch vgg", profile, stand_in=True)
    assert [figure.verdict for figure in here[-3:]] == ["not possible"] * 3


def test_what_cannot_start_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert accept(tmp_path, stand_in=True) == 2
    assert "give --out a new folder" in capsys.readouterr().err
    assert accept(tmp_path / "new", stand_in=True, names=["clocks"]) == 2
    assert "--part clocks: expected telemetry, clock" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
