"""Word vectors from a text file such as GloVe's, a word and its numbers in each line, and a binary copy of them."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from platformdirs import user_cache_path

from anatomy.bench.application.vocabulary import Vocabulary
from anatomy.bench.errors.anatomy_error import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

Matrix = np.ndarray[Any, np.dtype[np.float32]]

# Words, and their vectors as rows.
_Parsed = tuple["pa.Array", Matrix]

# Bytes that a thread parses at a time: little beside the matrix.
BLOCK = 1 << 23


@dataclass(frozen=True)
class WordVectors:
    """Words and their vectors.

    Attributes:
        words: as the file has them.
        matrix: (words, dimension), float32.
    """

    words: pa.Array
    matrix: Matrix

    def embedding(self, vocabulary: Vocabulary) -> tuple[Matrix, int]:
        """The matrix of an embedding, (ids, dimension), and how many words have a vector; the others' rows are 0."""
        import pyarrow.compute as pc

        places = pc.index_in(vocabulary.words.cast(self.words.type), value_set=self.words)
        found = places.is_valid().to_numpy(zero_copy_only=False)
        matrix = np.zeros((len(vocabulary.words) + 1, self.matrix.shape[1]), np.float32)
        matrix[1:][found] = self.matrix[places.drop_null().to_numpy()]
        return matrix, int(found.sum())


