"""Ids of a vocabulary as real data have them: a few are most of a text, and most are rare.

The frequency of a word follows from its rank, by Zipf's law for the frequent words and a steeper one for the others
(Ferrer i Cancho and Solé 2001, "Two Regimes in the Frequency of Words"). Vocabularies are sorted by frequency, so the
id is the rank.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# Fitted to the rows that texts touch; `pytest -rP tests/bench/workload/test_zipf.py` prints how well.
EXPONENT = 1.1
FREQUENT_WORDS = 1000
# By how much the exponent of the other words is larger.
STEEPER = 0.7
# Tables of fewer rows are categories, positions or characters: all of them occur in a batch.
LEAST_VOCABULARY = 256


def frequencies(size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """How often each of `size` ids is drawn; they add up to 1."""
    ranks = np.arange(1, size + 1)
    weights = ranks**-EXPONENT * np.maximum(1, ranks / FREQUENT_WORDS) ** -STEEPER
    return np.asarray(weights / weights.sum())


def draw_ids(rng: np.random.Generator, size: int, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Ids from 0 to `size` - 1, frequent ones first; each equally often where they are few."""
    if size < LEAST_VOCABULARY:
        return rng.integers(0, size, shape)
    return np.asarray(rng.choice(size, shape, p=frequencies(size)))
