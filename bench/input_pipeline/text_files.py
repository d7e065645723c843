"""Texts in files: read, decode, split into words, look up, and pad, as in training on texts.

The files are those of the made-up corpus of the text application.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anatomy.bench.application.synthetic_newsgroups import corpus_of, made_up_words
from anatomy.bench.application.text_folder import BLANK_LINE, ENCODING, scan
from anatomy.bench.application.vocabulary import PUNCTUATION
from anatomy.bench.input_pipeline.source import InputForm, Source, read_file

CORPUS = "synthetic:2000"
PATTERN = f"[{re.escape(PUNCTUATION)}]"
_TO_SPACES = str.maketrans(dict.fromkeys(PUNCTUATION, " "))


def text_source(form: InputForm) -> Source:
    """Ids of words for a model that takes one row of them.

    Raises:
        NotImplementedError: the model takes something else.
    """
    if len(form.shape) != 1 or form.largest is None or form.largest < 1:
        raise NotImplementedError(
            f"the source text gives rows of word ids, and the model takes {form.shape} without a table of words; give a"
            " source of your own, --source file.py:function"
        )
    paths = scan(corpus_of(CORPUS)).paths
    # Id 0 is padding.
    words = made_up_words()[: int(form.largest)]
    length = form.shape[0]
    steps: dict[str, Callable[[Any], Any]] = {
        "read": read_file,
        "decode": decode,
        "tokenise": tokenise,
        "look up": partial(look_up, ids={word: number for number, word in enumerate(words, 1)}),
        "pad": partial(pad, length=length, dtype=form.dtype),
    }
    size_bytes = sum(Path(path).stat().st_size for path in paths)
    return Source(paths, steps, partial(_tensorflow_steps, words, length, form.dtype), size_bytes)


def decode(data: bytes) -> str:
    """The text without its header."""
    text = data.decode(ENCODING)
    return text[text.find(BLANK_LINE) + len(BLANK_LINE) :] if BLANK_LINE in text else text


def tokenise(text: str) -> list[str]:
    """The words in lower case; punctuation is as spaces."""
    return text.lower().translate(_TO_SPACES).split()


def look_up(words: Sequence[str], ids: Mapping[str, int]) -> list[int]:
    """Ids of the known words; others are left out."""
    return [ids[word] for word in words if word in ids]


def pad(ids: Sequence[int], length: int, dtype: str) -> np.ndarray[Any, Any]:
    """The first ids of a longer text, zeros behind a shorter one."""
    row = np.zeros(length, dtype)
    row[: len(ids)] = ids[:length]
    return row


def _tensorflow_steps(words: Sequence[str], length: int, dtype: str) -> Callable[[Any], Any]:
    """`TextVectorization`: 0 is padding, 1 stands for every unknown word, the known ones follow."""
    import keras
    import tensorflow as tf

    # One word less, since 1 stands for the unknown ones: so many ids as the model's table has rows.
    vectorise = keras.layers.TextVectorization(
        standardize=None, vocabulary=list(words[:-1]), output_sequence_length=length
    )

    def example(path: Any) -> Any:
        # Keras gives a `standardize` of one's own NumPy arrays on other backends: it is applied here.
        body = tf.strings.regex_replace(tf.io.read_file(path), r"(?s)^.*?\n\n", "", replace_global=False)
        return tf.cast(vectorise(tf.strings.regex_replace(tf.strings.lower(body), PATTERN, " ")), dtype)

    return example
