"""Models without values."""

from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest

from anatomy.bench.counting import abstract_model, count_model


def big(units: int) -> keras.Model:
    return keras.Sequential([keras.Input((units,)), keras.layers.Dense(units), keras.layers.Dropout(0.5)])


def test_weights_take_no_memory_but_are_counted() -> None:
    tracemalloc.start()
    with abstract_model():
        # 40 TB of weights.
        counts = count_model(big(units=3_200_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counts.parameters == 3_200_000 * 3_200_001
    assert peak < 50e6


def test_later_models_are_built_as_usual() -> None:
    with abstract_model():
        big(units=3_200_000)
    # A stateless scope that ends would initialise what is still on Keras's list.
    with keras.StatelessScope():
        pass
    model = big(units=4)
    assert tuple(model(np.ones((1, 4), "float32")).shape) == (1, 4)
    assert bool(keras.ops.any(keras.ops.not_equal(model.weights[0], 0)))


def test_variables_made_from_values_keep_shape_and_type() -> None:
    with abstract_model():
        made = [keras.Variable(np.zeros((2, 3), "int32")), keras.Variable(1.5), keras.Variable("zeros", shape=(4,))]
    assert [(tuple(v.shape), v.dtype) for v in made] == [((2, 3), "int32"), ((), "float32"), ((4,), "float32")]


def compiled() -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.AdamW(use_ema=True), "mse")
    return model


def test_an_optimizer_is_built_beside_weights_without_values() -> None:
    """On TensorFlow it knows its variables by their values."""
    with abstract_model():
        model = compiled()
        model.optimizer.build(model.trainable_variables)
        counts = count_model(model)
    assert (counts.macs, counts.parameters) == (8, 10)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_compiled_model_of_a_file_is_counted(tmp_path: Path) -> None:
    model = compiled()
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "compiled.keras")
    text = model.to_json()
    for load in (
        lambda: keras.saving.load_model(tmp_path / "compiled.keras"),
        lambda: keras.models.model_from_json(text),
    ):
        with abstract_model():
            assert count_model(load()).macs == 8


@pytest.mark.long
def test_quantising_needs_no_values_that_a_backend_keeps() -> None:
    with abstract_model():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.quantize("int8")
        assert count_model(model).macs == 12
