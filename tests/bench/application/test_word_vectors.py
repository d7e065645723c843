"""Word vectors: what the slides' loop reads, and which line is wrong where something is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anatomy.bench.application import word_vectors
from anatomy.bench.application.vocabulary import Vocabulary, split_words
from anatomy.bench.application.word_vectors import load_vectors
from anatomy.bench.errors.anatomy_error import UsageError
from tests.bench.application import slides

words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=6)
numbers = st.floats(-10, 10, width=32)


@pytest.mark.long
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(words, st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=20),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([10, 60, word_vectors.BLOCK]),
)
def test_a_file_is_read_as_by_the_slides(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    table: dict[str, list[float]],
    header: bool,
    spaced: bool,
    ended: bool,
    block: int,
) -> None:
    monkeypatch.setattr(word_vectors, "BLOCK", block)
    path = tmp_path_factory.mktemp("vectors") / "v.txt"
    lines = [" ".join([word, *map(repr, vector)]) + " " * spaced for word, vector in table.items()]
    plain = "\n".join(lines) + "\n" * ended
    path.write_text(f"{len(table)} 3\n{plain}" if header else plain, encoding="utf-8")
    found = load_vectors(path, cache=False)
    path.write_text(plain, encoding="utf-8")
    theirs = slides.read_vectors(path)
    ours = dict(zip(map(bytes.decode, found.words.to_pylist()), found.matrix.tolist(), strict=True))
    assert ours == {word: vector.tolist() for word, vector in theirs.items()}


def test_an_embedding_has_a_row_for_each_id(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text('the 1 2\n. . . 3 4\n" 5 6\ncat -1e-3 0\n')
    vectors = load_vectors(tmp_path / "v.txt", cache=False)
    assert set(vectors.words.to_pylist()) == {b"the", b". . .", b'"', b"cat"}
    vocabulary = Vocabulary.of(split_words(["the the dog cat"]), 10)
    matrix, found = vectors.embedding(vocabulary)
    assert found == 2
    assert matrix.tolist() == [[0, 0], [1, 2], [0, 0], [pytest.approx(-1e-3), 0]]


def test_odd_lines_are_read_and_the_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words with spaces, of two numbers, of bytes that are no UTF-8, and empty lines, among blocks without any."""
    monkeypatch.setattr(word_vectors, "BLOCK", 20)
    lines = [b"a 1 2", b"1 2 3 4", b"", b"b 5 6", b"\xff 7 8", b"c 9 10", b"d 11 12", b"1 1 1", b"e nan inf"]
    (tmp_path / "v{0}.txt").write_bytes(b"\n".join(lines))
    found = load_vectors(tmp_path / "v{0}.txt", cache=False)
    assert found.words.to_pylist() == [b"a", b"1 2", b"b", b"\xff", b"c", b"d", b"1", b"e"]
    assert found.matrix[:-1].tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12], [1, 1]]
    assert np.isnan(found.matrix[-1, 0])
    assert np.isinf(found.matrix[-1, 1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a 1 2\nb 1\nc 1 2\n", ":2: expected a word and 2 numbers, got 1"),
        ("a 1 2\nb 1 x\n", ":2: could not convert string to float: 'x'"),
        ("a 1 2\n\nb 1 2 3 z\n", ":3: could not convert string to float: 'z'"),
        ("3 5\na 1 2\n", ":1: the header says 5 numbers, and the next line has 2"),
        ("word\n", ":1: expected a word and its numbers, got 'word'"),
        ("", ":1: expected a word and its numbers, got ''"),
    ],
)
def test_a_fault_is_named_by_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "v.txt"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_vectors(path, cache=False)
    assert str(caught.value) == f"{path}{said}"


def test_a_copy_serves_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_vectors, "user_cache_path", lambda name: tmp_path / name)
    path = tmp_path / "v.txt"
    path.write_text("a 1 2\nb 3 4\n")
    first = load_vectors(path)
    monkeypatch.setattr(word_vectors, "_parse", None)
    second = load_vectors(path)
    assert np.array_equal(first.matrix, second.matrix)
    assert first.words.to_pylist() == second.words.to_pylist()
    monkeypatch.undo()
    monkeypatch.setattr(word_vectors, "user_cache_path", lambda name: tmp_path / name)
    path.write_text("a 1 2\nb 3 5\nc 0 0\n")
    assert load_vectors(path).matrix.tolist() == [[1, 2], [3, 5], [0, 0]]
    with pytest.raises(UsageError, match="no such file; expected word vectors as text"):
        load_vectors(tmp_path / "none")
