"""A run on disk: a folder with `run.json`, `records.jsonl` and the workers' logs.

A line is appended to `records.jsonl` and flushed as each case ends: an interrupted run keeps every finished case.
A case that was measured again (`--resume`) supersedes its earlier line.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.batch_sizes import alike_but_batch
from anatomy.bench.records.case import Case
from anatomy.bench.records.ceiling import Ceiling
from anatomy.bench.records.checked_numbers import Fraction, Timestamp, Whole
from anatomy.bench.records.combine_processes import combine_processes
from anatomy.bench.records.environment import Environment
from anatomy.bench.records.folder_lock import FolderLock
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.jsonl import append_line, read_model
from anatomy.bench.records.read_records import read_compact, read_records
from anatomy.bench.records.record import SCHEMA_VERSION, Record
from anatomy.bench.records.settings import MOST_PROCESSES
from anatomy.bench.records.whole_file import make_output_folder, write_whole

RUN_FILE = "run.json"
RECORDS_FILE = "records.jsonl"
LOGS_FOLDER = "logs"
SCRIPTS_FOLDER = "scripts"
DEFAULT_FOLDER = "anatomy-runs"


class RunHeader(Frozen):
    """`run.json`: what was to be measured, how, where and when.

    Attributes:
        schema_version: version of the format.
        id: name of the run, its own, and sortable by time.
        started_at: start of the run, ISO 8601, UTC.
        command: command line.
        suite: name or path of the suite.
        settings: how the cases were measured (seconds, steps, time-out, memory limit).
        environment: machine and software.
        ceilings: ceilings that `anatomy doctor` had measured on this machine; empty where it never ran.
        planned: every case of the run, in order, measured or not.
        largest_batch: whether each planned case stands for a search, with records at the batch sizes that it tried.
    """

    schema_version: int = SCHEMA_VERSION
    id: str
    started_at: Timestamp
    command: list[str]
    suite: str
    settings: dict[str, bool | Whole | Fraction | str | None] = {}  # noqa: RUF012  # pydantic copies a default
    environment: Environment
    ceilings: list[Ceiling] = []  # noqa: RUF012  # pydantic copies a default
    planned: list[Case]
    largest_batch: bool = False

    @property
    def resumed_by(self) -> str:
        """The command that does the rest of the run: `run`, or `app` with the application."""
        stage = next((case for case in self.planned if case.mode == "stage"), None)
        return "run" if stage is None else f"app {stage.model}"


class Run(BaseModel):
    """A run as read from disk.

    Attributes:
        path: folder of the run.
        header: contents of `run.json`.
        records: one record per case, in planned order; several processes of a case are combined.
        measured: planned keys and repeats that have a record.
    """

    model_config = ConfigDict(frozen=True)

    path: Path
    header: RunHeader
    records: list[Record]
    measured: frozenset[tuple[str, int]] = frozenset()

    @property
    def remaining(self) -> list[tuple[Case, int]]:
        """Planned cases and repeats that have no record yet, in the run's order.

        Raises:
            UsageError: the header's number of processes is none.
        """
        processes = self.header.settings.get("processes") or 1
        number = isinstance(processes, int | float) and 1 <= processes <= MOST_PROCESSES
        if not number or int(processes) != processes:
            said = f"{self.path / RUN_FILE}: processes = {processes!r}"
            raise UsageError(f"{said}; expected a whole number from 1 to {MOST_PROCESSES:,}")
        todo = interleave_processes(self.header.planned, int(processes))
        return [(case, repeat) for case, repeat in todo if (case.key, repeat) not in self.measured]


def interleave_processes(cases: Sequence[Case], processes: int) -> list[tuple[Case, int]]:
    """Return every case in as many processes: the whole suite once, then again, since drift then affects all cases.

    Cases that are only counted come once: a count never varies.
    """
    return [(case, repeat) for repeat in range(processes) for case in cases if repeat == 0 or case.mode != "count"]


def new_run_id(now: datetime | None = None) -> str:
    """Return a new id, sortable by time: `2026-01-31T12-00-00Z-1f6b03d2`. Older ids have no random digits."""
    return f"{now or datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}-{secrets.token_hex(4)}"


class RunWriter:
    """Creates the folder of a run, or opens an existing one, and appends records; one writer at a time.

    Attributes:
        path: folder of the run.
        logs: folder of the workers' logs.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / LOGS_FOLDER
        self._records = path / RECORDS_FILE
        self._lock: FolderLock | None = None

    @classmethod
    def create(cls, path: Path, header: RunHeader) -> RunWriter:
        """Make the folder, which git will ignore, and write `run.json`.

        Raises:
            UsageError: the folder already holds a run, or another process writes to it.
            OSError: the folder or a file could not be made.
        """
        make_output_folder(path, Path(DEFAULT_FOLDER))
        writer = cls(path)
        writer.lock()
        if holds_run(path):
            writer.close()
            raise UsageError(
                f"{path} already holds a run; give another --out, or continue it: anatomy run --resume {path}"
            )
        writer.logs.mkdir(exist_ok=True)
        write_whole(path / RUN_FILE, header.model_dump_json(indent=2) + "\n")
        writer._records.touch()
        return writer

    def lock(self) -> None:
        """Keep every other writer out until `close`; nothing where that is so already.

        Raises:
            UsageError: another process writes to the folder; the message says which.
        """
        self._lock = self._lock or FolderLock(self.path)

    def append(self, record: Record) -> None:
        """Write one line and force it to disk.

        Raises:
            UsageError: it could not be written; what was there before is whole, and the message says how to go on.
        """
        self.lock()
        try:
            append_line(self._records, record.model_dump_json())
        except OSError as error:
            raise UsageError(
                f"{error.filename}: {error.strerror}; {record.name} has no record, those before it are kept; the rest,"
                f" when there is room: anatomy run --resume {self.path}"
            ) from error

    def close(self) -> None:
        """Let others write to the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def holds_run(folder: Path) -> bool:
    """Whether a folder holds a run; an empty `run.json`, which a full disk leaves, is none."""
    header = folder / RUN_FILE
    return header.is_file() and header.stat().st_size > 0


def load_run(path: Path | str, *, compact: bool = False, most_sampled: int = sys.maxsize) -> Run:
    """Read a run's folder.

    Args:
        compact: whether the records are only read from, never changed or written: they take a third of the memory.
        most_sampled: compact records of more cases are without the samples of the host, which case pages draw.

    Raises:
        UsageError: the folder holds no run, or a file is damaged; the message names file and line.
    """
    folder = Path(path)
    header_file = folder / RUN_FILE
    if not holds_run(folder):
        found = f"{header_file} is empty: {folder}" if header_file.exists() else str(folder)
        raise UsageError(f"{found} holds no run: expected {RUN_FILE} and {RECORDS_FILE} (written by `anatomy run`)")
    header = read_model(header_file.read_bytes(), RunHeader, str(header_file), "a run header", SCHEMA_VERSION)
    records_file = folder / RECORDS_FILE
    records: list[Record] = []
    if records_file.exists():
        records = read_compact(records_file, header.planned, most_sampled) if compact else read_records(records_file)
    planned_key = planned_keys(header)
    return Run(
        path=folder,
        header=header,
        records=_in_planned_order(records, header),
        measured=frozenset((planned_key(record.case), record.repeat) for record in records),
    )


def planned_keys(header: RunHeader) -> Callable[[Case], str]:
    """The key under which a measured case was planned: its own, unless a dataset gave it another batch size."""
    if not header.settings.get("batch_of_dataset"):
        return lambda case: case.key
    exact = {case.key for case in header.planned}
    planned = {alike_but_batch(case): case.key for case in header.planned}
    return lambda case: case.key if case.key in exact else planned.get(alike_but_batch(case), case.key)


def write_script(folder: Path, key: str, text: str) -> None:
    """Write the stand-alone program that reproduces a record's figure to `scripts/KEY.py`."""
    scripts = folder / SCRIPTS_FOLDER
    scripts.mkdir(exist_ok=True)
    write_whole(scripts / f"{key}.py", text)


def _in_planned_order(records: Iterable[Record], header: RunHeader) -> list[Record]:
    latest = {(record.key, record.repeat): record for record in records}
    by_case: dict[str, list[Record]] = {}
    for record in latest.values():
        by_case.setdefault(record.key, []).append(record)
    planned_key = planned_keys(header)
    order = {case.key: position for position, case in enumerate(header.planned)}
    return sorted(map(combine_processes, by_case.values()), key=lambda r: order.get(planned_key(r.case), len(order)))
