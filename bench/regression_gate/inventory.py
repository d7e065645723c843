"""The cases of both sides, taken before anything is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.regression_gate.gate_result import SideName
from anatomy.bench.suites.plan import plan
from anatomy.bench.suites.suite import Axes, Suite, load_suite


@dataclass(frozen=True)
class Inventory:
    """Cases of both sides.

    Attributes:
        common: cases that both have, in the candidate's order.
        missing: key of a case → the case, the side that lacks it, and why.
    """

    common: list[Case]
    missing: Mapping[str, tuple[Case, SideName, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Selection:
    """A choice of cases, made anew on each side: a suite by name or path, models, axes."""

    models: Sequence[str]
    suite: str | None
    overrides: Axes

    @property
    def name(self) -> str:
        """Name of the suite, or where the cases come from."""
        return self.suite or ("command line" if self.models else "quick")

    def cases(self, directory: Path) -> list[Case]:
        """The cases that the suites of a directory give.

        Raises:
            UsageError: there is no such suite or model, or nothing is left.
        """
        if self.models and self.suite is None:
            suite: Suite = Suite.model_validate({"name": self.name, "matrix": [{"model": list(self.models)}]})
            return plan(suite, self.overrides)
        return plan(self.loaded(directory), self.overrides, self.models)

    def loaded(self, directory: Path) -> Suite:
        """The suite, by the files of a directory."""
        name = self.suite or "quick"
        own = name.endswith(".toml") and not Path(name).is_absolute()
        return load_suite(str(directory / name) if own else name, directory)


def take_inventory(selection: Selection, base: Path, candidate: Path) -> Inventory:
    """Plan the cases of both sides; those that only one side's suite has are missing on the other.

    Args:
        selection: which cases.
        base: directory of the base.
        candidate: directory of the candidate.

    Raises:
        UsageError: the candidate's suite cannot be read, or leaves nothing.
    """
    ours = selection.cases(candidate)
    if base == candidate:
        return Inventory(ours)
    try:
        theirs, why = {case.key: case for case in selection.cases(base)}, f"not in the base's suite {selection.name}"
    except UsageError as error:
        theirs, why = {}, str(error).replace(f"{base}/", "")
    mine = {case.key: case for case in ours}
    missing: dict[str, tuple[Case, SideName, str]] = {
        key: (case, "base", why) for key, case in mine.items() if key not in theirs
    }
    gone = f"in the base's suite {selection.name}, not in the candidate's"
    missing |= {key: (case, "candidate", gone) for key, case in theirs.items() if key not in mine}
    return Inventory([case for case in ours if case.key in theirs], missing)
