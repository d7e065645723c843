"""Creates a run, with its folder and its header, for every command that measures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from anatomy.bench.errors.printable import printable
from anatomy.bench.records.case import Case
from anatomy.bench.records.ceiling_cache import cached_ceilings
from anatomy.bench.records.environment import Environment
from anatomy.bench.records.run_store import DEFAULT_FOLDER, RunHeader, RunWriter, new_run_id
from anatomy.bench.records.settings import MeasureSettings


def new_run(
    out: Path | None,
    *,
    suite: str,
    command: Sequence[str],
    settings: MeasureSettings,
    environment: Environment,
    planned: Sequence[Case] = (),
    prefix: str = "",
    largest_batch: bool = False,
) -> RunWriter:
    """Create the folder of a run that starts now, with the cached ceilings of this machine in its header.

    Args:
        out: folder of the run; by default `anatomy-runs/` and the run's id.
        suite: name or path of the suite.
        command: command line.
        settings: how the cases are measured.
        environment: machine and software.
        planned: cases that will be measured.
        prefix: text before the time in the run's id.
        largest_batch: whether the planned cases stand for searches for the largest batch.

    Raises:
        UsageError: the folder holds a run or is being written by another process, or the cached ceilings are damaged.
    """
    run_id = prefix + new_run_id()
    while out is None and (Path(DEFAULT_FOLDER) / run_id).exists():
        run_id = prefix + new_run_id()
    header = RunHeader(
        id=run_id,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=[printable(word) for word in command],
        suite=printable(suite),
        settings=settings.model_dump(),
        environment=environment,
        ceilings=cached_ceilings(environment.fingerprint),
        planned=list(planned),
        largest_batch=largest_batch,
    )
    return RunWriter.create(out or Path(DEFAULT_FOLDER) / run_id, header)
