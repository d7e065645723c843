"""The code of the slides, word for word where it still runs, to compare with: reading, tokenising, vectors."""

from __future__ import annotations

import os
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def read_texts(folder: Path) -> tuple[list[str], list[int], dict[str, int]]:
    """*NLP Preprocessing: Dataset Loading*."""
    texts: list[str] = []
    labels_index: dict[str, int] = {}
    labels: list[int] = []
    for name in sorted(os.listdir(folder)):  # noqa: PTH208
        path = os.path.join(folder, name)  # noqa: PTH118
        if os.path.isdir(path):  # noqa: PTH112
            label_id = len(labels_index)
            labels_index[name] = label_id
            for fname in sorted(os.listdir(path)):  # noqa: PTH208
                if fname.isdigit():
                    fpath = os.path.join(path, fname)  # noqa: PTH118
                    f = open(fpath, encoding="latin-1")  # noqa: PTH123, SIM115
                    t = f.read()
                    i = t.find("\n\n")
                    if i > 0:
                        t = t[i:]
                    texts.append(t)
                    f.close()
                    labels.append(label_id)
    return texts, labels, labels_index


def words_of(text: str) -> list[str]:
    """`text_to_word_sequence` of Keras 1.2."""
    text = text.lower()
    text = text.translate(str.maketrans(FILTERS, " " * len(FILTERS)))
    return [word for word in text.split(" ") if word]


class Tokenizer:
    """`keras.preprocessing.text.Tokenizer` of Keras 1.2, as far as the slides use it."""

    def __init__(self, nb_words: int) -> None:
        self.nb_words = nb_words
        self.word_counts: OrderedDict[str, int] = OrderedDict()
        self.word_docs: dict[str, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}

    def fit_on_texts(self, texts: Sequence[str]) -> None:
        for text in texts:
            seq = words_of(text)
            for w in seq:
                if w in self.word_counts:
                    self.word_counts[w] += 1
                else:
                    self.word_counts[w] = 1
            for w in set(seq):
                self.word_docs[w] += 1
        wcounts = list(self.word_counts.items())
        wcounts.sort(key=lambda x: x[1], reverse=True)
        sorted_voc = [wc[0] for wc in wcounts]
        self.word_index = dict(zip(sorted_voc, range(1, len(sorted_voc) + 1), strict=True))

    def texts_to_sequences(self, texts: Sequence[str]) -> list[list[int]]:
        res = []
        for text in texts:
            vect = []
            for w in words_of(text):
                i = self.word_index.get(w)
                if i is not None and i < self.nb_words:
                    vect.append(i)
            res.append(vect)
        return res


def pad_sequences(sequences: Sequence[Sequence[int]], maxlen: int) -> np.ndarray[Any, Any]:
    """`pad_sequences` of Keras 1.2 by its defaults."""
    x = np.zeros((len(sequences), maxlen), "int32")
    for idx, s in enumerate(sequences):
        if len(s) == 0:
            continue
        trunc = s[-maxlen:]
        x[idx, -len(trunc) :] = trunc
    return x


def read_vectors(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """*Embedding vectors loading and check*."""
    embeddings_index = {}
    f = open(path)  # noqa: PTH123, SIM115
    for line in f:
        values = line.split()
        word = values[0]
        coefs = np.asarray(values[1:], dtype="float32")
        embeddings_index[word] = coefs
    f.close()
    return embeddings_index


def embedding_matrix(
    word_index: dict[str, int], embeddings_index: dict[str, np.ndarray[Any, Any]], dimension: int
) -> np.ndarray[Any, Any]:
    """*Embedding matrix arrangement*."""
    matrix = np.zeros((len(word_index) + 1, dimension))
    for word, i in word_index.items():
        vector = embeddings_index.get(word)
        if vector is not None:
            matrix[i] = vector
    return matrix
