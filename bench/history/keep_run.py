"""Put a run into the history when it ends, under its project and branch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import printable
from anatomy.bench.machine.git import Repository
from anatomy.bench.machine.pyproject import read_pyproject
from anatomy.bench.records.run_store import Run, load_run
from anatomy.bench.records.tuning import SEARCH, read_tuning

# Where CI systems say which branch it is: a checkout of a commit alone has none.
_BRANCH_VARIABLES = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_BRANCH", "BRANCH_NAME")
OFF = "off"


def keep_run(folder: Path, directory: Path) -> str:
    """Add a run to the default history; returns why that failed, empty where it did not.

    A history that cannot be written must not cost the run: its records are on disk.
    """
    from anatomy.bench.history.history_store import VARIABLE, History

    if os.environ.get(VARIABLE) == OFF:
        return ""
    try:
        with History() as history:
            history.add(run_to_keep(folder), project_of(directory), branch_of(directory, os.environ))
    except (UsageError, OSError) as error:
        return f"not in the history: {error}"
    return ""


def run_to_keep(folder: Path) -> Run:
    """The run, of a search for the best settings with those that it raced alone: the others were tried briefly.

    Raises:
        UsageError: the folder holds no run, or a search without an answer, or a file is damaged.
    """
    run, tuning = load_run(folder), read_tuning(folder)
    if tuning is None and run.header.suite.startswith(SEARCH):
        raise UsageError(f"{folder} is a search that was cut short: anatomy tune … --resume {folder}")
    if tuning is None:
        return run
    raced = {one.case.key for one in tuning.contenders if one.rounds}
    return run.model_copy(update={"records": [record for record in run.records if record.key in raced]})


def project_of(directory: Path) -> str:
    """The name in `pyproject.toml`, else of the repository's folder, else of the directory."""
    with suppress(UsageError):
        if named := read_pyproject(directory).project.name:
            return named
    repository = Repository.find(directory)
    return printable((repository.root if repository else directory.resolve()).name)


def branch_of(directory: Path, environment: Mapping[str, str]) -> str | None:
    """The branch that is checked out, else the one that CI names; None where neither is known."""
    repository = Repository.find(directory)
    named = (printable(environment[name]) for name in _BRANCH_VARIABLES if environment.get(name))
    return (repository.branch() if repository else None) or next(named, None)
