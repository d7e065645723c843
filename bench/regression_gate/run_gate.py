"""A comparison from what was asked for to its result: inventory, sides, pairs, verdicts, `gate.json`."""

from __future__ import annotations

import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.machine import collect_environment
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.new_run import new_run
from anatomy.bench.records.run_store import DEFAULT_FOLDER, interleave_processes, load_run, new_run_id
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.regression_gate.gate_result import RESULT_FILE, CaseResult, GateResult, SideInfo
from anatomy.bench.regression_gate.gate_session import Comparison, Listener
from anatomy.bench.regression_gate.inventory import Selection, take_inventory
from anatomy.bench.regression_gate.policy import Policy, policy_of
from anatomy.bench.regression_gate.resolve_sides import Base, open_sides
from anatomy.bench.regression_gate.sequential_sampling import TimeLeft
from anatomy.bench.regression_gate.side_names import SideName
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.regression_gate.stored_baseline import UNRELIABLE, compare_with_stored, require_same_machine
from anatomy.bench.runner.session import Session, Silent

PROJECT_KEYS = ("tolerate", "case", "install", "minutes")
WHERE = "pyproject.toml [tool.anatomy.gate]"


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes:
        candidate: settings of the candidate, as `--candidate` has them.
        tolerate: rules from the command line, which win over all others.
        minutes: time after which no further pair is started; null for as many as the verdicts need.
        out: folder of the result.
    """

    base: Base
    selection: Selection
    settings: MeasureSettings
    directory: Path
    candidate: Sequence[str] = ()
    tolerate: Mapping[str, Any] = field(default_factory=dict)
    allow_dirty: bool = False
    allow_new: bool = False
    allow_stored_time: bool = False
    minutes: float | None = None
    out: Path | None = None
    command: Sequence[str] = ()


def conduct(asked: Asked, listener: Listener) -> tuple[GateResult, Path]:
    """Compare, write the result, and return it with its folder.

    Raises:
        UsageError, UsageError, UsageError, UsageError: it cannot be compared as asked.
        SetupError: a side could not be set up.
    """
    begin = time.perf_counter()
    started_at = datetime.now(UTC)
    project = project_table(asked.directory)
    folder = asked.out or Path(DEFAULT_FOLDER) / f"gate-{new_run_id(started_at)}"
    if (folder / RESULT_FILE).exists():
        raise UsageError(f"{folder} already holds a comparison; give another --out")
    parts = (
        _with_stored_run(asked, project, folder)
        if asked.base.kind == "run"
        else _measured(asked, project, folder, listener)
    )
    result = GateResult(
        id=folder.name,
        started_at=started_at.isoformat(timespec="seconds"),
        command=list(asked.command),
        suite=asked.selection.name,
        environment=collect_environment.collect(),
        seconds=time.perf_counter() - begin,
        **parts,
    )
    write_result(result, folder)
    return result, folder


def write_result(result: GateResult, folder: Path) -> None:
    """`gate.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT_FILE).write_text(result.model_dump_json(indent=1) + "\n")


def project_table(directory: Path) -> dict[str, Any]:
    """`[tool.anatomy.gate]`, empty without one.

    Raises:
        UsageError: not TOML, or an unknown key.
    """
    file = directory / "pyproject.toml"
    try:
        data = tomllib.loads(file.read_text()) if file.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: not valid TOML: {error}") from error
    table: dict[str, Any] = data.get("tool", {}).get("anatomy", {}).get("gate", {})
    unknown = sorted(table.keys() - set(PROJECT_KEYS))
    if unknown:
        raise UsageError(f"{WHERE}: unknown key {unknown[0]!r}; valid keys are {', '.join(PROJECT_KEYS)}")
    return table


def clock_of(minutes: float | None) -> TimeLeft:
    """Whether a share of so many minutes from now is left."""
    if minutes is None:
        return lambda share: True
    begin = time.monotonic()
    return lambda share: time.monotonic() - begin < share * minutes * 60


def side_info(side: Side, versions: dict[str, dict[str, str]]) -> SideInfo:
    """A side as the result has it."""
    return SideInfo(
        name=side.name,
        what=side.what,
        commit=side.commit,
        python=side.python,
        settings=dict(side.settings),
        environment={name: value for name, value in side.environment.items() if name != "PYTHONPATH"},
        versions=versions,
    )


def missing_case(case: Case, side: SideName, why: str, allow_new: bool, option: str = "--allow-new") -> CaseResult:
    """A case that one side lacks: a FAIL, but for a new one where that is allowed, by an option of this name."""
    new = side == "base" and allow_new
    remedy = "" if side == "candidate" or new else f"; a new case is let through by {option}"
    return CaseResult(
        case=case,
        name=case_name(case),
        verdict="NEW" if new else "FAIL",
        reason=f"missing on the {side}: {why}{remedy}",
    )


def _measured(asked: Asked, project: Mapping[str, Any], folder: Path, listener: Listener) -> dict[str, Any]:
    minutes = asked.minutes if asked.minutes is not None else project.get("minutes")
    install = project.get("install")
    with open_sides(asked.base, asked.candidate, asked.directory, asked.allow_dirty, install) as (base, candidate):
        inventory = take_inventory(asked.selection, base.directory, candidate.directory)
        policy = _policy(asked, project)
        folder.mkdir(parents=True, exist_ok=True)
        with Comparison(base, candidate, asked.settings, folder, listener, sys.path) as comparison:
            lacking = {case.key: (case, *found) for case, found in _lacking(comparison, inventory.common)}
            present = [case for case in inventory.common if case.key not in lacking]
            time_left = clock_of(minutes)
            found = comparison.explain(comparison.judge(present, policy, time_left), time_left)
            found += [
                missing_case(*entry, allow_new=asked.allow_new)
                for entry in (*lacking.values(), *inventory.missing.values())
            ]
            notes = []
            if base.directory != candidate.directory and project_table(base.directory) != project:
                notes.append(f"{WHERE} is not the same in the base; the candidate's was used.")
            return {
                "base": side_info(base, comparison.versions("base")),
                "candidate": side_info(candidate, comparison.versions("candidate")),
                "cases": found,
                "notes": notes,
            }


def _lacking(comparison: Comparison, cases: Sequence[Case]) -> list[tuple[Case, tuple[SideName, str]]]:
    missing = comparison.missing(cases)
    return [(case, missing[case.key]) for case in cases if case.key in missing]


def _with_stored_run(asked: Asked, project: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Measure the candidate alone, as the stored run was measured."""
    if asked.candidate:
        raise UsageError("--candidate changes settings of the working tree; its base cannot be a stored run")
    run = load_run(asked.base.value)
    here = collect_environment.collect()
    if asked.allow_stored_time:
        require_same_machine(run, here.fingerprint)
    whole = not asked.selection.models and asked.selection.suite is None
    cases = run.header.planned if whole else asked.selection.cases(asked.directory)
    limit = {"memory_limit_bytes": asked.settings.memory_limit_bytes}
    try:
        settings = MeasureSettings.model_validate(run.header.settings | limit)
    except ValidationError as error:
        raise UsageError(f"{run.path}: its settings are not those of this version: {error}") from error
    writer = new_run(
        folder / "candidate",
        suite=asked.selection.name,
        command=asked.command,
        settings=settings,
        environment=here,
        planned=cases,
    )
    processes = settings.processes if asked.allow_stored_time else 1
    with Session(writer, settings, here.fingerprint, asked.directory) as session:
        for case, repeat in interleave_processes(cases, processes):
            session.measure(case, Silent(), repeat)
    policy = _policy(asked, project)
    stored = run.model_copy(update={"records": [r for r in run.records if whole or r.key in {c.key for c in cases}]})
    return {
        "base": SideInfo(name="base", what=f"stored run {run.header.id}", python=run.header.environment.python),
        "candidate": side_info(Side("candidate", f"working tree {asked.directory.name}", asked.directory), {}),
        "cases": compare_with_stored(
            stored, load_run(writer.path).records, lambda case: policy, asked.allow_stored_time
        ),
        "notes": [UNRELIABLE if asked.allow_stored_time else "Exact figures alone were compared with the stored run."],
    }


def _policy(asked: Asked, project: Mapping[str, Any]) -> Policy:
    """Project, suite, the project's cases, command line."""
    suite = asked.selection.loaded(asked.directory).tolerate if asked.selection.suite else {}
    policy = policy_of(project, WHERE, suite)
    return policy.with_level(asked.tolerate, "--tolerate")
