"""The run that is meant where none is named."""

from __future__ import annotations

from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError


def newest_run() -> Path:
    """The last run begun in the default folder; the folders' names sort by time.

    Raises:
        UsageError: there is none.
    """
    from anatomy.bench.records.run_store import DEFAULT_FOLDER, RUN_FILE, holds_run

    runs = sorted(header.parent for header in Path(DEFAULT_FOLDER).glob(f"*/{RUN_FILE}") if holds_run(header.parent))
    if not runs:
        raise UsageError(f"no run in {DEFAULT_FOLDER}/; name one, or make one with `anatomy run`")
    return runs[-1]
