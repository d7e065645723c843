"""Records of a large file are read by two processes, with the same result, and the same words for a damaged line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from anatomy.bench.errors.anatomy_error import AnatomyError, UsageError
from anatomy.bench.records import read_records
from anatomy.bench.records.run_store import RECORDS_FILE, load_run
from anatomy.bench.records.second_process import in_second_process
from tests.factories import make_record, make_run

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_records, "LARGE_BYTES", 0)
    monkeypatch.setattr(read_records, "BATCH", 2)


@pytest.mark.parametrize("damaged", [(1,), (3,), (4, 6), (7, 2), (8,)])
def test_the_first_damaged_line_is_named(tmp_path: Path, damaged: tuple[int, ...]) -> None:
    folder = make_run(tmp_path / "run", [make_record(f"a:m{number}") for number in range(8)]).path
    file = folder / RECORDS_FILE
    lines = file.read_bytes().splitlines(keepends=True)
    for number in damaged:
        lines[number - 1] = b'{"schema_version": 4, "number": %d}\n' % number
    file.write_bytes(b"".join(lines))
    said = []
    for compact in (True, False):
        with pytest.raises(UsageError, match=f"line {min(damaged)} is not a record") as raised:
            load_run(folder, compact=compact)
        said.append(str(raised.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("number", range(7))
def test_every_record_is_there_once(tmp_path: Path, number: int) -> None:
    made = make_run(tmp_path / "run", [make_record(f"a:m{one}") for one in range(number)])
    assert [record.key for record in load_run(made.path, compact=True).records] == [r.key for r in made.records]


def test_a_process_that_was_killed_is_a_sentence() -> None:
    def ends() -> Iterator[int]:
        yield 1
        os.kill(os.getpid(), signal.SIGKILL)

    with in_second_process(ends) as found:
        assert next(found) == 1
        with pytest.raises(AnatomyError, match="was killed"):
            next(found)


def test_the_second_process_ends_with_the_block() -> None:
    with suppress(KeyError), in_second_process(lambda: iter(os.getpid, None)) as found:
        pid = next(found)
        assert psutil.Process(pid).ppid() == os.getpid()
        raise KeyError
    assert not psutil.pid_exists(pid)


_KILLED = """
import os
from anatomy.bench.records.second_process import in_second_process
with in_second_process(lambda: iter(os.getpid, None)) as found:
    print(next(found), flush=True)
    os.kill(os.getpid(), 9)
"""


def test_the_second_process_does_not_outlive_the_first() -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED], capture_output=True, text=True, check=False)
    end = time.monotonic() + 10
    while psutil.pid_exists(int(done.stdout)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not psutil.pid_exists(int(done.stdout))
