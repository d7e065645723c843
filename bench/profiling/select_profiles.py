"""Select the profiles to compare, by words of their names or as all common cases of two runs, and explain them."""

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


class MeasuredProfile(NamedTuple):
    """A profile, and the step time that its run measured for the same case.

    Attributes:
        median_s: median step in the run, over many more steps than the profile has; `None` for a profile without a run.
    """

    profile: Profile
    median_s: float | None

    @property
    def key(self) -> str:
        """Key of the case."""
        return self.profile.key

    @property
    def name(self) -> str:
        """Name of the case."""
        return self.profile.name


class ExplainedPairs(NamedTuple):
    """The result of comparing profiles.

    Attributes:
        explanations: one per pair of profiles.
        skipped: cases of both runs that were not compared, each with the reason.
    """

    explanations: list[Explanation]
    skipped: list[str]


def explain_selected(before: str, after: str, run: Path | Callable[[], Path]) -> ExplainedPairs:
    """Explain the difference between two profiles, or between the common ones of two runs.

    Args:
        before, after: two folders of runs, or words of the names of two profiles.
        run: the folder in which names are looked up, or a function that finds it, called only if it is needed.

    Raises:
        UsageError: there is no run, words fit no profile or several, or two runs have no profile in common.
    """
    first, second = Path(before), Path(after)
    if first.is_dir() and second.is_dir():
        return _common(first, second)
    folder = run if isinstance(run, Path) else run()
    one = _named(before, folder)
    other = _named(after, folder)
    titles = (f"{one.name} ({before})", f"{other.name} ({after})") if one.name == other.name else None
    return ExplainedPairs([_explained(one, other, titles)], [])


def _explained(before: MeasuredProfile, after: MeasuredProfile, titles: tuple[str, str] | None) -> Explanation:
    """Compare the runs' medians if both have one, else the profiles' own steps: never one with the other."""
    measured = (before.median_s, after.median_s) if before.median_s and after.median_s else None
    return explain(before.profile, after.profile, measured, titles)


def _common(first: Path, second: Path) -> ExplainedPairs:
    theirs = {side.key: side for side in _sides(second)}
    pairs = [(ours, theirs[ours.key]) for ours in _sides(first) if ours.key in theirs]
    reasons = {ours.key: _missing_profile_reason({first: ours, second: other}) for ours, other in pairs}
    skipped = [f"{ours.name} is left out: {reasons[ours.key]}" for ours, _ in pairs if reasons[ours.key]]
    measured = [(a, b) for a, b in pairs if not reasons[a.key]]
    if skipped and not measured:
        raise UsageError("\n".join([f"{first} and {second} have nothing to compare; {REMEDY}", *skipped]))
    if not measured:
        raise UsageError(f"{first} and {second} have no profiled case in common; {REMEDY}")
    return ExplainedPairs(
        [_explained(a, b, (f"{a.name} in {first}", f"{b.name} in {second}")) for a, b in measured], skipped
    )


def _missing_profile_reason(sides: Mapping[Path, MeasuredProfile]) -> str | None:
    """Why the case has no profile in some of the folders; `None` if it has one in each."""
    failed = {folder: side.profile for folder, side in sides.items() if side.profile.outcome != "ok"}
    return "; ".join(f"{profile.outcome} in {folder}: {profile.reason}" for folder, profile in failed.items()) or None


def _named(words: str, folder: Path) -> MeasuredProfile:
    """The only profile of the run in the folder `words`, or the profile in `folder` whose name the words fit."""
    if Path(words).is_dir():
        folder, found = Path(words), _sides(Path(words))
        if len(found) != 1:
            names = ", ".join(side.name for side in found)
            raise UsageError(f"{folder} has {len(found)} profiles ({names}); say which: --run {folder} WORDS")
        return found[0]
    return find_record(_sides(folder), words)


def _sides(folder: Path) -> list[MeasuredProfile]:
    profiles = read_profiles(folder)
    if not profiles:
        raise UsageError(f"{folder} has no profiles; {REMEDY}")
    # Folders of the gate's sides contain profiles but no run.
    records = load_run(folder).records if (folder / RUN_FILE).exists() else []
    medians = {record.key: record.step_median_s for record in records if record.outcome == "ok"}
    return [MeasuredProfile(profile, medians.get(profile.key)) for profile in profiles]
