"""Commands that measure take turns on a machine, whatever becomes of the one before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import anatomy.bench as ab
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.runner import measuring_lock
from anatomy.bench.runner.measuring_lock import (
    LONGEST_WAIT_S,
    TOKEN,
    WHEN_BUSY,
    WhenBusy,
    measuring,
    others_measuring,
    when_busy,
)

REFUSE, SHARE = WhenBusy(wait_s=0.0), WhenBusy(share=True, wait_s=0.0)
HOLD = """
import sys
from anatomy.bench.runner.measuring_lock import measuring
with measuring(sys.argv[1]):
    print("in", flush=True)
    sys.stdin.read()
"""

Holder = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of its own for the locks, and the default of a user who has set nothing."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv(WHEN_BUSY)
    monkeypatch.delenv(TOKEN, raising=False)
    return tmp_path / "anatomy"


@pytest.fixture
def holder() -> Iterator[Holder]:
    """Starts another command that measures until its standard input closes."""
    started: list[subprocess.Popen[str]] = []

    def start(command: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == 0


def locks(folder: Path) -> list[Path]:
    return list(folder.glob("*.measuring"))


@pytest.mark.process
def test_another_command_is_refused_and_told_who_measures(holder: Holder) -> None:
    other = holder("anatomy run vgg:depth=11")
    told = rf"anatomy run vgg:depth=11 \(process {other.pid}\) has measured since 20"
    with pytest.raises(UsageError, match=told), measuring("anatomy gate", REFUSE):
        raise AssertionError("measured beside another command")
    end(other)
    with measuring("anatomy gate", REFUSE):
        assert not others_measuring()


@pytest.mark.process
def test_a_command_waits_in_one_line_until_the_other_ends(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring_lock, "POLL_S", 0.02)
    other, said = holder("anatomy tune unet"), list[str]()
    timer = threading.Timer(0.2, end, [other])
    timer.start()
    start = time.monotonic()
    with measuring("anatomy run", say=said.append):
        waited = time.monotonic() - start
    timer.join()
    assert waited >= 0.15
    assert len(said) == 1
    assert f"anatomy tune unet (process {other.pid})" in said[0]


@pytest.mark.process
def test_waiting_ends_with_a_refusal(holder: Holder) -> None:
    holder("anatomy run mlp")
    said: list[str] = []
    with pytest.raises(UsageError, match=r"has waited for 0\.1 s"), measuring("x", WhenBusy(wait_s=0.1), said.append):
        raise AssertionError("measured beside another command")


@pytest.mark.process
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_killed_owner_holds_nobody_up(holder: Holder, own_machine: Path, how: signal.Signals) -> None:
    other = holder("anatomy run mlp")
    other.send_signal(how)
    other.wait()
    assert not others_measuring()
    with measuring("anatomy run", REFUSE):
        assert len(locks(own_machine)) == 1
    assert not locks(own_machine)


@pytest.mark.process
def test_who_shares_is_seen_by_the_next(holder: Holder) -> None:
    first, said = holder("anatomy run one"), list[str]()
    with measuring("anatomy run two", SHARE, said.append):
        assert [owner.command for owner in others_measuring()] == ["anatomy run one"]
        token = os.environ.pop(TOKEN)
        end(first)
        with pytest.raises(UsageError, match="anatomy run two"), measuring("three", REFUSE):
            raise AssertionError("measured beside another command")
        os.environ[TOKEN] = token
    assert said == [line for line in said if line.startswith("beside: anatomy run one (process")]
    assert len(said) == 1


@pytest.mark.process
def test_a_program_that_a_command_starts_measures_as_its_part(holder: Holder, own_machine: Path) -> None:
    with measuring("outer", REFUSE):
        end(holder("inner"))
        with measuring("nested", REFUSE):
            assert len(locks(own_machine)) == 1
    assert TOKEN not in os.environ


@pytest.mark.process
def test_a_program_that_outlives_its_command_does_not_measure_as_its_part(
    holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with measuring("gone", REFUSE):
        old = os.environ[TOKEN]
    holder("anatomy run now")
    monkeypatch.setenv(TOKEN, old)
    with pytest.raises(UsageError, match="anatomy run now"), measuring("late", REFUSE):
        raise AssertionError("measured beside another command")


@pytest.mark.process
def test_a_fork_that_outlives_its_command_holds_nobody_up() -> None:
    code = (
        "import os, sys, time\n"
        "from anatomy.bench.runner.measuring_lock import measuring\n"
        "turn = measuring('parent'); turn.__enter__()\n"
        "child = os.fork()\n"
        "if child == 0: os.close(1); time.sleep(60)\n"
        "print(child, flush=True); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = int(done.stdout)
    try:
        with measuring("next", REFUSE):
            assert not others_measuring()
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.process
def test_the_library_takes_its_turn(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    holder("anatomy run mlp")
    monkeypatch.setenv(WHEN_BUSY, "refuse")
    with pytest.raises(UsageError, match="anatomy run mlp"):
        ab.measure("mlp", backend="jax", mode="infer")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', "null", "[" * 10_000, "\x00"])
def test_a_damaged_file_names_the_process_by_its_name(own_machine: Path, text: str) -> None:
    own_machine.mkdir()
    path = own_machine / "17-0123456789abcdef.measuring"
    path.write_text(text)
    assert measuring_lock._owner(path).pid == 17
    # Nobody holds it.
    with measuring("x", REFUSE):
        assert not path.exists()


@pytest.mark.parametrize("token", ["", "x", "../../etc/passwd", "1-0123456789abcdef", "1-0123456789abcdeg"])
def test_a_token_that_nobody_holds_is_none(monkeypatch: pytest.MonkeyPatch, own_machine: Path, token: str) -> None:
    monkeypatch.setenv(TOKEN, token)
    with measuring("x", REFUSE):
        assert len(locks(own_machine)) == 1
    assert os.environ[TOKEN] == token


def test_a_place_that_cannot_be_made_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "anatomy").touch()
    said: list[str] = []
    with measuring("x", REFUSE, said.append):
        assert others_measuring() == []
    assert len(said) == 1
    assert "is not known" in said[0]


def test_options_win_over_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert when_busy() == WhenBusy(False, LONGEST_WAIT_S)
    monkeypatch.setenv(WHEN_BUSY, "share")
    assert when_busy().share
    assert when_busy(wait=False) == WhenBusy(False, 0.0)
    assert when_busy(longest="2min") == WhenBusy(False, 120.0)
    monkeypatch.setenv(WHEN_BUSY, "refuse")
    assert when_busy() == WhenBusy(False, 0.0)
    assert when_busy(share=True).share
    monkeypatch.setenv(WHEN_BUSY, "90s")
    assert when_busy() == WhenBusy(False, 90.0)


@pytest.mark.parametrize("said", ["yes", "5", "-1s", "nan s", "9" * 400 + "s"])
def test_a_variable_that_says_nothing_is_named(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv(WHEN_BUSY, said)
    with pytest.raises(UsageError, match=WHEN_BUSY):
        when_busy()


@pytest.mark.parametrize("given", [{"share": True, "wait": False}, {"share": True, "longest": "1s"}])
def test_options_that_contradict_each_other_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="exclude one another"):
        when_busy(**given)  # type: ignore[arg-type]
