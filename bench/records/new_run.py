"""Begin a run: its folder and its header, the same for every command that measures."""

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
    """Make the folder of a run that starts now, with the ceilings that are known of this machine.

    Args:
        out: the run's folder; by default `anatomy-runs/` and its id.
        prefix: before the time in its id.
        largest_batch: whether the planned cases stand for searches.

    Raises:
        UsageError: the folder holds a run, or the kept ceilings are damaged.
    """
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
