"""Other processes that use the CPU are seen; this one and its children are not."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace

import psutil
import pytest

from anatomy.bench.machine.busy_processes import _name, watch_processes
from anatomy.bench.records.machine_look import MachineLook

pytestmark = pytest.mark.process

SPIN = "while True: pass"


@pytest.fixture
def spinning() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", SPIN])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def foreign() -> Iterator[int]:
    """A busy process that is no child: its parent has ended."""
    start = f"subprocess.Popen([sys.executable, '-c', {SPIN!r}], stdout=subprocess.DEVNULL)"
    code = f"import subprocess, sys; print({start}.pid)"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    pid = int(done.stdout)
    yield pid
    psutil.Process(pid).kill()


def test_a_name_that_is_no_text_can_be_kept() -> None:
    name = _name(SimpleNamespace(name=lambda: "evil\udcff\x1b[31m"))  # type: ignore[arg-type]
    look = MachineLook(at="start", looked_at="2026-01-31T12:00:00Z", watched_s=0.25, busy={name: 1.0})
    assert MachineLook.model_validate_json(look.model_dump_json()) == look
    assert name == r"evil\udcff\x1b[31m"


def test_a_child_is_no_other(spinning: subprocess.Popen[bytes]) -> None:
    busy, _ = watch_processes(0.3)
    assert not any(f"({spinning.pid})" in name for name in busy)


def test_a_foreign_process_is_seen(foreign: int) -> None:
    end = time.monotonic() + 30
    # Beside other tests it may wait for a core.
    while time.monotonic() < end:
        busy, steal = watch_processes(0.5)
        found = [share for name, share in busy.items() if f"({foreign})" in name]
        if found:
            break
    assert 0.05 < found[0] < 1.5
    assert steal is None or 0 <= steal <= 1
