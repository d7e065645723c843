"""The entries of models that are put together in unusual ways, and the work of each, reckoned by hand."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers as kl
from keras import ops

from anatomy.bench.counting import count_model
from anatomy.bench.profiling.layer_index import LayerEntry, LayerIndex, build_layer_index
from anatomy.bench.records.case import Case

BATCH, FLOAT = 2, 4


def rows_of(model: Any, mode: str = "infer") -> dict[str, LayerEntry]:
    return layers_in(model, mode).entries


def layers_in(model: Any, mode: str = "infer") -> LayerIndex:
    case = Case.model_validate({"model": "mine:build", "mode": mode, "backend": "jax", "batch_size": BATCH})
    return build_layer_index(model, count_model(model), case)


class Block(kl.Layer):
    """Two layers of one's own, and a sum."""

    def __init__(self, names: tuple[str, str] = ("a", "b"), **options: Any) -> None:
        super().__init__(**options)
        self.a, self.b = (kl.Dense(units, name=name) for units, name in zip((256, 64), names, strict=True))

    def build(self, shape: Any) -> None:
        self.a.build(shape)
        self.b.build((*shape[:-1], 256))
        self.built = True

    def call(self, x: Any) -> Any:
        return x + self.b(ops.relu(self.a(x)))


def test_operations_that_are_nodes_have_rows_and_places() -> None:
    x = keras.Input((64,))
    folded = ops.reshape(kl.Dense(512, name="d")(x), (-1, 16, 32))
    product = ops.matmul(folded, ops.transpose(folded, (0, 2, 1)))
    model = keras.Model(x, kl.Dense(4)(ops.reshape(product, (-1, 256))))
    layers = layers_in(model)
    matmul = next(operation for operation in model.operations if type(operation).__name__ == "Matmul")
    place = layers.find_place(matmul)
    assert place is not None
    assert layers.entries[place.entry].type == "Matmul"
    assert layers.entries[place.entry].flops == 2 * BATCH * 16 * 16 * 32
    trained = rows_of(model, "train")[place.entry]
    assert trained.flops == 3 * 2 * BATCH * 16 * 16 * 32


def test_a_layer_that_two_submodels_share_has_a_row_in_each() -> None:
    shared = kl.Dense(64, name="shared")

    def sub(name: str) -> Any:
        given = keras.Input((64,))
        return keras.Model(given, shared(given), name=name)

    x = keras.Input((64,))
    first, second = sub("a"), sub("b")
    layers = layers_in(keras.Model(x, second(first(x))))
    assert {"a/shared", "b/shared"} <= set(layers.entries)
    for name in ("a", "b"):
        place = layers.find_place(shared, name)
        assert place is not None
        assert place.entry == f"{name}/shared"
        row = layers.entries[place.entry]
        assert row.flops == 2 * BATCH * 64 * 64
        assert row.moved_bytes == (64 * 64 + 64) * FLOAT + BATCH * 2 * 64 * FLOAT


def test_layers_of_one_name_share_their_row() -> None:
    x = keras.Input((64,))
    block = Block(("proj", "proj"), name="block")
    layers = layers_in(keras.Model(x, block(x)))
    places = [layers.find_place(layer, "block") for layer in (block.a, block.b)]
    assert [place.entry for place in places if place] == ["block/proj", "block/proj"]
    assert layers.entries["block/proj"].flops == 2 * BATCH * 2 * 64 * 256


def test_what_is_within_a_users_layer_moves_what_it_is_given() -> None:
    x = keras.Input((64,))
    rows = rows_of(keras.Model(x, Block(name="block")(x)))
    assert rows["block/a"].moved_bytes == (64 * 256 + 256) * FLOAT + BATCH * (64 + 256) * FLOAT
    # Neither the weights of the layers within it nor what they hand to each other.
    assert rows["block"].moved_bytes == BATCH * (64 + 64) * FLOAT


def test_a_submodel_that_is_called_twice_is_given_two_inputs() -> None:
    given = keras.Input((64,))
    encoder = keras.Model(given, kl.Dense(128, name="h")(given), name="encoder")
    left, right = keras.Input((64,)), keras.Input((64,))
    rows = rows_of(keras.Model([left, right], [encoder(left), encoder(right)]))
    assert rows["encoder/h"].flops == 2 * 2 * BATCH * 64 * 128
    assert rows["encoder/h"].moved_bytes == (64 * 128 + 128) * FLOAT + 2 * BATCH * (64 + 128) * FLOAT


@pytest.mark.parametrize(
    ("frozen", "passes"),
    [((), (3, 3, 3)), ((0,), (1, 3, 3)), ((1,), (3, 2, 3)), ((0, 1), (1, 1, 3)), ((2,), (3, 3, 2))],
)
def test_a_frozen_layer_has_no_gradient_of_its_weights(frozen: tuple[int, ...], passes: tuple[int, ...]) -> None:
    x = y = keras.Input((32,))
    stack = [kl.Dense(32, name=f"dense{number}") for number in range(3)]
    for layer in stack:
        y = layer(y)
    model = keras.Model(x, y)
    for number in frozen:
        stack[number].trainable = False
    model.compile("sgd", "mse")
    rows = rows_of(model, "train")
    forward = 2 * BATCH * 32 * 32
    assert tuple((rows[layer.name].flops or 0) // forward for layer in stack) == passes
    assert rows_of(model)["dense0"].flops == forward
