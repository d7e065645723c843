"""Which two profiles are meant: words of their names, or two runs, each case of one with the same of the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from anatomy.bench.profiling.explanation import Explanation, NotComparableError, explain
from anatomy.bench.profiling.result import Profile, read_profiles
from anatomy.bench.select import select

REMEDY = "take profiles with `anatomy profile MODEL` or `anatomy run --profile`"


def pairs_of(before: str, after: str, run: Path | Callable[[], Path]) -> list[Explanation]:
    """Explain the difference between two profiles, or between the common ones of two runs.

    Args:
        run: the folder in which names are looked up; called where one is needed.

    Raises:
        NotComparableError: there are no such profiles, or none in common.
        SelectionError: words fit no profile, or several.
        StoreError: there is no run.
    """
    first, second = Path(before), Path(after)
    if first.is_dir() and second.is_dir():
        return _common(first, second)
    folder = run if isinstance(run, Path) else run()
    one = _named(before, folder)
    other = _named(after, folder)
    return [explain(one, other, names=_titles(one, other, before, after))]


def _common(first: Path, second: Path) -> list[Explanation]:
    theirs = {profile.case.key: profile for profile in _profiles(second)}
    pairs = [(ours, theirs[ours.case.key]) for ours in _profiles(first) if ours.case.key in theirs]
    measured = [(a, b) for a, b in pairs if a.outcome == b.outcome == "ok"]
    if not measured:
        raise NotComparableError(f"{first} and {second} have no profiled case in common; {REMEDY}")
    return [explain(a, b, names=(f"{a.name} in {first}", f"{b.name} in {second}")) for a, b in measured]


def _named(words: str, folder: Path) -> Profile:
    """One profile: of a run with only one, or the one that the words fit."""
    if Path(words).is_dir():
        folder, found = Path(words), _profiles(Path(words))
        if len(found) != 1:
            names = ", ".join(profile.name for profile in found)
            raise NotComparableError(f"{folder} has {len(found)} profiles ({names}); say which: --run {folder} WORDS")
        return found[0]
    return select(_profiles(folder), words)


def _profiles(folder: Path) -> list[Profile]:
    found = read_profiles(folder)
    if not found:
        raise NotComparableError(f"{folder} has no profiles; {REMEDY}")
    return found


def _titles(one: Profile, other: Profile, before: str, after: str) -> tuple[str, str] | None:
    return (f"{one.name} ({before})", f"{other.name} ({after})") if one.name == other.name else None
