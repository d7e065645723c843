"""Several runs in one report: how each is named, their records and profiles, and how their machines differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from anatomy.bench.records.application_stages import is_stage
from anatomy.bench.records.case_profile import Profile, read_profiles
from anatomy.bench.records.environment import Environment
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import SCRIPTS_FOLDER, Run
from anatomy.reports.table import Column, Link

Derived = TypeVar("Derived")

CASES_FOLDER = "cases"


@dataclass(frozen=True)
class LabelledRun:
    """A run and the name its rows carry.

    Attributes:
        linked: whether the report lies in the run's folder, where links to the run's scripts work.
        paged: whether a page for each timed case lies beside the report.
    """

    label: str
    run: Run
    linked: bool = False
    paged: bool = False

    def script(self, record: Record) -> Link | None:
        """Return the link to the script that reproduces a record's figures; `None` where there is no such link."""
        address = f"{SCRIPTS_FOLDER}/{record.key}.py"
        return Link(address, "reproduce") if self.linked and (self.run.path / address).is_file() else None

    def page(self, record: Record) -> Link | None:
        """Return the link to the page of a case; `None` where it has none."""
        paged = self.paged and record.case.mode not in ("count", "stage")
        return Link(f"{CASES_FOLDER}/{record.key}.html", "all of this case") if paged else None

    def once(self, derive: Callable[..., Derived], *arguments: Hashable) -> Derived:
        """What a function makes of this run, made on the first call: several tables ask for the same."""
        if (derive, arguments) not in self._derived:
            self._derived[derive, arguments] = derive(self, *arguments)
        found: Derived = self._derived[derive, arguments]
        return found

    @cached_property
    def _derived(self) -> dict[tuple[Callable[..., Any], tuple[Hashable, ...]], Any]:
        return {}

    @cached_property
    def profiles(self) -> tuple[Profile, ...]:
        """The profiles beside the records, the last of each case.

        Raises:
            UsageError: the file of profiles is damaged.
        """
        return tuple(read_profiles(self.run.path))

    def profile(self, record: Record) -> Profile | None:
        """The profile of a record's case; `None` where it was not profiled."""
        return self._profile_of_case.get(record.key)

    @cached_property
    def _profile_of_case(self) -> dict[str, Profile]:
        return {profile.key: profile for profile in self.profiles}


class LabelledRecord(NamedTuple):
    """A record and its run."""

    run: LabelledRun
    record: Record

    @property
    def case_id(self) -> tuple[str, str]:
        """Label of the run and key of the case."""
        return self.run.label, self.record.key


@dataclass(frozen=True)
class LabelledProfile:
    """A profile, its run's label, and a name that says both where there are several runs."""

    label: str
    name: str
    profile: Profile


def labelled_records(
    runs: Sequence[LabelledRun], wanted: Callable[[Record], bool] = lambda record: True
) -> list[LabelledRecord]:
    """Return the wanted records of all runs, in the runs' order."""
    return [LabelledRecord(item, record) for item in runs for record in item.run.records if wanted(record)]


def without_stages(runs: Sequence[LabelledRun]) -> tuple[LabelledRun, ...]:
    """The runs without the stages of applications, which are no steps and have tables of their own."""
    return tuple(
        with_records(item, [record for record in item.run.records if not is_stage(record)])
        if any(map(is_stage, item.run.records))
        else item
        for item in runs
    )


def with_records(item: LabelledRun, records: Sequence[Record]) -> LabelledRun:
    """The run with these records alone."""
    return replace(item, run=item.run.model_copy(update={"records": list(records)}))


def is_application_alone(runs: Sequence[LabelledRun]) -> bool:
    """Whether the runs have stages of applications, and nothing else."""
    records = [record for item in runs for record in item.run.records]
    return bool(records) and all(map(is_stage, records))


def labelled_profiles(runs: Sequence[LabelledRun]) -> tuple[LabelledProfile, ...]:
    """Return every profile of all runs, in the order in which they were taken."""
    return tuple(
        LabelledProfile(item.label, profile.name if len(runs) == 1 else f"{profile.name} ({item.label})", profile)
        for item in runs
        for profile in item.profiles
    )


def label_runs(runs: Sequence[Run], folder: Path | None = None, *, paged: bool = False) -> tuple[LabelledRun, ...]:
    """Name each run by its id; runs that share one are told apart by their folder, then by a number.

    Args:
        runs: runs in the report's order.
        folder: where the report is written; the run that lies there is linked with its scripts.
        paged: whether a page for each case is written beside the report.
    """
    ids = Counter(run.header.id for run in runs)
    names = [run.header.id if ids[run.header.id] == 1 else f"{run.header.id} ({run.path.name})" for run in runs]
    repeated = Counter(names)
    return tuple(
        LabelledRun(
            name if repeated[name] == 1 else f"{name} #{number}",
            run,
            linked=folder is not None and folder.resolve() == run.path.resolve(),
            paged=paged,
        )
        for number, (name, run) in enumerate(zip(names, runs, strict=True), start=1)
    )


def environment_differences(runs: Sequence[LabelledRun]) -> tuple[str, ...]:
    """Return how the runs' machines and software differ, one line per field; empty where they are comparable."""
    if len({item.run.header.environment.fingerprint for item in runs}) <= 1:
        return ()
    lines = []
    for field in Environment.model_fields:
        if field in ("host", "commit", "dirty"):
            continue
        values = {item.label: getattr(item.run.header.environment, field) for item in runs}
        if len({str(value) for value in values.values()}) > 1:
            lines.append(f"{field}: " + "; ".join(f"{name}: {value}" for name, value in values.items()))
    return tuple(lines)


def with_run(columns: tuple[Column, ...], runs: Sequence[LabelledRun]) -> tuple[Column, ...]:
    """Add the run behind the first column where there is more than one run."""
    return columns if len(runs) < 2 else (columns[0], Column("run", "run"), *columns[1:])


def with_case(columns: tuple[Column, ...], cases: Sequence[LabelledProfile]) -> tuple[Column, ...]:
    """Put the name of the case before the columns, and its run where there is more than one."""
    several = len({case.label for case in cases}) > 1
    return (Column("case", "case"), *([Column("run", "run")] * several), *columns)
