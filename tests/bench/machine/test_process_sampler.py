"""Memory and CPU time of a worker and of the processes it started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.machine.process_sampler import SEARCH_EVERY, ProcessSampler, reading_of
from anatomy.bench.records.process_usage import Reading

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
    assert own < CHILD_BYTES < ProcessSampler(parent.pid, proc).read().resident_bytes


def test_a_child_is_found_later(parent: subprocess.Popen[bytes]) -> None:
    here = ProcessSampler(os.getpid())
    before = here.read().resident_bytes
    command = [sys.executable, "-c", "print(1, flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        # Until it runs it may have no memory yet.
        assert child.stdout is not None
        child.stdout.readline()
        readings = [here.read().resident_bytes for _ in range(SEARCH_EVERY)]
        assert child.stdin is not None
        child.stdin.close()
    assert max(readings) > before


def test_a_process_that_has_gone_uses_nothing(parent: subprocess.Popen[bytes]) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as short:
        pass
    assert ProcessSampler(short.pid).read() == Reading()


@pytest.mark.process
def test_cpu_time_of_children_counts() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        reading = ProcessSampler(child.pid).read()
        child.stdin.close()
    # The kernel counts ticks of 10 ms.
    assert 0.25 <= reading.cpu_s < 30


# Of a worker of this suite: proc(5), all 52 fields.
STAT = (
    b"8123 (python) S 8120 8100 8100 0 -1 4194560 32104 0 12 0 251 37 0 0 20 0 9 0 104311 1423650816 61017"
    b" 18446744073709551615 4194304 7000000 140724603453440 0 0 0 0 16781312 2 0 0 0 17 1 0 0 0 0 0 7100000 7200000"
    b" 20000000 140724603460000 140724603460100 140724603460100 140724603461000 0"
)


@given(st.binary(max_size=15))
def test_a_name_may_hold_anything(name: bytes) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    found = reading_of(STAT.replace(b"python", name))
    assert list(found) == [61017 * os.sysconf("SC_PAGE_SIZE"), pytest.approx((251 + 37) / ticks)]


@pytest.mark.parametrize("number", [b"9" * 400, b"-1", b"18446744073709551616", b"x", b""])
@pytest.mark.parametrize("field", [b"251", b"37", b"61017"])
def test_a_field_that_is_no_figure_of_a_kernel_is_refused(field: bytes, number: bytes) -> None:
    with pytest.raises(ValueError, match=r"expected|invalid literal"):
        reading_of(b" ".join(number if one == field else one for one in STAT.split()[:24]).rstrip())


def test_psutil_reads_what_a_kernel_writes_otherwise(parent: subprocess.Popen[bytes], tmp_path: Path) -> None:
    folder = tmp_path / str(parent.pid)
    folder.mkdir()
    (folder / "stat").write_bytes(b"1 (python) S 1\n")
    assert ProcessSampler(parent.pid, tmp_path).read().resident_bytes > 0


def test_the_kernel_and_psutil_agree(parent: subprocess.Popen[bytes]) -> None:
    kernel, library = ProcessSampler(parent.pid).read(), ProcessSampler(parent.pid, Path("/nowhere")).read()
    assert kernel.resident_bytes == pytest.approx(library.resident_bytes, rel=0.02)
    assert kernel.cpu_s == pytest.approx(library.cpu_s, abs=0.05)