def load_vectors(path: Path, *, cache: bool = True, advance: Callable[[int], None] = lambda rows: None) -> WordVectors:
    """Read a file of word vectors, or its binary copy if the file has not changed since that was made.

    Words may hold spaces: the last numbers of a line are its vector. A first line of two numbers, as word2vec writes
    it, is a header.

    Args:
        cache: keep a binary copy in the user's cache folder.
        advance: called with the number of vectors read, for a progress bar.

    Raises:
        UsageError: no such file, no vectors, or a line of another dimension or without numbers, named by its number.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file; expected word vectors as text, such as glove.6B.100d.txt")
    copy = _copy_of(path)
    if cache and (copy / "complete").exists():
        return WordVectors(_read_words(copy / "words.arrow"), np.load(copy / "matrix.npy", mmap_mode="r"))
    vectors = _parse(path, advance)
    if cache:
        _keep(vectors, copy)
    return vectors


def _parse(path: Path, advance: Callable[[int], None]) -> WordVectors:
    import pyarrow as pa

    form = _form_of(path)
    words, matrices = [], []
    line = 1 + form.header
    for block, parsed in _parsed_side_by_side(form, _blocks_of_lines(path, form.header)):
        own, vectors = _parse_by_line(block, form, path, line) if parsed is None else parsed
        words.append(own)
        matrices.append(vectors)
        line += block.count(b"\n")
        advance(len(own))
    return WordVectors(pa.concat_arrays(words), np.concatenate(matrices))


def _parsed_side_by_side(form: _Form, blocks: Iterable[bytes]) -> Iterator[tuple[bytes, _Parsed | None]]:
    """Each block with what `_Form.parse` makes of it, in order; several threads parse, and few blocks wait."""
    workers = len(os.sched_getaffinity(0))
    waiting: deque[tuple[bytes, Future[_Parsed | None]]] = deque()
    with ThreadPoolExecutor(workers) as threads:
        for block in blocks:
            waiting.append((block, threads.submit(form.parse, block)))
            if len(waiting) > workers:
                done, parsed = waiting.popleft()
                yield done, parsed.result()
        for done, parsed in waiting:
            yield done, parsed.result()


@dataclass(frozen=True)
class _Form:
    """What the first lines of a file say of all: its header lines, its dimension, whether lines end with a space."""

    header: int
    dimension: int
    trailing: int

    def parse(self, block: bytes) -> _Parsed | None:
        """Words and vectors of lines that are all alike; `None` where one is not, or a word is not in UTF-8."""
        import polars as pl
        import pyarrow as pa

        numbers = [f"v{number}" for number in range(self.dimension)]
        types = {
            "word": pl.String,
            **dict.fromkeys(numbers, pl.Float32),
            **dict.fromkeys(["end"] * self.trailing, pl.String),
        }
        try:
            frame = pl.read_csv(block, separator=" ", has_header=False, schema=types, quote_char=None)
        except pl.exceptions.PolarsError:
            return None
        vectors = frame.select(numbers)
        lines = block.count(b"\n") + (not block.endswith(b"\n"))
        if len(frame) != lines or sum(frame.select("word", *numbers).null_count().row(0)):
            return None
        return frame["word"].to_arrow().cast(pa.binary()), np.ascontiguousarray(vectors.to_numpy())

    def split(self, line: str) -> tuple[str, Matrix]:
        """A word and its vector.

        Raises:
            ValueError: other than so many numbers after a word.
        """
        word, *numbers = line.rstrip("\n ").rsplit(" ", self.dimension)
        if len(numbers) < self.dimension or not word:
            raise ValueError(f"expected a word and {self.dimension} numbers, got {len(line.split()) - 1}")
        return word, np.array([float(number) for number in numbers], np.float32)


def _form_of(path: Path) -> _Form:
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline().rstrip("\n")
        header = len(first.split()) == 2 and all(part.isdigit() for part in first.split())
        line = file.readline().rstrip("\n") if header else first
    dimension = len(line.split()) - 1
    if dimension < 1:
        raise UsageError(f"{path}:{1 + header}: expected a word and its numbers, got {line[:60]!r}")
    if header and int(first.split()[1]) != dimension:
        raise UsageError(f"{path}:1: the header says {first.split()[1]} numbers, and the next line has {dimension}")
    return _Form(int(header), dimension, int(line.endswith(" ")))


def _blocks_of_lines(path: Path, skipped: int) -> Iterator[bytes]:
    """The file in blocks of whole lines, without its first `skipped` ones."""
    with path.open("rb") as file:
        for _ in range(skipped):
            file.readline()
        while block := file.read(BLOCK):
            yield block + file.readline()


def _parse_by_line(block: bytes, form: _Form, path: Path, first: int) -> _Parsed:
    """Words and vectors of lines of which some are odd: words with spaces, empty lines.

    Args:
        first: number of the block's first line in the file `path`.

    Raises:
        UsageError: a line is no word with its vector.
    """
    words, vectors = [], []
    for number, line in enumerate(block.split(b"\n"), first):
        text = line.decode("utf-8", "surrogateescape")
        if not text.strip():
            continue
        try:
            word, vector = form.split(text)
        except ValueError as error:
            raise UsageError(f"{path}:{number}: {error}") from error
        words.append(word.encode("utf-8", "surrogateescape"))
        vectors.append(vector)
    return _binary(words), np.array(vectors, np.float32).reshape(-1, form.dimension)


def _binary(words: list[bytes]) -> pa.Array:
    import pyarrow as pa

    return pa.array(words, pa.binary())


def _write_words(path: Path, words: pa.Array) -> None:
    import pyarrow as pa

    table = pa.table({"word": words})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _read_words(path: Path) -> pa.Array:
    """The words where they lie in the file, without a copy."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        chunks = pa.ipc.open_file(file).read_all().column("word").chunks
    return pa.concat_arrays(chunks) if len(chunks) != 1 else chunks[0]


def _copy_of(path: Path) -> Path:
    stat = path.stat()
    state = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    return user_cache_path("anatomy") / "vectors" / hashlib.sha256(state.encode()).hexdigest()[:32]


def _keep(vectors: WordVectors, copy: Path) -> None:
    """Write the copy; the last file says that it is complete. Without room for it the file is read again next time."""
    try:
        copy.mkdir(parents=True, exist_ok=True)
        np.save(copy / "matrix.npy", vectors.matrix)
        _write_words(copy / "words.arrow", vectors.words)
        (copy / "complete").touch()
    except OSError:
        return
