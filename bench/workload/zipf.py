"""Ids of a vocabulary as real data have them: a few are most of a text, and most are rare.

The rank of a word and its frequency follow Zipf's law. Vocabularies are sorted by frequency, so the id is the rank.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# Fitted to the rows that English text touches; `pytest -rP tests/bench/workload/test_zipf.py` prints how well.
EXPONENT = 1.1
# Tables of fewer rows are categories, positions or characters: all of them occur in a batch.
LEAST_VOCABULARY = 256


def frequencies(size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """How often each of `size` ids is drawn; they add up to 1."""
    weights = 1.0 / np.arange(1, size + 1) ** EXPONENT
    return np.asarray(weights / weights.sum())


def draw_ids(rng: np.random.Generator, size: int, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Ids from 0 to `size` - 1, frequent ones first; each equally often where they are few."""
    if size < LEAST_VOCABULARY:
        return rng.integers(0, size, shape)
    return np.asarray(rng.choice(size, shape, p=frequencies(size)))
