"""The gate inside pytest: each measuring item is compared with the base, and decides for itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.machine import collect_environment
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import DEFAULT_FOLDER, Run, load_run, new_run_id
from anatomy.bench.regression_gate.gate_result import CaseResult, GateResult, SideInfo
from anatomy.bench.regression_gate.gate_session import Comparison
from anatomy.bench.regression_gate.gate_settings import gate_settings
from anatomy.bench.regression_gate.group_sequential import ALPHA
from anatomy.bench.regression_gate.policy import Policy, policy_of, rules_of
from anatomy.bench.regression_gate.resolve_sides import Base, open_sides, parse_base
from anatomy.bench.regression_gate.run_gate import WHERE, clock_of, missing_case, project_table, side_info, write_result
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.regression_gate.stored_baseline import UNRELIABLE, compare_with_stored, require_same_machine

# In the base's pytest: the file into which its measuring items are written, for want of another channel.
COLLECTED = "ANATOMY_COLLECTED"
COLLECTING_TIMEOUT_S = 300.0
# Of this plugin, with a value each: not for the base's pytest.
_WITH_VALUE = (
    "--anatomy-against",
    "--anatomy-candidate",
    "--anatomy-tolerate",
    "--anatomy-minutes",
    "--anatomy-out",
    "--anatomy-seconds",
    "--junitxml",
    "--junit-xml",
    "--benchmark-json",
)
_FLAGS = ("--anatomy-allow-dirty", "--anatomy-allow-new", "--anatomy-allow-stored-time", "--benchmark-autosave")


@dataclass
class _Quiet:
    """Pytest has its own line for each item."""

    def pair(self, name: str, number: int) -> None:
        """Nothing."""


@dataclass
class PytestGate:
    """One comparison for one session of pytest, opened at its start.

    Attributes:
        items: how many items will be judged: each confirms its flags at a level that holds for all of them together.
    """

    config: pytest.Config
    base: Base
    items: int = 1
    folder: Path = field(default_factory=Path)
    _found: list[CaseResult] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)
    _comparison: Comparison | None = None
    _sides: tuple[Side, Side] | None = None
    _stored: Run | None = None

    @classmethod
    def open(cls, config: pytest.Config) -> PytestGate:
        """Set both sides up.

        Raises:
            pytest.UsageError: it cannot be compared as asked, or a side could not be set up.
        """
        gate = cls(config, parse_base(config.getoption("--anatomy-against")))
        try:
            gate._open()
        except (UsageError, SetupError) as error:
            gate._stack.close()
            raise pytest.UsageError(f"--anatomy-against: {error}") from error
        return gate

    def judge(
        self, case: Case, item: str, tolerate: Mapping[str, Any], measure: Callable[[Case], Record]
    ) -> CaseResult:
        """Compare one item's case with the base.

        Args:
            item: its node id.
            tolerate: rules of its marker.
            measure: measures the candidate alone, for a stored base.

        Raises:
            UsageError: a rule of the marker is none.
        """
        policy = self._policy.with_level(tolerate, f"{item}: tolerate")
        policy = policy.with_level(self._rules, "--anatomy-tolerate")
        if self._stored is not None:
            only = self._stored.model_copy(update={"records": [r for r in self._stored.records if r.key == case.key]})
            with_time = self.config.getoption("--anatomy-allow-stored-time")
            (found,) = compare_with_stored(only, [measure(case)], lambda _: policy, with_time)
        else:
            found = self._judge(case, policy)
        self._found.append(found.model_copy(update={"item": item}))
        return found

    def items_gone(self, present: Sequence[str]) -> list[str]:
        """Measuring items that the base collects under the same arguments and this session does not.

        Raises:
            SetupError: the base's tests cannot be collected.
        """
        if self._sides is None or self._sides[0].commit is None:
            return []
        side = self._sides[0]
        with tempfile.TemporaryDirectory(prefix="anatomy-collected-") as made:
            file = Path(made) / "items.json"
            command = [side.python, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
            done = subprocess.run(
                [*command, *forwarded(list(map(str, self.config.invocation_params.args)))],
                cwd=side.directory,
                env={**os.environ, **side.environment, COLLECTED: str(file)},
                capture_output=True,
                text=True,
                check=False,
                timeout=COLLECTING_TIMEOUT_S,
            )
            # A file or folder of the arguments that the base lacks is a usage error there: it has no items in it.
            if not file.exists():
                if done.returncode in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
                    return []
                raise SetupError(f"the base's tests could not be collected: {done.stdout.strip()[-500:]}")
            theirs: list[str] = json.loads(file.read_text())
        return [item for item in theirs if item not in set(present)]

    def close(self) -> GateResult | None:
        """Remove what was set up and write the result; null when nothing was judged."""
        versions = {name: self._comparison.versions(name) for name in ("base", "candidate")} if self._comparison else {}
        self._stack.close()
        if not self._found:
            return None
        stored = self._stored
        base, candidate = (
            (side_info(side, versions[side.name]) for side in self._sides)
            if self._sides
            else (
                SideInfo(name="base", what=f"stored run {stored.header.id if stored else ''}", python=""),
                SideInfo(name="candidate", what="working tree", python=sys.executable),
            )
        )
        with_time = stored is not None and self.config.getoption("--anatomy-allow-stored-time")
        result = GateResult(
            id=self.folder.name,
            started_at=self._started_at.isoformat(timespec="seconds"),
            command=["pytest", *map(str, self.config.invocation_params.args)],
            suite="pytest",
            base=base,
            candidate=candidate,
            environment=collect_environment.collect(),
            cases=self._found,
            notes=[UNRELIABLE] if with_time else [],
            seconds=time.perf_counter() - self._begin_s,
        )
        write_result(result, self.folder)
        return result

    def _open(self) -> None:
        self._begin_s, self._started_at = time.perf_counter(), datetime.now(UTC)
        root, option = self.config.rootpath, self.config.getoption
        if option("numprocesses", None) or hasattr(self.config, "workerinput"):
            raise UsageError("pytest-xdist would measure several items at once; leave out -n")
        out = option("--anatomy-out")
        self.folder = Path(out) if out else Path(DEFAULT_FOLDER) / f"gate-{new_run_id(self._started_at)}"
        project = project_table(root)
        self._policy: Policy = policy_of(project, WHERE)
        self._rules = rules_of(option("--anatomy-tolerate") or [], "--anatomy-tolerate")
        # A mistake in them ends the session before anything is measured.
        self._policy.with_level(self._rules, "--anatomy-tolerate")
        minutes = option("--anatomy-minutes") or project.get("minutes")
        self._time_left = clock_of(minutes)
        if self.base.kind == "run":
            self._stored = load_run(self.base.value)
            if option("--anatomy-allow-stored-time"):
                require_same_machine(self._stored, collect_environment.collect().fingerprint)
            return
        self._sides = self._stack.enter_context(
            open_sides(
                self.base,
                option("--anatomy-candidate") or [],
                root,
                option("--anatomy-allow-dirty"),
                project.get("install"),
            )
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._comparison = self._stack.enter_context(
            Comparison(*self._sides, gate_settings(), self.folder, _Quiet(), sys.path)
        )

    def _judge(self, case: Case, policy: Policy) -> CaseResult:
        assert self._comparison is not None
        try:
            missing = self._comparison.missing([case])
        except SetupError as error:
            return missing_case(case, "base", str(error), allow_new=False).model_copy(update={"verdict": "ERROR"})
        if case.key in missing:
            allow_new = self.config.getoption("--anatomy-allow-new")
            return missing_case(case, *missing[case.key], allow_new=allow_new, option="--anatomy-allow-new")
        # A false FAIL is flagged and confirmed by chance: over all items at most items · α · level, by Bonferroni.
        level = min(ALPHA, 1 / max(1, self.items))
        judged = self._comparison.judge([case], policy, self._time_left, level)
        (found,) = self._comparison.explain(judged, self._time_left)
        return found


def forwarded(arguments: Sequence[str]) -> list[str]:
    """The arguments that choose items, for the base's pytest: without what this session writes or compares."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in _WITH_VALUE:
            skip = True
        elif argument not in _FLAGS and not argument.startswith(tuple(f"{name}=" for name in _WITH_VALUE)):
            kept.append(argument)
    return kept


def write_collected(items: Sequence[str]) -> None:
    """In the base's pytest: say which items measure."""
    file = os.environ.get(COLLECTED)
    if file:
        Path(file).write_text(json.dumps(list(items)))


class GoneItem(pytest.Item):
    """A measuring item that the base has and this session lacks: a benchmark that is dropped must not pass."""

    def runtest(self) -> None:
        """Fail."""
        pytest.fail("missing on the candidate: the base measures it", pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where, in the report."""
        return self.path, None, self.name
