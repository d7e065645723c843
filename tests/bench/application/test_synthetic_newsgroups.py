"""The synthetic corpus: its layout, its statistics, and that its words and headers tell the class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anatomy.bench.application import text_folder
from anatomy.bench.application.synthetic_newsgroups import (
    CLASSES,
    WORDS,
    class_words,
    made_up_words,
    write_corpus,
    write_vectors,
)
from anatomy.bench.application.vocabulary import Vocabulary, split_words
from anatomy.bench.application.word_vectors import load_vectors
from anatomy.bench.errors.anatomy_error import UsageError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus") / "20_newsgroups"
    write_corpus(root, 1000)
    return root


@pytest.mark.long
def test_it_is_read_as_20_newsgroups(corpus: Path, tmp_path: Path) -> None:
    found = text_folder.scan(corpus)
    assert found.classes == CLASSES
    assert np.bincount(found.labels).tolist() == [50] * 20
    contents = text_folder.read(found.paths)
    whole = text_folder.decode(contents, found.paths, headers=True)
    bodies = text_folder.decode(contents, found.paths)
    assert all(CLASSES[label] in text for label, text in zip(found.labels, whole, strict=True))
    assert not any(CLASSES[label] in text for label, text in zip(found.labels, bodies, strict=True))
    write_corpus(tmp_path / "again", 1000)
    again = text_folder.scan(tmp_path / "again")
    assert text_folder.read(again.paths) == contents
    write_corpus(tmp_path / "other", 1000, seed=1)
    assert text_folder.read(text_folder.scan(tmp_path / "other").paths) != contents


@pytest.mark.long
def test_words_follow_zipf_and_tell_the_class(corpus: Path) -> None:
    found = text_folder.scan(corpus)
    words = split_words(text_folder.decode(text_folder.read(found.paths), found.paths))
    counts = np.sort(np.bincount(words.codes))[::-1]
    assert 100 < len(words.codes) / 1000 < 300
    slope = np.polyfit(np.log(np.arange(1, 101)), np.log(counts[:100]), 1)[0]
    assert slope == pytest.approx(-1.1, abs=0.1)
    # By the class whose own words a text has most of, most texts are told apart, and not all.
    place = {word: number for number, word in enumerate(made_up_words())}
    kinds = np.full(WORDS, -1)
    for label in range(20):
        kinds[class_words(label)] = label
    kind_of = kinds[[place[word] for word in words.distinct.to_pylist()]]
    table = np.zeros((1000, 21), int)
    np.add.at(table, (words.text_of, kind_of[words.codes]), 1)
    right = np.mean(np.argmax(table[:, :20], axis=1) == found.labels)
    assert 0.5 < right < 0.99


@pytest.mark.long
def test_vectors_of_a_class_are_alike(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    write_vectors(path, 50)
    vectors = load_vectors(path, cache=False)
    assert vectors.matrix.shape == (WORDS, 50)
    matrix, found = vectors.embedding(Vocabulary.of(split_words([" ".join(made_up_words(500)), "unseen"]), 1000))
    assert (matrix.shape, found) == ((502, 50), 500)
    unit = vectors.matrix / np.linalg.norm(vectors.matrix, axis=1, keepdims=True)
    own, other = unit[class_words(3)], unit[class_words(4)]
    assert np.mean(own @ own.T) > 0.4
    assert abs(np.mean(own @ other.T)) < 0.2


def test_too_few_texts_or_a_full_folder(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="3 texts do not give each of 20 classes one"):
        write_corpus(tmp_path / "few", 3)
    with pytest.raises(UsageError, match="the folder is not empty"):
        write_corpus(corpus)
