"""The recorder writes what the replay reads: a replayed session, recorded, replays the same."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pynvml
import pytest

from tests.bench.machine.telemetry import record_session
from tests.bench.machine.telemetry import replay as replaying
from tests.bench.machine.telemetry.conftest import Installed, Played
from tests.bench.machine.telemetry.nvml_answers import FUNCTIONS
from tests.bench.machine.telemetry.replay import SESSIONS


@pytest.mark.long
@pytest.mark.parametrize("session", SESSIONS)
def test_what_was_replayed_is_recorded(installed: Installed, session: str) -> None:
    replay = installed(session)
    recorded = record_session.record_session(0.25, os.getpid())
    said = replay.session["answers"]
    known = {question: answers for question, answers in recorded["answers"].items() if question in said}
    assert set(recorded["answers"]) - set(known) <= {"nvmlShutdown()", "nvmlGpmSampleAlloc()", "nvmlGpmSampleFree()"}
    assert recorded["environment"] == replay.session["environment"]
    for question, answers in known.items():
        expected = [said[question][min(k, len(said[question]) - 1)] for k in range(len(answers))]
        assert json.loads(json.dumps(answers)) == _own(expected, replay.session["pid"]), question


def _own(answers: list[Any], pid: int) -> list[Any]:
    """The session's process is this one."""
    return json.loads(json.dumps(answers).replace(f'"pid": {pid}', f'"pid": {os.getpid()}'))


@pytest.mark.long
def test_the_command_writes_a_session_that_replays(
    installed: Installed, played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    installed("h100")
    monkeypatch.setattr(sys, "argv", ["record_session", str(tmp_path / "again.json"), "--seconds", "0.3"])
    record_session.main()
    assert "NVIDIA H100 80GB HBM3; 0.3 s" in capsys.readouterr().out
    assert json.loads((tmp_path / "again.json").read_text())["source"].startswith("recorded 2")
    monkeypatch.setattr(replaying, "FOLDER", tmp_path)
    (series,) = played("again", readings=3)
    assert [reading.values["power_w"] for reading in series.readings] == [120, 120, 120]
    assert series.readings[2].values["sm_occupancy"] == 0.01


def test_the_binding_has_each_function() -> None:
    assert all(callable(getattr(pynvml, name)) for name in FUNCTIONS)


def test_made_up_sessions_say_so() -> None:
    for name in SESSIONS:
        source = json.loads((replaying.FOLDER / f"{name}.json").read_text())["source"]
        assert source.startswith(("made up", "recorded "))
