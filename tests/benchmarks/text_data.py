"""Reading texts and word vectors against the slides' loops: `python -m tests.benchmarks.text_data [--rounds 3]`.

Makes a corpus of 20,000 texts and a file of 400,000 × 100 vectors (350 MB) in a temporary folder. Each side runs in a
fresh process, in turns. Prints the medians of seconds and of the peak of memory, and their ratios.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from anatomy.bench.application import text_folder, word_vectors
from anatomy.bench.application.synthetic_newsgroups import write_corpus
from anatomy.bench.application.vocabulary import Vocabulary, split_words
from tests.bench.application import slides

TEXTS, VECTORS, DIMENSION = 20_000, 400_000, 100
MOST_WORDS, LENGTH = 20_000, 1000


def main() -> None:
    """Make the files, take turns, print the table."""
    parser = ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", nargs=2, metavar=("SIDE", "FOLDER"), help="one side, in this process")
    given = parser.parse_args()
    if given.side:
        seconds, grown = measured(SIDES[given.side[0]], Path(given.side[1]))
        print(seconds, grown)
        return
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        found: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
        for _ in range(given.rounds):
            for side, results in found.items():
                command = [sys.executable, "-m", "tests.benchmarks.text_data", "--side", side, folder]
                # The copy of the vectors lies in this cache folder.
                environment = {**os.environ, "XDG_CACHE_HOME": f"{folder}/cache"}
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                seconds, grown = map(float, done.stdout.split())
                results.append((seconds, grown))
    for line in table(found):
        print(line)


def make(folder: Path) -> None:
    """The corpus, and vectors of as many digits as GloVe's."""
    write_corpus(folder / "corpus", TEXTS)
    rng = np.random.default_rng(0)
    with (folder / "vectors.txt").open("w") as file:
        for start in range(0, VECTORS, 10_000):
            block = rng.standard_normal((10_000, DIMENSION))
            file.writelines(
                f"word{start + number} {' '.join(f'{value:.5f}' for value in row)}\n"
                for number, row in enumerate(block)
            )


def measured(side: Callable[[Path], None], folder: Path) -> tuple[float, float]:
    """Seconds of one side, and by how many bytes it raised the process's peak."""
    # Imports are no part of either side.
    import polars  # noqa: F401
    import pyarrow.compute
    import pyarrow.csv  # noqa: F401

    before, start = peak_bytes(), time.perf_counter()
    side(folder)
    return time.perf_counter() - start, peak_bytes() - before


def peak_bytes() -> int:
    """Largest resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def slides_texts(folder: Path) -> None:
    """Read, decode, tokenise and pad by the slides' code."""
    texts, _, _ = slides.read_texts(folder / "corpus")
    tokenizer = slides.Tokenizer(MOST_WORDS)
    tokenizer.fit_on_texts(texts)
    slides.pad_sequences(tokenizer.texts_to_sequences(texts), LENGTH)


def our_texts(folder: Path) -> None:
    """The same."""
    found = text_folder.scan(folder / "corpus")
    words = split_words(text_folder.decode(text_folder.read(found.paths), found.paths))
    Vocabulary.of(words, MOST_WORDS).ids(words, LENGTH)


def slides_vectors(folder: Path) -> None:
    """Read the vectors by the slides' loop."""
    slides.read_vectors(folder / "vectors.txt")


def our_vectors(folder: Path) -> None:
    """From the text."""
    word_vectors.load_vectors(folder / "vectors.txt", cache=False)


def cached_vectors(folder: Path) -> None:
    """From the copy, which the first round makes."""
    word_vectors.load_vectors(folder / "vectors.txt")


SIDES: dict[str, Callable[[Path], None]] = {
    "texts, slides": slides_texts,
    "texts": our_texts,
    "vectors, slides": slides_vectors,
    "vectors": our_vectors,
    "vectors, copy": cached_vectors,
}


def table(found: dict[str, list[tuple[float, float]]]) -> list[str]:
    """One row a side; the ratio is to the slides' of the same work."""
    lines = ["| side | seconds | × as fast | MB above the start |", "|---|---:|---:|---:|"]
    for side, results in found.items():
        # The first read of the copy makes it.
        kept = results[1:] if side == "vectors, copy" and len(results) > 1 else results
        seconds, grown = (median(values) for values in zip(*kept, strict=True))
        slow = median(seconds for seconds, _ in found[f"{side.partition(',')[0]}, slides"])
        lines.append(f"| {side} | {seconds:.2f} | {slow / seconds:.1f} | {grown / 1e6:.0f} |")
    return lines


if __name__ == "__main__":
    main()
