"""The outline of a model says what its layers are and how they are set."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from anatomy.bench.regression_gate.structural_changes import structural_changes
from anatomy.bench.workload.model_outline import outline_model


def network(*, kernel: int = 3, normalised: bool = False, rate: float = 0.1, nested_units: int = 4) -> Any:
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, kernel, padding="same", name="dec1")(image)
    if normalised:
        x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(rate)(keras.layers.Flatten()(x))
    head = keras.Sequential([keras.layers.Dense(nested_units), keras.layers.Dense(2)], name="head")
    return keras.Model(image, head(x))


def test_layers_settings_and_weights() -> None:
    found = {layer.name: layer for layer in outline_model(network())}
    assert found["dec1"].type == "Conv2D"
    assert found["dec1"].settings["kernel_size"] == "3×3"
    assert found["dec1"].settings["dtype"] == "float32"
    assert found["dec1"].weights == {"kernel": "3×3×3×4", "bias": "4"}
    assert found["head"].weights == {}
    dense = [layer for name, layer in found.items() if name.startswith("head/")]
    assert [layer.weights["kernel"] for layer in dense if layer.type == "Dense"] == ["256×4", "4×2"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"kernel": 5}, ["dec1: kernel_size 3×3 → 5×5"]),
        ({"normalised": True}, ["+ {batch_normalization} (BatchNormalization)"]),
        ({"rate": 0.5}, ["{dropout}: rate 0.1 → 0.5"]),
        ({"nested_units": 6}, ["head/{dense}: units 4 → 6", "head/{dense_1}: weights kernel 4×2 → 6×2"]),
    ],
)
def test_what_two_builds_differ_in(changes: dict[str, Any], said: list[str]) -> None:
    base = outline_model(network())
    keras.utils.clear_session(free_memory=False)
    made = outline_model(network(**changes))
    names = {layer.name.rpartition("/")[2] for layer in made}
    expected = [line.format_map({name: name for name in names}) for line in said]
    assert structural_changes(base, made) == expected


def test_layers_that_cannot_say_how_they_are_set_are_outlined() -> None:
    class Silent(keras.layers.Dense):  # type: ignore[misc, unused-ignore]
        def get_config(self) -> dict[str, Any]:
            raise ValueError("no configuration")

    *_, layer = outline_model(keras.Sequential([keras.Input((3,)), Silent(5)]))
    assert (layer.type, layer.weights) == ("Silent", {"kernel": "3×5", "bias": "5"})


@pytest.mark.long
def test_a_layer_with_contents_has_weights_of_its_own() -> None:
    class Tokens(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
        def __init__(self, places: int) -> None:
            super().__init__(name="tokens")
            self.inner = keras.layers.Dense(4)
            self.places = places

        def get_config(self) -> dict[str, Any]:
            return {}

        def build(self, shape: Any) -> None:
            self.table = self.add_weight(shape=(self.places, 4), name="table")
            self.inner.build(shape)
            self.built = True

        def call(self, x: Any) -> Any:
            return self.inner(x) + self.table

    base, larger = (outline_model(keras.Sequential([keras.Input((places, 3)), Tokens(places)])) for places in (16, 64))
    assert "tokens: weights table 16×4 → 64×4" in structural_changes(base, larger)


def test_what_is_no_keras_model_has_no_outline(capsys: pytest.CaptureFixture[str]) -> None:
    assert outline_model(object()) == []
    assert "AttributeError" in capsys.readouterr().err
