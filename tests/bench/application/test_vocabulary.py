"""Words and ids are those of the slides' Tokenizer, and rows those of its `pad_sequences`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.application.vocabulary import PUNCTUATION, Vocabulary, split_words
from anatomy.bench.errors.anatomy_error import UsageError
from tests.bench.application import slides

texts = st.lists(st.text("abcAB éÉßµ\r\v\xa0'" + PUNCTUATION, max_size=40), min_size=1, max_size=8)


@settings(deadline=None)
@given(texts, st.integers(2, 9), st.integers(1, 12))
def test_ids_are_those_of_the_slides(written: list[str], most: int, length: int) -> None:
    theirs = slides.Tokenizer(most)
    theirs.fit_on_texts(written)
    words = split_words(written)
    if not theirs.word_index:
        with pytest.raises(UsageError, match="the texts have no words"):
            Vocabulary.of(words, most)
        return
    vocabulary = Vocabulary.of(words, most)
    assert vocabulary.words.to_pylist() == list(theirs.word_index)[: most - 1]
    assert vocabulary.distinct == len(theirs.word_index)
    rows = vocabulary.ids(words, length)
    assert np.array_equal(rows, slides.pad_sequences(theirs.texts_to_sequences(written), length))
    assert rows.dtype == np.int32


def test_new_texts_have_the_ids_of_the_old() -> None:
    vocabulary = Vocabulary.of(split_words(["the cat, the dog", "the end"]), 3)
    assert vocabulary.words.to_pylist() == ["the", "cat"]
    assert vocabulary.ids(split_words(["A cat is the cat.", ""]), 4).tolist() == [[0, 2, 1, 2], [0, 0, 0, 0]]


def test_no_room_for_a_word() -> None:
    with pytest.raises(UsageError, match="a vocabulary of 1 ids has room for no word"):
        Vocabulary.of(split_words(["a"]), 1)
