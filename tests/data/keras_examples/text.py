"""Text and speech: attention over sequences, language models, readers of characters."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


class TokensAndPositions(layers.Layer):
    """The sum of two tables: of the tokens, and of their places."""

    def __init__(self, words: int, length: int, width: int) -> None:
        super().__init__()
        self.tokens, self.positions = layers.Embedding(words, width), layers.Embedding(length, width)

    def build(self, shape: Any) -> None:
        self.tokens.build(shape)
        self.positions.build(shape)

    def call(self, ids: Any) -> Any:
        return self.tokens(ids) + self.positions(ops.arange(ops.shape(ids)[-1]))


class Block(layers.Layer):
    """Attention and a feed-forward net, each with its residual; causal for a decoder."""

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.attention = layers.MultiHeadAttention(heads, width // heads)
        self.feed = keras.Sequential([layers.Dense(4 * width, activation="relu"), layers.Dense(width)])
        self.norms = [layers.LayerNormalization(), layers.LayerNormalization()]

    def build(self, shape: Any) -> None:
        self.attention.build(shape, shape)
        self.feed.build(shape)
        for norm in self.norms:
            norm.build(shape)

    def call(self, x: Any, mask: Any = None) -> Any:
        x = self.norms[0](x + self.attention(x, x, use_causal_mask=self.causal))
        return self.norms[1](x + self.feed(x))


def gpt() -> Any:
    """After "Text generation with a miniature GPT": the loss is on one of two outputs."""
    ids = keras.Input((32,), dtype="int32")
    x = Block(32, 2, causal=True)(TokensAndPositions(20_000, 32, 32)(ids))
    model = keras.Model(ids, [layers.Dense(20_000)(x), x])
    model.compile("adam", loss=[keras.losses.SparseCategoricalCrossentropy(from_logits=True), None])
    return model


def bert() -> Any:
    """After "End-to-end masked language modeling with BERT", with a dict of inputs, as KerasHub has them."""
    given = {
        "token_ids": keras.Input((32,), dtype="int32", name="token_ids"),
        "segment_ids": keras.Input((32,), dtype="int32", name="segment_ids"),
        "padding_mask": keras.Input((32,), dtype="bool", name="padding_mask"),
    }
    x = TokensAndPositions(30_000, 32, 32)(given["token_ids"]) + layers.Embedding(2, 32)(given["segment_ids"])
    mask = given["padding_mask"][:, None, :]
    for _ in range(2):
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 16)(x, x, attention_mask=mask))
        x = layers.LayerNormalization()(x + layers.Dense(32)(layers.Dense(64, activation="gelu")(x)))
    model = keras.Model(given, layers.Dense(30_000, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    return model


def translator() -> Any:
    """Sequence to sequence with attention, after "English-to-Spanish translation", by recurrent layers."""
    source, target = (keras.Input((None,), dtype="int64", name=name) for name in ("source", "target"))
    encoded = layers.Bidirectional(layers.GRU(16, return_sequences=True))(
        layers.Embedding(15_000, 16, mask_zero=True)(source)
    )
    decoded = layers.GRU(32, return_sequences=True)(layers.Embedding(12_000, 16, mask_zero=True)(target))
    x = layers.Concatenate()([decoded, layers.Attention()([decoded, encoded])])
    model = keras.Model({"source": source, "target": target}, layers.Dense(12_000, activation="softmax")(x))
    model.compile("rmsprop", keras.losses.SparseCategoricalCrossentropy(ignore_class=0), metrics=["accuracy"])
    return model


def character_reader() -> Any:
    """After "OCR model for reading Captchas": a step of the image's width is a step of CTC."""
    image = keras.Input((64, 24, 1), name="image")
    x = layers.MaxPooling2D(2)(layers.Conv2D(8, 3, padding="same", activation="relu")(image))
    x = layers.MaxPooling2D(2)(layers.Conv2D(16, 3, padding="same", activation="relu")(x))
    x = layers.Dense(16, activation="relu")(layers.Reshape((16, 6 * 16))(x))
    x = layers.Bidirectional(layers.LSTM(16, return_sequences=True, dropout=0.25))(x)
    model = keras.Model(image, layers.Dense(21, name="characters")(x))
    model.compile("adam", keras.losses.CTC())
    return model


class Causal(layers.Layer):
    """A dilated causal convolution with a gate, and its residual."""

    def __init__(self, filters: int, dilation: int) -> None:
        super().__init__()
        self.signal, self.gate = (
            layers.Conv1D(filters, 2, padding="causal", dilation_rate=dilation, activation=activation)
            for activation in ("tanh", "sigmoid")
        )
        self.mix = layers.Conv1D(filters, 1)

    def build(self, shape: Any) -> None:
        for layer in (self.signal, self.gate, self.mix):
            layer.build(shape)

    def call(self, x: Any) -> Any:
        return x + self.mix(self.signal(x) * self.gate(x))


def wavenet() -> Any:
    """Sound of any length, given by its companded samples."""
    sound = keras.Input((None, 1), name="sound")
    x = layers.Conv1D(16, 2, padding="causal")(sound)
    for dilation in (1, 2, 4, 8):
        x = Causal(16, dilation)(x)
    model = keras.Model(sound, layers.Conv1D(256, 1, activation="softmax")(layers.ReLU()(x)))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


class LowRank(layers.Layer):
    """A frozen dense layer and a trained update of low rank beside it."""

    def __init__(self, units: int, rank: int) -> None:
        super().__init__()
        self.inner = layers.Dense(units, use_bias=False, trainable=False)
        self.down, self.up = layers.Dense(rank, use_bias=False), layers.Dense(units, use_bias=False)
        self.up.kernel_initializer = keras.initializers.Zeros()

    def build(self, shape: Any) -> None:
        self.inner.build(shape)
        self.down.build(shape)
        self.up.build((*shape[:-1], self.down.units))

    def call(self, x: Any) -> Any:
        return self.inner(x) + self.up(self.down(x)) * 2.0


def lora() -> Any:
    """After "Parameter-efficient fine-tuning of GPT-2 with LoRA": the first step moves one factor of the two."""
    ids = keras.Input((32,), dtype="int32")
    table = TokensAndPositions(5000, 32, 32)
    table.trainable = False
    x = table(ids)
    query, value = LowRank(32, 4)(x), LowRank(32, 4)(x)
    key = layers.Dense(32, trainable=False)(x)
    x = layers.Attention(use_scale=False)([query, value, key])
    model = keras.Model(ids, layers.Dense(5000, trainable=False)(x))
    model.compile(keras.optimizers.AdamW(5e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model
