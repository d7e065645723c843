"""Numbers in sentences."""

from __future__ import annotations

from collections.abc import Sequence

# Of a list in a sentence, so many are named.
MOST_NAMED = 20


def plural(number: int, noun: str) -> str:
    """Return `1 case`, `2 cases`: a number with its noun in the singular or plural."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def some(texts: Sequence[str], most: int = MOST_NAMED) -> str:
    """The texts with semicolons between them; of many the first ones, and how many more there are."""
    shown = "; ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown}; and {len(texts) - most:,} more"
