"""Memory and CPU time of a worker and of the processes it started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from anatomy.bench.host_use import Reading
from anatomy.bench.watch import SEARCH_EVERY, HostWatch

CHILD_BYTES = 100 * 2**20
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "held = bytearray({CHILD_BYTES}); print(1, flush=True); input()"])
child.wait()
"""
BUSY = """
import time
while time.process_time() < 0.3:
    pass
print(1, flush=True)
input()
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    """A small process whose child holds 100 MiB."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.parametrize("proc", [Path("/proc"), Path("/nowhere")], ids=["kernel's list", "psutil's"])
def test_children_count(parent: subprocess.Popen[bytes], proc: Path) -> None:
    own = psutil.Process(parent.pid).memory_info().rss
    assert own < CHILD_BYTES < HostWatch(parent.pid, proc).read().resident_bytes


def test_a_child_is_found_later(parent: subprocess.Popen[bytes]) -> None:
    here = HostWatch(os.getpid())
    before = here.read().resident_bytes
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        readings = [here.read().resident_bytes for _ in range(SEARCH_EVERY)]
        assert child.stdin is not None
        child.stdin.close()
    assert max(readings) > before


def test_a_process_that_has_gone_uses_nothing(parent: subprocess.Popen[bytes]) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as short:
        pass
    assert HostWatch(short.pid).read() == Reading()


def test_cpu_time_of_children_counts() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        reading = HostWatch(child.pid).read()
        child.stdin.close()
    # The kernel counts ticks of 10 ms.
    assert 0.25 <= reading.cpu_s < 30
