"""Which commit made a case slower: the gate along git history, each commit compared with the good one.

Comparing each with the good revision, not with its neighbour, keeps several small slowdowns from passing one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.machine.git import Repository
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.regression_gate.gate_result import CaseResult, CaseVerdict
from anatomy.bench.regression_gate.gate_session import Comparison, Listener
from anatomy.bench.regression_gate.policy import Policy
from anatomy.bench.regression_gate.resolve_sides import revision_side

# Whether the commit at a position is as good as the good one: null where it cannot be said.
Test = Callable[[int], bool | None]


@dataclass(frozen=True)
class Tested:
    """One commit and what the gate said of it against the good one."""

    commit: str
    what: str
    verdict: CaseVerdict
    change: float | None
    reason: str


@dataclass(frozen=True)
class Bisected:
    """What was found.

    Attributes:
        suspects: commits one of which is the first bad one, oldest first; one, where every commit could be tested.
            Empty when the bad revision is no worse than the good one, or that could not be said.
        tested: in the order they were tested.
    """

    case: Case
    suspects: list[str]
    tested: list[Tested]


def search(number: int, test: Test) -> range:
    """Positions 0…number−1 one of which is the first bad one, the last being known as bad.

    Halves the range at each answer; a position without one is passed over for its nearest untested neighbour, as
    `git bisect skip` does.
    """
    good, bad = -1, number - 1
    silent: set[int] = set()
    while True:
        untested = [position for position in range(good + 1, bad) if position not in silent]
        if not untested:
            return range(good + 1, bad + 1)
        middle = (good + bad) / 2
        position = min(untested, key=lambda p: abs(p - middle))
        answer = test(position)
        if answer is None:
            silent.add(position)
        elif answer:
            good = position
        else:
            bad = position


@dataclass(frozen=True)
class Bisection:
    """Everything that the tests of commits share.

    Attributes:
        directory: the place in the working tree whose counterparts the commits run in.
        folder: for logs, a subfolder a commit.
        told: called with each tested commit.
    """

    repository: Repository
    case: Case
    settings: MeasureSettings
    policy: Policy
    directory: Path
    folder: Path
    listener: Listener
    told: Callable[[Tested], None]
    install: Sequence[str] | None = None

    def run(self, good: str, bad: str) -> Bisected:
        """Find the first commit after `good`, up to `bad`, that FAILs against `good`.

        Raises:
            UsageError: the revisions are not there, or not in this order.
            SetupError: the good revision could not be set up.
        """
        good, bad = self.repository.resolve(good), self.repository.resolve(bad)
        commits = self.repository.between(good, bad)
        tested: list[Tested] = []

        def test(position: int) -> bool | None:
            tested.append(self._test(good, commits[position]))
            self.told(tested[-1])
            return {"PASS": True, "FAIL": False}.get(tested[-1].verdict)

        if test(len(commits) - 1) is not False:
            return Bisected(self.case, [], tested)
        return Bisected(self.case, [commits[position] for position in search(len(commits), test)], tested)

    def _test(self, good: str, commit: str) -> Tested:
        what = self.repository.describe(commit)
        try:
            found = self._compare(good, commit)
        except (UsageError, SetupError) as error:
            return Tested(commit, what, "ERROR", None, str(error))
        step = found.metric("step")
        return Tested(commit, what, found.verdict, step.change if step else None, found.reason)

    def _compare(self, good: str, commit: str) -> CaseResult:
        with ExitStack() as stack:
            base = stack.enter_context(revision_side("base", good, self.repository, self.directory, self.install))
            candidate = stack.enter_context(
                revision_side("candidate", commit, self.repository, self.directory, self.install)
            )
            folder = self.folder / commit[:10]
            folder.mkdir(parents=True, exist_ok=True)
            comparison = stack.enter_context(Comparison(base, candidate, self.settings, folder, self.listener))
            missing = comparison.missing([self.case])
            if self.case.key in missing:
                side, why = missing[self.case.key]
                return CaseResult(
                    case=self.case,
                    name=case_name(self.case),
                    verdict="ERROR",
                    reason=f"missing on the {side}: {why}",
                )
            (found,) = comparison.judge([self.case], self.policy)
            return found
