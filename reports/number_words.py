"""Numbers in sentences."""

from __future__ import annotations


def plural(number: int, noun: str) -> str:
    """Return `1 case`, `2 cases`: a number with its noun in the singular or plural."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
