"""The inputs of a model in its own structure: what is open, unknown or wrong is named with what to give."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from anatomy.bench.workload.model_inputs import ModelInput, input_leaves, model_inputs
from tests.data import users_models


def named(structure: Any) -> dict[str, tuple[tuple[int, ...], str]]:
    return {leaf.path: (leaf.shape, leaf.dtype) for leaf in input_leaves(structure)}


def test_a_structure_is_kept_with_its_names() -> None:
    found = model_inputs(users_models.nested(), 4, {})
    assert isinstance(found["images"], list)
    image = (4, 8, 8, 3), "uint8"
    assert named(found) == {"age": ((4,), "float32"), "images/0": image, "images/1": image}


@pytest.mark.parametrize("given", [{"": "40"}, {"words": "40"}])
def test_an_open_length_is_given_by_name_or_as_the_only_one(given: dict[str, str]) -> None:
    found: ModelInput = model_inputs(users_models.open_text(), 4, given)
    assert (found.path, found.shape, found.dtype) == ("", (4, 40), "int32")


def test_items_of_a_list_go_by_their_own_names() -> None:
    a, b = keras.Input((3,), name="left"), keras.Input((5,))
    model = keras.Model([a, b], keras.layers.Concatenate()([a, b]))
    assert list(named(model_inputs(model, 2, {}))) == ["left", "1"]


def test_an_undeclared_structure_is_made_of_what_is_given() -> None:
    model = users_models.subclassed()
    found = model_inputs(model, 2, {"ids": "12:int32", "image/left": "8x8x3"})
    assert named(found) == {"ids": ((2, 12), "int32"), "image/left": ((2, 8, 8, 3), "float32")}
    assert set(found["image"]) == {"left"}
    assert named(model_inputs(model, 2, {"0": "3", "1": "4"})) == {"0": ((2, 3), "float32"), "1": ((2, 4), "float32")}


def test_a_model_that_was_built_knows_its_shape() -> None:
    model = users_models.Autoencoder()
    model.build((None, 16))
    assert named(model_inputs(model, 2, {})) == {"": ((2, 16), "float32")}


@pytest.mark.parametrize(
    ("model", "given", "kind", "said"),
    [
        (users_models.open_text, {}, NotImplementedError, "is open: .*--input-shape 128, or return the data with"),
        (users_models.subclassed, {}, NotImplementedError, "does not declare its inputs: give --input-shape"),
        (users_models.open_text, {"tokens": "40"}, ValueError, "no input 'tokens'; its inputs are words"),
        (users_models.open_text, {"words": "40x2"}, ValueError, r"40x2 does not fit input 'words' .*, which takes \?"),
        (users_models.two_towers, {"": "3"}, ValueError, "has 2 inputs, so name the one; its inputs are item, user"),
        (users_models.two_towers, {"user": "3"}, ValueError, "3 does not fit input 'user' .*, which takes 1"),
    ],
)
def test_what_is_missing_or_wrong_is_said(model: Any, given: dict[str, str], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        model_inputs(model(), 2, given)


def test_a_batch_size_that_is_built_in_is_named() -> None:
    model = keras.Sequential([keras.Input(batch_shape=(4, 3)), keras.layers.Dense(2)])
    with pytest.raises(NotImplementedError, match="fixed to 4; measure it with --batch-size 4"):
        model_inputs(model, 32, {})
