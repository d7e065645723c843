"""Find the commit that made a case slower: the gate along git history.

Each commit is compared with the good one, not with its neighbour: several small slowdowns do not pass one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.machine.git import Repository
from anatomy.bench.records.case import Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.regression_gate.gate_result import CaseResult, CaseVerdict, unmeasured_case
from anatomy.bench.regression_gate.paired_comparison import Listener, PairedComparison
from anatomy.bench.regression_gate.policy import Policy
from anatomy.bench.regression_gate.resolve_sides import revision_side

# Whether the commit at a position is as good as the good one; None where that is not known.
Test = Callable[[int], bool | None]


@dataclass(frozen=True)
class Tested:
    """One commit compared with the good one.

    Attributes:
        what: hash, date, author and subject.
        change: relative growth of the step time; None where it was not measured.
    """

    commit: str
    what: str
    verdict: CaseVerdict
    change: float | None
    reason: str


@dataclass(frozen=True)
class Bisected:
    """The result of a bisection.

    Attributes:
        suspects: commits of which one is the first bad one, oldest first; a single one where every commit could be
            judged. Empty where the bad revision is no worse than the good one, or could not be judged.
        tested: the commits that were compared, in that order.
    """

    case: Case
    suspects: list[str]
    tested: list[Tested]


def search(number: int, test: Test) -> range:
    """Search positions 0…number−1, of which the last is bad, for the first bad one; returns where it must be.

    Each answer halves the range; a position without an answer is replaced by its nearest untested neighbour, as with
    `git bisect skip`.
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
    """A bisection of the history of one case.

    Attributes:
        settings: how the processes of a pair are measured.
        directory: folder of the working tree; each commit runs in the same folder of its worktree.
        folder: for logs, with a subfolder per commit.
        listener: called after each pair.
        told: called with each tested commit.
        install: arguments of `pip install` for a commit with other dependencies; None for what it declares.
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
            comparison = PairedComparison((base, candidate), self.settings, folder, self.listener)
            stack.callback(comparison.close)
            missing = comparison.missing([self.case])
            if self.case.key in missing:
                side, why = missing[self.case.key]
                return unmeasured_case(self.case, "ERROR", f"missing on the {side}: {why}")
            (found,) = comparison.judge([self.case], self.policy)
            return found
