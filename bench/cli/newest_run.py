"""The run that is meant where none is named."""

from __future__ import annotations

import json
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError


def newest_run() -> Path:
    """The last run begun in the default folder, whatever its name.

    Raises:
        UsageError: there is none.
    """
    from anatomy.bench.records.run_store import DEFAULT_FOLDER, RUN_FILE, holds_run

    runs = [header.parent for header in Path(DEFAULT_FOLDER).glob(f"*/{RUN_FILE}") if holds_run(header.parent)]
    if not runs:
        raise UsageError(f"no run in {DEFAULT_FOLDER}/; name one, or make one with `anatomy run`")
    return max(runs, key=lambda folder: (_begun_at(folder / RUN_FILE), folder.name))


def _begun_at(header: Path) -> str:
    """When the run began, ISO 8601; empty where its file does not say, which whoever loads the run is told."""
    try:
        found = json.loads(header.read_bytes())
    except (OSError, ValueError):
        return ""
    return str(found.get("started_at", "")) if isinstance(found, dict) else ""
