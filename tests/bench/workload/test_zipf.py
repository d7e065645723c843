"""Ids are drawn as English text has them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.workload.zipf import draw_ids, frequencies
from tests.benchmarks.ids_of_text import docstrings as docstrings_of


def manuals() -> str:
    """The documentation that comes with Python."""
    from pydoc_data.topics import topics

    return " ".join(topics.values())


def docstrings() -> str:
    """The docstrings of keras, numpy and pandas."""
    return " ".join(map(docstrings_of, ("keras", "numpy", "pandas")))


@pytest.fixture(scope="module", params=[manuals, docstrings])
def text(request: pytest.FixtureRequest) -> np.ndarray:
    """A text as ids, frequent words first: 115,000 words, 4,200 different ones; 1,800,000 and 25,000."""
    words = re.findall(r"\w+|[^\w\s]", request.param())
    rank = {word: number for number, (word, _) in enumerate(Counter(words).most_common())}
    return np.array([rank[word] for word in words])


def batches(text: np.ndarray, examples: int, length: int) -> Iterator[np.ndarray]:
    """Passages from anywhere in the text."""
    rng = np.random.default_rng(3)
    for _ in range(10):
        yield np.stack([text[start : start + length] for start in rng.integers(0, len(text) - length, examples)])


@pytest.mark.long
@pytest.mark.parametrize("rows", [300, 1000, 4000, 20_000])
@pytest.mark.parametrize("length", [20, 64, 200])
def test_the_rows_touched_are_those_that_text_touches(text: np.ndarray, rows: int, length: int) -> None:
    if rows > text.max() + 1:
        pytest.skip("the text has fewer words")
    known = text[text < rows]
    real = np.mean([len(np.unique(batch)) for batch in batches(known, 32, length)])
    rng = np.random.default_rng(4)
    drawn = np.mean([len(np.unique(draw_ids(rng, rows, (32, length)))) for _ in range(10)])
    uniform = rows * (1 - (1 - 1 / rows) ** (32 * length))
    print(f"{32 * length} of {rows} rows: drawn / text {drawn / real:.2f}, uniform / text {uniform / real:.2f}")
    # A text keeps to its subject, so that it touches fewer.
    assert 0.9 < drawn / real < 1.45


@given(st.integers(1, 5000))
def test_ids_are_rows_of_their_table(rows: int) -> None:
    ids = draw_ids(np.random.default_rng(rows), rows, (40, 5))
    assert ids.min() >= 0
    assert ids.max() < rows
    assert ids.shape == (40, 5)


@given(st.integers(2, 5000))
def test_the_more_frequent_come_first(rows: int) -> None:
    shares = frequencies(rows)
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) < 0).all()
