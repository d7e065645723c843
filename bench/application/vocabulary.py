"""Words of texts, the most frequent of them, and their ids in rows of equal length.

The words and ids are those of `keras.preprocessing.text.Tokenizer` of Keras 1, which Keras 3 has no longer: lower case,
punctuation as spaces, id 1 for the most frequent word, ties by first appearance, rarer words left out. Arrow's kernels
do it for all texts at once. Bytes from 128 on are parts of letters in UTF-8, so punctuation can be replaced in bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anatomy.bench.errors.anatomy_error import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

# What the Tokenizer of Keras 1 replaces by spaces.
PUNCTUATION = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
TEXT_END = "\0"
_SPACES = bytes(ord(" ") if chr(byte) in PUNCTUATION else byte for byte in range(256))

Ids = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True)
class Words:
    """Texts as words.

    Attributes:
        distinct: each different word once, in the order in which they appear.
        codes: (words,), for each word of all texts its place in `distinct`.
        text_of: (words,), the number of the text that each word is of.
        texts: number of texts.
    """

    distinct: pa.StringArray
    codes: np.ndarray[Any, Any]
    text_of: np.ndarray[Any, Any]
    texts: int


def split_words(texts: Sequence[str]) -> Words:
    """Split texts into words, in lower case."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # One string of all: Python's calls for each text, and regular expressions, take ten times as long.
    joined = TEXT_END.join(text.replace(TEXT_END, " ") if TEXT_END in text else text for text in texts)
    raw = joined.lower().encode(errors="replace").translate(_SPACES)
    ends = pa.py_buffer(np.array([0, len(raw)], np.int64))
    whole = pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(raw))
    lists = pc.split_pattern(pc.split_pattern(whole, TEXT_END).flatten()[: len(texts)], " ")
    flat = lists.flatten()
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    text_of = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    # Between two spaces, and at the ends of a text, stands an empty word.
    real = pc.not_equal(flat, "").to_numpy(zero_copy_only=False)
    encoded = flat.filter(pa.array(real)).dictionary_encode()
    return Words(encoded.dictionary, encoded.indices.to_numpy(), text_of[real], len(texts))


@dataclass(frozen=True)
class Vocabulary:
    """The most frequent words.

    Attributes:
        words: most frequent first; the id of a word is its place plus 1, and 0 is padding.
        distinct: number of different words in the texts, the rarer ones included.
    """

    words: pa.StringArray
    distinct: int

    @classmethod
    def of(cls, words: Words, most: int) -> Vocabulary:
        """The `most` - 1 most frequent words, so that ids are below `most`.

        Raises:
            UsageError: the texts have no words, or `most` leaves room for none.
        """
        if most < 2:
            raise UsageError(f"a vocabulary of {most} ids has room for no word, since 0 is padding: take 2 or more")
        if not len(words.codes):
            raise UsageError("the texts have no words: are they empty, or is all of them header?")
        counts = np.bincount(words.codes, minlength=len(words.distinct))
        order = np.argsort(-counts, kind="stable")[: most - 1]
        return cls(words.distinct.take(order), len(words.distinct))

    def ids(self, words: Words, length: int) -> Ids:
        """Ids of the known words, (texts, length), int32: the last ones of a longer text, zeros before a shorter one.

        So do `texts_to_sequences` and `pad_sequences`.
        """
        import pyarrow.compute as pc

        known = pc.index_in(words.distinct, value_set=self.words)
        id_of = pc.add(pc.fill_null(known, -1), 1).to_numpy(zero_copy_only=False).astype(np.int32)
        ids = id_of[words.codes]
        kept = ids > 0
        ids, lengths = ids[kept], np.bincount(words.text_of[kept], minlength=words.texts)
        rows = np.zeros((words.texts, length), np.int32)
        # The last word of each text stands at the end of its row.
        ends = np.arange(1, words.texts + 1) * length
        places = np.arange(len(ids)) + np.repeat(ends - np.cumsum(lengths), lengths)
        if lengths.max(initial=0) > length:
            fits = places >= np.repeat(ends - length, lengths)
            places, ids = places[fits], ids[fits]
        rows.ravel()[places] = ids
        return rows
