"""Which two profiles are meant: words of their names, or two runs, each case of one with the same of the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.profiling.explanation import Explanation, explain
from anatomy.bench.records.case_profile import Profile, read_profiles
from anatomy.bench.records.find_record import find_record
from anatomy.bench.records.run_store import RUN_FILE, load_run

REMEDY = "take profiles with `anatomy profile MODEL` or `anatomy run --profile`"


class Side(NamedTuple):
    """A profile, and what its run has measured of the same case.

    Attributes:
        median_s: the run's median step, over many more steps than the profile's process has taken; null where the
            profile was taken by itself.
    """

    profile: Profile
    median_s: float | None

    @property
    def key(self) -> str:
        """Of its case."""
        return self.profile.key

    @property
    def name(self) -> str:
        """Of its case."""
        return self.profile.name


class Pairs(NamedTuple):
    """Profiles that were compared.

    Attributes:
        explanations: one for each case.
        skipped: cases that both runs have and that were not compared, each with its reason.
    """

    explanations: list[Explanation]
    skipped: list[str]


def pairs_of(before: str, after: str, run: Path | Callable[[], Path]) -> Pairs:
    """Explain the difference between two profiles, or between the common ones of two runs.

    Args:
        run: the folder in which names are looked up; called where one is needed.

    Raises:
        UsageError: there are no such profiles, or none in common.
        UsageError: words fit no profile, or several.
        UsageError: there is no run.
    """
    first, second = Path(before), Path(after)
    if first.is_dir() and second.is_dir():
        return _common(first, second)
    folder = run if isinstance(run, Path) else run()
    one = _named(before, folder)
    other = _named(after, folder)
    titles = (f"{one.name} ({before})", f"{other.name} ({after})") if one.name == other.name else None
    return Pairs([_explained(one, other, titles)], [])


def _explained(before: Side, after: Side, titles: tuple[str, str] | None) -> Explanation:
    """A median of one side is never set against the few steps of the other's profile."""
    measured = (before.median_s, after.median_s) if before.median_s and after.median_s else None
    return explain(before.profile, after.profile, measured, titles)


def _common(first: Path, second: Path) -> Pairs:
    theirs = {side.key: side for side in _sides(second)}
    pairs = [(ours, theirs[ours.key]) for ours in _sides(first) if ours.key in theirs]
    reasons = {ours.key: _missing_profile_reason({first: ours, second: other}) for ours, other in pairs}
    skipped = [f"{ours.name} is left out: {reasons[ours.key]}" for ours, _ in pairs if reasons[ours.key]]
    measured = [(a, b) for a, b in pairs if not reasons[a.key]]
    if skipped and not measured:
        raise UsageError("\n".join([f"{first} and {second} have nothing to compare; {REMEDY}", *skipped]))
    if not measured:
        raise UsageError(f"{first} and {second} have no profiled case in common; {REMEDY}")
    return Pairs([_explained(a, b, (f"{a.name} in {first}", f"{b.name} in {second}")) for a, b in measured], skipped)


def _missing_profile_reason(sides: Mapping[Path, Side]) -> str | None:
    """Why a case has no profile in some of the folders; `None` if it has one in each."""
    failed = {folder: side.profile for folder, side in sides.items() if side.profile.outcome != "ok"}
    return "; ".join(f"{profile.outcome} in {folder}: {profile.reason}" for folder, profile in failed.items()) or None


def _named(words: str, folder: Path) -> Side:
    """One profile: of a run with only one, or the one that the words fit."""
    if Path(words).is_dir():
        folder, found = Path(words), _sides(Path(words))
        if len(found) != 1:
            names = ", ".join(side.name for side in found)
            raise UsageError(f"{folder} has {len(found)} profiles ({names}); say which: --run {folder} WORDS")
        return found[0]
    return find_record(_sides(folder), words)


def _sides(folder: Path) -> list[Side]:
    profiles = read_profiles(folder)
    if not profiles:
        raise UsageError(f"{folder} has no profiles; {REMEDY}")
    # The gate's sides have profiles and no run.
    records = load_run(folder).records if (folder / RUN_FILE).exists() else []
    medians = {record.key: record.step_median_s for record in records if record.outcome == "ok"}
    return [Side(profile, medians.get(profile.key)) for profile in profiles]
