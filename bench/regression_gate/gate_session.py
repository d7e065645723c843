"""A comparison from its two sides to its result; the command judges a suite in it, pytest one item after another."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.errors.printable import printable, printable_values
from anatomy.bench.machine import collect_environment
from anatomy.bench.records.case import Case
from anatomy.bench.records.run_store import DEFAULT_FOLDER, load_run
from anatomy.bench.records.whole_file import make_output_folder, write_whole
from anatomy.bench.regression_gate.gate_request import GateRequest
from anatomy.bench.regression_gate.gate_result import (
    RESULT_FILE,
    CaseResult,
    GateResult,
    SideInfo,
    missing_case,
    unmeasured_case,
)
from anatomy.bench.regression_gate.gate_table import GATE_TABLE, GateTable, read_gate_table
from anatomy.bench.regression_gate.inventory import Inventory, take_inventory
from anatomy.bench.regression_gate.paired_comparison import Listener, PairedComparison
from anatomy.bench.regression_gate.policy import Policy, policy_of
from anatomy.bench.regression_gate.resolve_sides import resolve_sides
from anatomy.bench.regression_gate.sequential_sampling import TimeLeft
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.regression_gate.stored_baseline import EXACT_ALONE, UNRELIABLE, StoredComparison

# Of the time there is, pairs take so much at most: what is left explains a slower step by its layers.
PAIRS_SHARE = 0.85


class GateSession:
    """Sets up both sides of a request; they are taken down by `close`, or at the end of a `with` block.

    Args:
        request: what is to be compared.
        listener: called after each pair.

    Attributes:
        request: as given.
        results: of the cases judged so far.

    Raises:
        UsageError: it cannot be compared as asked.
        SetupError: a side could not be set up.
    """

    def __init__(self, request: GateRequest, listener: Listener | None = None) -> None:
        self.request, self.results = request, list[CaseResult]()
        self._begin_s, self._started_at = time.perf_counter(), datetime.now(UTC)
        if (request.out / RESULT_FILE).exists():
            raise UsageError(f"{request.out} already holds a comparison; give another folder")
        self._table = read_gate_table(request.directory)
        self._policy = policy_of(self._table, _suite_rules(request))
        with ExitStack() as stack:
            self._comparison = self._open(listener, stack)
            self._stack = stack.pop_all()
        self._time_left = _clock(request.minutes if request.minutes is not None else self._table.minutes)

    def __enter__(self) -> GateSession:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Take both sides down, and remove what was made for them."""
        self._stack.close()

    @property
    def base(self) -> Side | None:
        """The side that is compared with; None for a stored run."""
        return self._comparison.sides["base"] if isinstance(self._comparison, PairedComparison) else None

    def inventory(self) -> Inventory:
        """The cases that the request selects, on both sides.

        Raises:
            UsageError: the candidate's suite cannot be read, or leaves nothing.
        """
        assert self.request.selection is not None
        if isinstance(self._comparison, StoredComparison):
            return Inventory(self._comparison.cases())
        sides = self._comparison.sides
        return take_inventory(self.request.selection, sides["base"].directory, sides["candidate"].directory)

    def judge(
        self,
        cases: Sequence[Case],
        *,
        tolerate: Mapping[str, Any] | None = None,
        confirm_at: float | None = None,
        item: str | None = None,
    ) -> list[CaseResult]:
        """Compare cases, judge them together, and lay slower steps on their layers.

        Args:
            cases: what to compare.
            tolerate: rules of these cases alone; the request's win over them.
            confirm_at: level at which a flagged figure is confirmed, where the suite is judged in parts.
            item: the pytest item that the cases belong to.

        Raises:
            UsageError: a rule is none.
        """
        policy = self._policy.with_level(tolerate or {}, f"{item}: tolerate")
        policy = policy.with_level(self.request.tolerate, "tolerate")
        if isinstance(self._comparison, StoredComparison):
            found = self._comparison.compare(cases, policy)
        else:
            found = self._paired(self._comparison, cases, policy, confirm_at)
        return self.add(found, item)

    def add(self, results: Iterable[CaseResult], item: str | None = None) -> list[CaseResult]:
        """Take in results, of a pytest item where there is one; returns them with every text printable."""
        added = [
            CaseResult.model_validate(printable_values(result.model_dump() | {"item": item})) for result in results
        ]
        self.results += added
        return added

    def finish(self) -> GateResult:
        """Write the result to `gate.json` in the request's folder, and return it."""
        request = self.request
        base, candidate = self._side_infos()
        result = GateResult(
            id=printable(request.out.name),
            started_at=self._started_at.isoformat(timespec="seconds"),
            command=[printable(word) for word in request.command],
            suite=printable(request.suite),
            base=base,
            candidate=candidate,
            environment=collect_environment.collect(),
            cases=self.results,
            notes=self._notes(),
            seconds=time.perf_counter() - self._begin_s,
        )
        write_whole(request.out / RESULT_FILE, result.model_dump_json(indent=1) + "\n")
        return result

    def _open(self, listener: Listener | None, stack: ExitStack) -> PairedComparison | StoredComparison:
        request = self.request
        comparison: PairedComparison | StoredComparison
        if request.base.kind == "run":
            comparison = StoredComparison(load_run(request.base.value), request)
        else:
            sides = stack.enter_context(
                resolve_sides(
                    request.base, request.candidate, request.directory, request.allow_dirty, self._table.install
                )
            )
            make_output_folder(request.out, Path(DEFAULT_FOLDER))
            comparison = PairedComparison(sides, request.settings, request.out, listener, sys.path)
        stack.callback(comparison.close)
        return comparison

    def _paired(
        self, comparison: PairedComparison, cases: Sequence[Case], policy: Policy, confirm_at: float | None
    ) -> list[CaseResult]:
        try:
            missing = comparison.missing(cases)
        except SetupError as error:
            return [unmeasured_case(case, "ERROR", str(error)) for case in cases]
        present = [case for case in cases if case.key not in missing]
        judged = comparison.judge(present, policy, self._time_for_pairs, confirm_at)
        found = {result.case.key: result for result in comparison.explain(judged, self._time_left)}
        allow_new = self.request.allow_new
        return [found.get(case.key) or missing_case(case, *missing[case.key], allow_new) for case in cases]

    def _time_for_pairs(self, share: float) -> bool:
        return self._time_left(PAIRS_SHARE * share)

    def _side_infos(self) -> tuple[SideInfo, SideInfo]:
        comparison = self._comparison
        if isinstance(comparison, PairedComparison):
            base, candidate = (_side_info(side, comparison.versions(name)) for name, side in comparison.sides.items())
            return base, candidate
        header, directory = comparison.run.header, self.request.directory
        working_tree = Side("candidate", f"working tree {directory.name}", directory)
        stored = SideInfo(name="base", what=f"stored run {header.id}", python=header.environment.python)
        return stored, _side_info(working_tree, {})

    def _notes(self) -> list[str]:
        if isinstance(self._comparison, StoredComparison):
            return [UNRELIABLE if self.request.allow_stored_time else EXACT_ALONE]
        base, candidate = self._comparison.sides["base"], self._comparison.sides["candidate"]
        notes = [candidate.note] if candidate.note else []
        if base.directory != self.request.directory and _table_of(base) != self._table:
            notes.append(f"{GATE_TABLE} is not the same in the base; the candidate's was used.")
        return notes


def _suite_rules(request: GateRequest) -> Mapping[str, Any]:
    if request.selection is None or request.selection.suite is None:
        return {}
    return request.selection.loaded(request.directory).tolerate


def _table_of(base: Side) -> GateTable | None:
    """The gate's table of the base; None where it cannot be read."""
    try:
        return read_gate_table(base.directory)
    except UsageError:
        return None


def _clock(minutes: float | None) -> TimeLeft:
    """Whether a share of so many minutes from now is left; always, for None."""
    begin = time.monotonic()
    return lambda share: minutes is None or time.monotonic() - begin < share * minutes * 60


def _side_info(side: Side, versions: dict[str, dict[str, str]]) -> SideInfo:
    return SideInfo(
        name=side.name,
        what=printable(side.what),
        commit=side.commit,
        python=printable(side.python),
        settings=dict(side.settings),
        environment={
            printable(name): printable(value) for name, value in side.environment.items() if name != "PYTHONPATH"
        },
        versions=versions,
    )
