"""The rows of its tables that a batch touches, drawn and of a text: `python -m tests.benchmarks.rows_touched`.

Five models that are mostly embeddings, with the vocabulary and length that they are known for. The text is the
docstrings of installed packages: a vocabulary is its most frequent words, and a rarer word is the last id, as in a
vocabulary with a word for the unknown. Prints a Markdown table: rows that a batch of 32 touches as Anatomy draws it,
of the text (mean of ten batches), and if ids were uniform.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from anatomy.bench.workload.synthetic_batch import draw_batch, plan_inputs
from tests.benchmarks.ids_of_text import text_ids

EXAMPLES, BATCHES = 32, 10


def text_cnn() -> Any:
    """The zoo's, of the slides: 20,000 words, texts of 1000."""
    from anatomy.models import build

    return build("text_cnn")


def sentiment() -> Any:
    """https://keras.io/examples/nlp/bidirectional_lstm_imdb: 20,000 words, texts of 200."""
    import keras
    from keras import layers

    words = keras.Input((200,), dtype="int32")
    x = layers.Bidirectional(layers.LSTM(8))(layers.Embedding(20_000, 8)(words))
    return keras.Model(words, layers.Dense(1, activation="sigmoid")(x))


def bert() -> Any:
    """Devlin et al. 2018: 30,522 word pieces, 128 positions, two segments."""
    import keras
    from keras import layers

    inputs = {name: keras.Input((128,), dtype="int32", name=name) for name in ("token_ids", "segment_ids")}
    x = layers.Embedding(30_522, 8)(inputs["token_ids"]) + layers.Embedding(2, 8)(inputs["segment_ids"])
    x = x + layers.Embedding(128, 8)(keras.ops.arange(128))
    x = layers.MultiHeadAttention(1, 8)(x, x)
    return keras.Model(inputs, layers.Dense(2)(x[:, 0]))


def gpt() -> Any:
    """Radford et al. 2019: 50,257 tokens, 256 of 1024 positions."""
    import keras
    from keras import layers

    tokens = keras.Input((256,), dtype="int32")
    x = layers.Embedding(50_257, 8)(tokens) + layers.Embedding(256, 8)(keras.ops.arange(256))
    return keras.Model(tokens, layers.MultiHeadAttention(1, 8)(x, x, use_causal_mask=True))


def translator() -> Any:
    """https://keras.io/examples/nlp/neural_machine_translation_with_transformer: 15,000 words twice, 20 each."""
    import keras
    from keras import layers

    source, target = (keras.Input((20,), dtype="int64", name=name) for name in ("encoder_inputs", "decoder_inputs"))
    encoded = layers.Embedding(15_000, 8)(source)
    x = layers.MultiHeadAttention(1, 8)(layers.Embedding(15_000, 8)(target), encoded)
    return keras.Model([source, target], x)


MODELS: dict[Callable[[], Any], tuple[str, int]] = {
    text_cnn: ("text CNN", 20_000),
    sentiment: ("bidirectional LSTM", 20_000),
    bert: ("BERT", 30_522),
    gpt: ("GPT-2", 50_257),
    translator: ("translation, a table", 15_000),
}


def drawn_ids(model: Any, rows: int) -> Iterator[np.ndarray[Any, Any]]:
    """The inputs that look up the large tables: those with ids beyond positions and segments."""
    import keras

    for leaf in keras.tree.flatten(draw_batch(plan_inputs(model, EXAMPLES, {}), (), None).x):
        assert leaf.max() < rows
        if leaf.max() > 1000:
            yield leaf


def main() -> None:
    """Print the table."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    text = text_ids()
    rng = np.random.default_rng(3)
    print(f"{len(text):,} words, {text.max() + 1:,} different ones\n")
    print("| model | rows | ids in a batch | drawn | of the text | uniform | drawn / text | uniform / text |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for build, (name, rows) in MODELS.items():
        for ids in drawn_ids(build(), rows):
            length = ids.shape[-1]
            starts = rng.integers(0, len(text) - length, (BATCHES, EXAMPLES))
            known = np.minimum(text, rows - 1)
            real = np.mean([len(np.unique([known[s : s + length] for s in batch])) for batch in starts])
            drawn, uniform = len(np.unique(ids)), rows * (1 - (1 - 1 / rows) ** ids.size)
            figures = f"{drawn:,} | {real:,.0f} | {uniform:,.0f} | {drawn / real:.2f} | {uniform / real:.2f}"
            print(f"| {name} | {rows:,} | {ids.size:,} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
