"""Time series, sessions, tables and graphs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops


def series_transformer() -> Any:
    """After "Timeseries classification with a Transformer model"."""
    series = keras.Input((100, 1))
    x = series
    for _ in range(2):
        y = layers.Dropout(0.25)(layers.MultiHeadAttention(2, 16, dropout=0.25)(x, x))
        x = layers.LayerNormalization(epsilon=1e-6)(y) + x
        y = layers.Conv1D(1, 1)(layers.Dropout(0.25)(layers.Conv1D(4, 1, activation="relu")(x)))
        x = layers.LayerNormalization(epsilon=1e-6)(y) + x
    x = layers.GlobalAveragePooling1D(data_format="channels_last")(x)
    x = layers.Dropout(0.4)(layers.Dense(32, activation="relu")(x))
    model = keras.Model(series, layers.Dense(2, activation="softmax")(x))
    model.compile(
        keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"]
    )
    return model


def gru4rec() -> Any:
    """Sessions of clicks, padded with zeros: which item comes next, out of 5,000."""
    clicks = keras.Input((20,), dtype="int32", name="clicks")
    x = layers.GRU(32)(layers.Embedding(5001, 32, mask_zero=True)(clicks))
    model = keras.Model(clicks, layers.Dense(5001)(x))
    model.compile("adagrad", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


class TwoTowers(keras.Model):
    """Subclassed, with a dict of raw ids, lookups within, and a score of each pair in the batch."""

    def __init__(self, users: int, items: int) -> None:
        super().__init__()
        self.towers = {
            "user_id": [layers.IntegerLookup(vocabulary=np.arange(100, 100 + users)), layers.Embedding(users + 1, 16)],
            "movie_id": [layers.IntegerLookup(vocabulary=np.arange(7, 7 + items)), layers.Embedding(items + 1, 16)],
        }

    def call(self, ids: Any) -> Any:
        user, movie = (table(lookup(ids[name])) for name, (lookup, table) in self.towers.items())
        return ops.matmul(user, ops.transpose(movie))

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
        pairs = ops.arange(ops.shape(y_pred)[0])
        return ops.mean(keras.losses.sparse_categorical_crossentropy(pairs, y_pred, from_logits=True))


def two_towers() -> Any:
    """After "Retrieval with two towers"; its inputs are `user_id=:int64` and `movie_id=:int64`."""
    model = TwoTowers(600, 1600)
    model.compile(keras.optimizers.Adagrad(0.1))
    return model


def tabular() -> Any:
    """After "Structured data classification": strings, numbers and categories of a table's columns."""
    inputs, features = {}, []
    for name, words in (("thal", ["fixed", "normal", "reversible"]), ("sex", ["f", "m"])):
        inputs[name] = keras.Input((1,), dtype="string", name=name)
        features.append(layers.StringLookup(vocabulary=words, output_mode="one_hot")(inputs[name]))
    for name, mean, variance in (("age", 54.0, 80.0), ("cholesterol", 246.0, 2700.0)):
        inputs[name] = keras.Input((1,), name=name)
        features.append(layers.Normalization(mean=mean, variance=variance)(inputs[name]))
    inputs["ca"] = keras.Input((1,), dtype="int64", name="ca")
    features.append(layers.IntegerLookup(vocabulary=[0, 1, 2, 3], output_mode="one_hot")(inputs["ca"]))
    x = layers.Dropout(0.5)(layers.Dense(32, activation="relu")(layers.Concatenate()(features)))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


class GraphAttention(layers.Layer):
    """Attention over the edges of one graph, which the layer holds."""

    def __init__(self, units: int, heads: int, edges: Any) -> None:
        super().__init__()
        self.units, self.heads, self.edges = units, heads, edges

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], self.heads * self.units), name="kernel")
        self.kernel_attention = self.add_weight(shape=(self.heads, 2 * self.units), name="kernel_attention")

    def call(self, states: Any) -> Any:
        nodes = ops.shape(states)[1]
        states = ops.reshape(ops.matmul(states, self.kernel), (-1, nodes, self.heads, self.units))
        source, target = (ops.take(states, self.edges[:, side], axis=1) for side in (0, 1))
        scores = ops.sum(ops.concatenate([source, target], axis=-1) * self.kernel_attention, axis=-1)
        scores = ops.exp(ops.clip(ops.leaky_relu(scores, 0.2), -2.0, 2.0))
        belongs = ops.one_hot(self.edges[:, 0], nodes, dtype=self.compute_dtype)
        total = ops.einsum("en,beh->bnh", belongs, scores)
        mixed = ops.einsum("en,beh,behu->bnhu", belongs, scores, target)
        return ops.reshape(mixed / (total[..., None] + 1e-7), (-1, nodes, self.heads * self.units))


def graph_attention() -> Any:
    """After "Graph attention network (GAT) for node classification", on a graph of 50 nodes and 200 edges."""
    edges = np.random.default_rng(5).integers(0, 50, (200, 2))
    features = keras.Input((50, 30))
    x = features
    for _ in range(2):
        x = ops.elu(GraphAttention(8, 2, edges)(x))
    model = keras.Model(features, layers.Dense(7)(x))
    model.compile(
        keras.optimizers.SGD(0.03, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    return model
