"""The acceptance runs on a CPU with stand-ins, from the files of the kit alone, and parts that go wrong end alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gpu.acceptance import RESULT_FILE
from tests.gpu.acceptance_result import Acceptance, Figure
from tests.gpu.make_kit import copy_program
from tests.gpu.parts import PARTS, PlannedPart, run_planned


@pytest.mark.process
def test_a_part_that_takes_too_long_is_ended_and_one_that_falls_says_why(tmp_path: Path) -> None:
    late = run_planned(PlannedPart("models", 0.05, ""), tmp_path, stand_in=True)
    assert (late.verdict, late.figures) == ("failed", ())
    assert late.reason.startswith("it took longer than its 0.2 s")
    fallen = run_planned(PlannedPart("no-such", 30, ""), tmp_path, stand_in=True)
    assert fallen.verdict == "failed"
    assert fallen.reason.startswith("it ended with exit code 2; it said: ")
    assert "invalid choice" in fallen.reason


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_every_part_runs_with_stand_ins(tmp_path: Path) -> None:
    copy_program(tmp_path / "kit")
    command = [sys.executable, "-P", "-c", _RUN, "--stand-in", "--out", str(tmp_path / "out")]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "kit")}
    ended = subprocess.run(command, cwd=tmp_path / "kit", env=environment, capture_output=True, text=True, check=False)
    result = Acceptance.model_validate_json((tmp_path / "out" / RESULT_FILE).read_text())
    assert ended.returncode == 0, ended.stdout
    assert [part.name for part in result.parts] == [planned.name for planned in PARTS]
    assert {part.verdict for part in result.parts} == {"passed"}, ended.stdout
    figures = {(part.name, figure.name): figure for part in result.parts for figure in part.figures}
    assert all(figure.expectation for figure in figures.values())
    assert all(figure.reason for figure in figures.values() if figure.verdict == "not possible")
    # What a stand-in can show.
    for part, name in (
        ("telemetry", "holding: growth by NVML over growth by torch"),
        ("clock", "jax skips"),
        ("traces", "hand-made: kernel time over its profiler's sum"),
        ("largest-batch", "what ended the search"),
        ("two-processes", "second: growth by NVML over growth by torch"),
    ):
        assert _of(figures, part, name).verdict == "passed"
    # And what it cannot.
    assert _of(figures, "telemetry", "utilisation").verdict == "not possible"
    assert "no kernel or copy of a GPU" in _of(figures, "traces", "torch trace explained").reason
    left = {file for part in result.parts for file in part.files}
    assert {"telemetry/nvml.json", "traces/torch-train.json.gz", "traces/jax-train.xplane.pb"} <= left


# As `python -m tests.gpu.acceptance`, in a process that has the kit's `tests` and no other.
_RUN = "import runpy; runpy.run_module('tests.gpu.acceptance', run_name='__main__')"


def _of(figures: dict[tuple[str, str], Figure], part: str, name: str) -> Figure:
    return figures[part, name]
