"""Models as people write them: structures of inputs, open lengths, steps, losses and data of their own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops


def two_towers() -> Any:
    """A dict of ids whose keys are not in the order of their making."""
    ids = {"user": keras.Input((1,), dtype="int32", name="user"), "item": keras.Input((1,), dtype="int32", name="item")}
    parts = [layers.Flatten()(layers.Embedding(size, 4)(ids[name])) for name, size in (("user", 50), ("item", 9000))]
    model = keras.Model(ids, {"score": layers.Dense(1)(layers.Concatenate()(parts))})
    model.compile("adam", {"score": "mse"})
    return model


def encoder() -> Any:
    """BERT's inputs: tokens, segments and a mask, with a position table shorter than any vocabulary."""
    names = ("token_ids", "segment_ids", "padding_mask")
    given = {name: keras.Input((16,), dtype="int32", name=name) for name in names}
    x = layers.Embedding(3000, 8)(given["token_ids"]) + layers.Embedding(2, 8)(given["segment_ids"])
    x = Positions()(x)
    mask = ops.cast(given["padding_mask"], "bool")[:, None, :]
    x = layers.MultiHeadAttention(2, 4)(x, x, attention_mask=mask)
    return keras.Model(given, layers.Dense(2, activation="softmax")(x[:, 0]))


class Positions(layers.Layer):
    def build(self, shape: Any) -> None:
        self.table = layers.Embedding(16, shape[-1])
        self.table.build(())

    def call(self, x: Any) -> Any:
        return x + self.table(ops.arange(ops.shape(x)[1]))


def nested() -> Any:
    """Images of bytes in a list within a dict, and a scalar beside them."""
    left, right = (keras.Input((8, 8, 3), dtype="uint8", name=name) for name in ("left", "right"))
    age = keras.Input((), name="age")
    shared = keras.Sequential([layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()])
    x = layers.Concatenate()([shared(left), shared(right), ops.expand_dims(age, -1)])
    return keras.Model({"images": [left, right], "age": age}, layers.Dense(3, activation="softmax")(x))


def open_text(dtype: str = "int32") -> Any:
    words = keras.Input((None,), dtype=dtype, name="words")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(100, 8)(words))
    model = keras.Model(words, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    return model


class Plain(keras.Model):
    """Declares no inputs; ids reach its table through a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = layers.Embedding(500, 4), layers.Dense(3, activation="softmax")

    def call(self, x: Any) -> Any:
        return self.head(ops.mean(self.table(x["ids"]), axis=1))


def subclassed() -> Any:
    return Plain()


class Autoencoder(keras.Model):
    """Trains on its inputs alone, by a `compute_loss` that every backend runs."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = layers.Dense(4, activation="relu"), layers.Dense(16)

    def build(self, shape: Any) -> None:
        self.encode.build(shape)
        self.decode.build((*shape[:-1], 4))

    def call(self, x: Any) -> Any:
        return self.decode(self.encode(x))

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
        return ops.mean(ops.square(y_pred - x))


def autoencoder() -> Any:
    model = Autoencoder()
    model.compile("adam")
    return model


def masked_loss() -> Any:
    """Class ids whose zeros are padding: by the name of the loss nothing is known."""

    def masked(y_true: Any, y_pred: Any) -> Any:
        loss = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
        mask = ops.cast(ops.not_equal(y_true, 0), loss.dtype)
        return ops.sum(loss * mask) / (ops.sum(mask) + 1e-6)

    words = keras.Input((6,), dtype="int32")
    model = keras.Model(words, layers.Dense(20, activation="softmax")(layers.Embedding(20, 8)(words)))
    model.compile("adam", masked)
    return model


def reader() -> Any:
    """CTC over a sequence."""
    x = keras.Input((20, 6))
    model = keras.Model(x, layers.Dense(10)(layers.GRU(8, return_sequences=True)(x)))
    model.compile("adam", keras.losses.CTC())
    return model


def half_used() -> Any:
    """The second output has no loss, so its weights stay."""
    x = keras.Input((16,))
    h = layers.Dense(8, activation="relu")(x)
    model = keras.Model(x, [layers.Dense(3, activation="softmax", name="a")(h), layers.Dense(5, name="b")(h)])
    model.compile("adam", loss=["sparse_categorical_crossentropy", None])
    return model


def frozen() -> Any:
    model = keras.Sequential([keras.Input((8,)), layers.Dense(4)])
    model.trainable = False
    return model


def zero_head() -> Any:
    x = keras.Input((8,))
    return keras.Model(x, layers.Dense(2, kernel_initializer="zeros")(layers.Dense(4)(x)))


def threshold() -> Any:
    """A detector that says nothing for noise."""
    x = keras.Input((8, 8, 3))
    score = ops.sigmoid(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x)))
    return keras.Model(x, ops.where(score > 0.9, score, ops.zeros_like(score)))


