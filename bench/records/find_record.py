"""Finds the record that a key, the beginning of a key, or words of a name mean."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Protocol, TypeVar

from anatomy.bench.errors.anatomy_error import UsageError


class Named(Protocol):
    """A record or a profile: it has a key and a readable name."""

    @property
    def key(self) -> str:
        """Key of the case."""

    @property
    def name(self) -> str:
        """Readable name of the case."""


AnyNamed = TypeVar("AnyNamed", bound=Named)


def find_record(records: Sequence[AnyNamed], wanted: str) -> AnyNamed:
    """Return the one record that `wanted` names, in upper or lower case.

    These are tried in turn until exactly one record fits: the whole key; the whole name; words that are all words of
    the name; words that are all parts of the name, or the beginning of the key.

    Raises:
        UsageError: no record fits, or several do; the message lists them, or the nearest ones.
    """
    text = " ".join(wanted.lower().split())
    words = text.split()
    tiers = (
        [r for r in records if r.key == text],
        [r for r in records if r.name.lower() == text],
        [r for r in records if words and set(words) <= set(r.name.lower().split())],
        [r for r in records if words and (_has_all(r, words) or r.key.startswith(text))],
    )
    for fitting in tiers:
        if len(fitting) == 1:
            return fitting[0]
    if tiers[-1]:
        raise UsageError(f"{wanted!r} fits {len(tiers[-1])} records; say more:\n{_listed(tiers[-1])}")
    raise UsageError(f"{wanted!r} fits no record; the nearest:\n{_listed(_nearest(records, text))}")


def _has_all(record: Named, words: Sequence[str]) -> bool:
    return all(word in record.name.lower() for word in words)


def _nearest(records: Sequence[AnyNamed], text: str, number: int = 3) -> list[AnyNamed]:
    def closeness(record: Named) -> float:
        return max(
            difflib.SequenceMatcher(None, text, candidate).ratio() for candidate in (record.name.lower(), record.key)
        )

    return sorted(records, key=closeness, reverse=True)[:number]


def _listed(records: Sequence[Named]) -> str:
    return "\n".join(f"  {record.key}  {record.name}" for record in records) or "  (the run has no records)"
