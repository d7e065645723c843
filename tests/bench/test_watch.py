"""Memory of a worker and of the processes it started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from anatomy.bench.watch import SEARCH_EVERY, MemoryWatch

CHILD_BYTES = 100 * 2**20
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "held = bytearray({CHILD_BYTES}); print(1, flush=True); input()"])
child.wait()
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
    assert own < CHILD_BYTES < MemoryWatch(parent.pid, proc).read()


def test_a_child_is_found_later(parent: subprocess.Popen[bytes]) -> None:
    here = MemoryWatch(os.getpid())
    before = here.read()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        readings = [here.read() for _ in range(SEARCH_EVERY)]
        assert child.stdin is not None
        child.stdin.close()
    assert max(readings) > before


def test_a_process_that_has_gone_uses_nothing(parent: subprocess.Popen[bytes]) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as short:
        pass
    assert MemoryWatch(short.pid).read() == 0