def eager() -> Any:
    model = keras.Sequential([keras.Input((16,)), layers.Dense(3)])
    model.compile("sgd", "mse", run_eagerly=True)
    return model


def transferred() -> Any:
    """A base that is called with `training=False`, as Keras's guide on transfer learning has it."""
    inner = keras.Input((8,))
    base = keras.Model(inner, layers.Add()([layers.Dense(8)(inner), inner]))
    x = keras.Input((8,))
    return keras.Model(x, layers.Dense(1)(base(x, training=False)))


def with_data(weighted: bool = False, examples: int = 64) -> Any:
    """An open length that the data close."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 100, (examples, 20)), rng.integers(0, 2, (examples, 1)).astype(np.float32)
    return (open_text(), x, y, np.ones(examples, np.float32)) if weighted else (open_text(), x, y)


class Batches(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 6

    def __getitem__(self, number: int) -> Any:
        rng = np.random.default_rng(number)
        return rng.integers(0, 100, (8, 20)), rng.integers(0, 2, (8, 1)).astype(np.float32)


def with_dataset() -> Any:
    return open_text(), Batches()


def ragged() -> Any:
    """Texts of any length, which TensorFlow alone holds as they are."""
    words = keras.Input((None,), ragged=True, dtype="int32")
    mean = layers.GlobalAveragePooling1D()(layers.Embedding(500, 8)(words))
    return keras.Model(words, layers.Dense(2, activation="softmax")(mean))


class Taped(Autoencoder):
    """Its step is written for TensorFlow."""

    def train_step(self, data: Any) -> Any:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = self.compute_loss(data, None, self(data, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


def taped() -> Any:
    model = Taped()
    model.compile("adam")
    return model


class Blocks(keras.Model):
    """A subclass that does not declare its outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu")
        self.head = layers.Dense(3, activation="softmax")

    def call(self, x: Any) -> Any:
        return self.head(self.hidden(x))


def subclass_within() -> Any:
    x = keras.Input((8,))
    return keras.Model(x, Blocks()(x))


def open_einsum() -> Any:
    """Its layer leaves open what its input knows."""
    x = keras.Input((12, 32))
    return keras.Model(x, layers.Dense(16)(layers.EinsumDense("abc,cd->abd", output_shape=(None, 24))(x)))


def hashed() -> Any:
    x = keras.Input((1,), dtype="int32")
    ids = layers.Hashing(50)(x)
    return keras.Model(x, layers.Dense(1)(layers.Flatten()(layers.Embedding(50, 4)(ids))))


def own_policy() -> Any:
    """Layers with a policy of their own under the global one."""
    x = keras.Input((8,))
    return keras.Model(x, layers.Dense(4, dtype="mixed_bfloat16")(layers.Dense(8, dtype="mixed_bfloat16")(x)))


def typo_in_loss() -> Any:
    def loss(true: Any, predicted: Any) -> Any:
        return opps.mean(true - predicted)  # type: ignore[name-defined]  # noqa: F821

    model = keras.Sequential([keras.Input((8,)), layers.Dense(3)])
    model.compile("sgd", loss)
    return model
