"""A run has one writer at a time and an id of its own, and no failed write costs a record."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.machine.collect_environment import collect
from anatomy.bench.records.folder_lock import LOCK_FILE, FolderLock
from anatomy.bench.records.jsonl import append_line
from anatomy.bench.records.new_run import new_run
from anatomy.bench.records.run_store import DEFAULT_FOLDER, RECORDS_FILE, RUN_FILE, RunWriter, load_run, new_run_id
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.records.whole_file import write_whole
from anatomy.bench.runner.open_run import resume_run
from tests.factories import make_bare_record, make_case, make_header, make_run

HELD = r"is being written by process {} on \S+, since 20\d\d-"


@contextmanager
def disk_of(size_bytes: int) -> Iterator[None]:
    """No file can grow beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = RunWriter.create(folder, make_header(make_case()))
    for second in (
        lambda: RunWriter.create(folder, make_header(make_case())),
        lambda: RunWriter(folder).append(make_bare_record()),
        lambda: resume_run(folder, collect().fingerprint),
    ):
        with pytest.raises(UsageError, match=HELD.format(os.getpid())):
            second()
    first.close()
    assert not (folder / LOCK_FILE).exists()
    RunWriter(folder).append(make_bare_record())


@pytest.mark.process
def test_a_killed_writer_holds_no_lock(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from anatomy.bench.records.folder_lock import FolderLock;"
        "held = FolderLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(UsageError, match=HELD.format(other.pid)):
            FolderLock(tmp_path)
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert (tmp_path / LOCK_FILE).exists()
    FolderLock(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_an_empty_header_holds_no_run(tmp_path: Path) -> None:
    (tmp_path / RUN_FILE).touch()
    with pytest.raises(UsageError, match="is empty"):
        load_run(tmp_path)
    RunWriter.create(tmp_path, make_header(make_case()))
    assert load_run(tmp_path).records == []


def test_a_full_disk_costs_no_record_that_was_written(tmp_path: Path) -> None:
    run = make_run(tmp_path, [make_bare_record(size) for size in (1, 2)])
    file = tmp_path / RECORDS_FILE
    whole = file.read_bytes()
    with file.open("ab") as stream:
        # A kill has cut a third one off.
        stream.write(whole[:300])
    writer = RunWriter(tmp_path)
    with disk_of(len(whole) + 100), pytest.raises(UsageError, match=r"File too large; .* --resume ") as caught:
        writer.append(make_bare_record(3))
    assert "\n" not in str(caught.value)
    assert file.read_bytes() == whole
    assert load_run(tmp_path).records == run.records
    writer.append(make_bare_record(3))
    assert len(load_run(tmp_path).records) == 3


@settings(deadline=None)
@given(lines=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1), room=st.integers(0, 400))
def test_lines_before_a_failed_write_stay(lines: list[str], room: int) -> None:
    with TemporaryDirectory() as folder:
        file, kept = Path(folder) / "x.jsonl", b""
        file.touch()
        for line in lines:
            data = f"{line}\n".encode()
            fits = len(kept) + len(data) <= room
            with disk_of(room), nullcontext() if fits else pytest.raises(OSError, match=f"File too large: '{file}'"):
                append_line(file, line)
            kept += data if fits else b""
            assert file.read_bytes() == kept


@pytest.mark.parametrize("content", ["long " * 1000, b"long " * 1000])
def test_a_file_is_written_whole_or_stays(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "report.html"
    with disk_of(1000), pytest.raises(OSError, match=re.escape(f"File too large: '{path}'")):
        write_whole(path, content)
    assert list(tmp_path.iterdir()) == []
    write_whole(path, "before")
    with disk_of(1000), pytest.raises(OSError, match="File too large"):
        write_whole(path, content)
    assert [(file, file.read_text()) for file in tmp_path.iterdir()] == [(path, "before")]


def test_a_link_stays_and_a_long_name_has_room(tmp_path: Path) -> None:
    target, link = tmp_path / "target.html", tmp_path / "link.html"
    target.write_text("old")
    link.symlink_to(target)
    write_whole(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    long = tmp_path / f"{'n' * 250}.html"
    write_whole(long, "long")
    assert sorted(tmp_path.iterdir()) == sorted([target, link, long])


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, "through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_header_that_cannot_be_written_leaves_no_run(tmp_path: Path) -> None:
    with disk_of(100), pytest.raises(OSError, match=RUN_FILE):
        RunWriter.create(tmp_path / "run", make_header(make_case()))
    assert not (tmp_path / "run" / RUN_FILE).exists()
    RunWriter.create(tmp_path / "run", make_header(make_case()))


def test_ids_of_one_second_differ_and_sort_by_time() -> None:
    now = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
    ids = [new_run_id(now + timedelta(seconds=second)) for second in (0, 1, 60)]
    assert ids == sorted(ids)
    assert all(re.fullmatch(r"2026-01-31T12-0[01]-0[01]Z-[0-9a-f]{8}", identifier) for identifier in ids)
    assert len({new_run_id(now) for _ in range(100)}) == 100


def test_a_run_without_a_place_takes_a_free_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = iter(["taken", "taken", "free"])
    monkeypatch.setattr("anatomy.bench.records.new_run.new_run_id", lambda: next(names))
    writers = [
        new_run(None, suite="s", command=[], settings=MeasureSettings(), environment=collect()) for _ in range(2)
    ]
    assert [str(writer.path) for writer in writers] == [f"{DEFAULT_FOLDER}/taken", f"{DEFAULT_FOLDER}/free"]
    assert [load_run(writer.path).header.id for writer in writers] == ["taken", "free"]
