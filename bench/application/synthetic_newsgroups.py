"""A corpus in the layout and with the statistics of 20 Newsgroups, and word vectors for it, both from a seed.

Made-up words follow Zipf's law. Each class has some words of its own. Each text has a header that names its class, as
the posts' `Newsgroups:` lines do. A model that reads the headers trains on the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from anatomy.bench.application.cached_corpus import written_once
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.workload.zipf import draw_ids

CLASSES = (
    "alt.atheism",
    "comp.graphics",
    "comp.os.ms-windows.misc",
    "comp.sys.ibm.pc.hardware",
    "comp.sys.mac.hardware",
    "comp.windows.x",
    "misc.forsale",
    "rec.autos",
    "rec.motorcycles",
    "rec.sport.baseball",
    "rec.sport.hockey",
    "sci.crypt",
    "sci.electronics",
    "sci.med",
    "sci.space",
    "soc.religion.christian",
    "talk.politics.guns",
    "talk.politics.mideast",
    "talk.politics.misc",
    "talk.religion.misc",
)
# As many as the corpus "bydate" has of all.
DOCUMENTS = 18_846
# Stands for the folder of a made-up corpus, `synthetic:2000` for one of so many texts.
SYNTHETIC = "synthetic"
# Counts up when the texts or the vectors change.
VERSION = 2
WORDS = 30_000
# Words of each class, the share of a text that they make, and how far they stand from each other among the frequent.
CLASS_WORDS, CLASS_SHARE, FIRST_CLASS_WORD = 60, 0.1, 200
# Lengths are log-normal, in words; the median is e to this.
LOG_LENGTH, LOG_SPREAD, SHORTEST, LONGEST = 5.0, 0.8, 20, 3000
WORDS_A_LINE = 12
# Of the vectors of a class's words, the part that they share.
KINSHIP = 0.7

Array = np.ndarray[Any, Any]


def write_corpus(
    root: Path, documents: int = DOCUMENTS, seed: int = 0, advance: Callable[[int], None] = lambda count: None
) -> None:
    """Write a tree of texts: one folder for each class, files named by digits, Latin-1, headers.

    Args:
        documents: of all classes, equally many of each but for the rest.
        advance: called with the number of texts written, for a progress bar.

    Raises:
        UsageError: fewer than one text for each class, or `root` holds something.
    """
    if documents < len(CLASSES):
        raise UsageError(
            f"{documents} texts do not give each of {len(CLASSES)} classes one: take {len(CLASSES)} or more"
        )
    if root.exists() and any(root.iterdir()):
        raise UsageError(f"{root}: the folder is not empty; name a new one for the corpus")
    rng = np.random.default_rng(seed)
    words = np.array(made_up_words())
    labels = np.arange(documents) % len(CLASSES)
    lengths = np.exp(rng.normal(LOG_LENGTH, LOG_SPREAD, documents)).astype(int).clip(SHORTEST, LONGEST)
    ids = _drawn(rng, np.repeat(labels, lengths))
    starts = np.cumsum(lengths) - lengths
    for name in CLASSES:
        (root / name).mkdir(parents=True)
    for number, (label, start, length) in enumerate(zip(labels, starts, lengths, strict=True)):
        own = words[ids[start : start + length]].tolist()
        text = _header(CLASSES[label], own, number) + _lines(own)
        (root / CLASSES[label] / str(10_000 + number)).write_bytes(text.encode("latin-1"))
        advance(1)


def write_vectors(path: Path, dimension: int = 100, seed: int = 0, words: int = WORDS) -> None:
    """Write vectors of the corpus's words as text: those of a class's words are alike, as trained ones are."""
    rng = np.random.default_rng(seed + 1)
    matrix = rng.standard_normal((words, dimension)).astype(np.float32)
    for label in range(len(CLASSES)):
        own = class_words(label)
        own = own[own < words]
        common = rng.standard_normal(dimension)
        matrix[own] = KINSHIP * common + (1 - KINSHIP**2) ** 0.5 * matrix[own]
    texts = made_up_words()
    with path.open("w", encoding="utf-8") as file:
        for word, vector in zip(texts[:words], matrix, strict=False):
            file.write(f"{word} {' '.join(f'{value:.5f}' for value in vector)}\n")


def corpus_of(name: str, advance: Callable[[int], None] = lambda count: None) -> Path:
    """The folder of the corpus `synthetic` or `synthetic:2000` in the user's cache, written where it is not there.

    Raises:
        UsageError: what follows the colon is no number of texts.
    """
    documents = documents_of(name)
    return written_once(
        f"newsgroups-v{VERSION}-{documents}", lambda place: write_corpus(place, documents, advance=advance)
    )


def is_synthetic(name: str) -> bool:
    """Whether a name stands for a made-up corpus, and not for a folder such as `synthetic_texts`."""
    return name.partition(":")[0] == SYNTHETIC


def documents_of(name: str) -> int:
    """How many texts the corpus `synthetic:2000` has.

    Raises:
        UsageError: what follows the colon is no number of texts.
    """
    _, colon, count = name.partition(":")
    if not is_synthetic(name) or (colon and not count.isdecimal()):
        raise UsageError(f"{name}: expected {SYNTHETIC}, or {SYNTHETIC}:2000 for a corpus of so many texts")
    return int(count) if colon else DOCUMENTS


def vectors_of() -> Path:
    """The file of the corpus's word vectors in the user's cache, written where it is not there."""
    return written_once(f"newsgroups-v{VERSION}-vectors.txt", write_vectors)


def made_up_words(count: int = WORDS) -> list[str]:
    """Different words of syllables, the most frequent first and shortest."""
    syllables = ["".join(pair) for pair in product("bdfgklmnprstvz", "aeiou")]
    found = [*syllables]
    for length in (2, 3):
        found += ["".join(parts) for parts in product(syllables, repeat=length)] if len(found) < count else []
    return found[:count]


def class_words(label: int) -> Array:
    """Places of a class's own words among all, by frequency."""
    return FIRST_CLASS_WORD + label + len(CLASSES) * np.arange(CLASS_WORDS)


def _drawn(rng: np.random.Generator, labels: Array) -> Array:
    """A word for each label: one of the class's own for a share of them, else any by Zipf's law."""
    ids = draw_ids(rng, WORDS, labels.shape)
    own = FIRST_CLASS_WORD + labels + len(CLASSES) * rng.integers(0, CLASS_WORDS, labels.shape)
    return np.asarray(np.where(rng.random(labels.shape) < CLASS_SHARE, own, ids))


def _header(name: str, words: list[str], number: int) -> str:
    return (
        f"From: {words[0]}@{words[1]}.edu ({words[2].title()} {words[3].title()})\n"
        f"Newsgroups: {name}\nSubject: Re: {' '.join(words[4:8])}\n"
        f"Message-ID: <{number}@{words[1]}.edu>\nLines: {-(-len(words) // WORDS_A_LINE)}\n\n"
    )


def _lines(words: list[str]) -> str:
    lines = (words[start : start + WORDS_A_LINE] for start in range(0, len(words), WORDS_A_LINE))
    return "\n".join(f"{' '.join(line)}." for line in lines) + "\n"
