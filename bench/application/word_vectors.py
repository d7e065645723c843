"""Word vectors from a text file such as GloVe's, a word and its numbers in each line, and a binary copy of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
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

# Bytes that are parsed at a time: enough for Arrow's threads, and little beside the matrix.
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
        words = (copy / "words").read_bytes().split(b"\n")
        return WordVectors(_binary(words), np.load(copy / "matrix.npy", mmap_mode="r"))
    vectors = _parse(path, advance)
    if cache:
        _keep(vectors, copy)
    return vectors


def _parse(path: Path, advance: Callable[[int], None]) -> WordVectors:
    import pyarrow as pa
    from pyarrow import csv

    form = _form_of(path)
    matrix = np.empty((_lines(path) - form.header, form.dimension), np.float32)
    words: list[Any] = []
    odd: list[str] = []

    def keep_odd(row: csv.InvalidRow) -> str:
        odd.append(row.text)
        return "skip"

    numbers = [f"v{number}" for number in range(form.dimension)]
    rows = 0
    try:
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(
                column_names=["word", *numbers, *["end"] * form.trailing], skip_rows=form.header, block_size=BLOCK
            ),
            parse_options=csv.ParseOptions(
                delimiter=" ", quote_char=False, double_quote=False, invalid_row_handler=keep_odd
            ),
            convert_options=csv.ConvertOptions(
                include_columns=["word", *numbers],
                column_types={"word": pa.binary(), **dict.fromkeys(numbers, pa.float32())},
                null_values=[],
                strings_can_be_null=False,
            ),
        )
        for batch in table.to_batches():
            words += batch.column(0).to_pylist()
            for number in range(form.dimension):
                matrix[rows : rows + len(batch), number] = batch.column(number + 1).to_numpy()
            rows += len(batch)
            advance(len(batch))
        for text in odd:
            word, vector = form.split(text)
            words.append(word.encode())
            matrix[rows] = vector
            rows += 1
    except (pa.ArrowInvalid, ValueError) as error:
        raise _first_fault(path, form, error) from error
    return WordVectors(_binary(words), matrix[:rows])


@dataclass(frozen=True)
class _Form:
    """What the first lines of a file say of all: its header lines, its dimension, whether lines end with a space."""

    header: int
    dimension: int
    trailing: int

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


def _lines(path: Path) -> int:
    """Number of lines, the last one with or without its end."""
    lines, last = 0, b"\n"
    for block in _blocks(path):
        lines, last = lines + block.count(b"\n"), block[-1:]
    return lines + (last != b"\n")


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def _first_fault(path: Path, form: _Form, error: Exception) -> UsageError:
    """The first line that is no word with its vector: the slow way, which knows the number of the line."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if number <= form.header or not line.strip():
                continue
            try:
                form.split(line)
            except ValueError as fault:
                return UsageError(f"{path}:{number}: {fault}")
    return UsageError(f"{path}: {error}")


def _binary(words: list[bytes]) -> pa.Array:
    import pyarrow as pa

    return pa.array(words, pa.binary())


def _copy_of(path: Path) -> Path:
    stat = path.stat()
    state = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    return user_cache_path("anatomy") / "vectors" / hashlib.sha256(state.encode()).hexdigest()[:32]


def _keep(vectors: WordVectors, copy: Path) -> None:
    """Write the copy; the last file says that it is complete. Without room for it the file is read again next time."""
    try:
        copy.mkdir(parents=True, exist_ok=True)
        np.save(copy / "matrix.npy", vectors.matrix)
        (copy / "words").write_bytes(b"\n".join(vectors.words.to_pylist()))
        (copy / "complete").touch()
    except OSError:
        return
