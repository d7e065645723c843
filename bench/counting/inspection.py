"""Counts a model given as text: parse, build without weights, count."""

from __future__ import annotations

from collections.abc import Mapping

from anatomy.bench.counting.abstract_model import abstract_model
from anatomy.bench.counting.counter import InputShape, count_model
from anatomy.bench.counting.formulas import FORMULAS, Formula
from anatomy.bench.counting.model_counts import ModelCounts
from anatomy.models import build_any, parse_model


def inspect(
    model: str,
    input_shape: InputShape | None = None,
    dtype: str | None = None,
    formulas: Mapping[str, Formula] = FORMULAS,
) -> ModelCounts:
    """Count a model of the zoo or of the user.

    Args:
        model: as `parse_model` reads it: `vgg:depth=11`, `package.module:function`.
        input_shape: of one example, where the model leaves lengths open; see `count_model`.
        dtype: a Keras dtype policy to build it under; the one in effect unless given.
        formulas: MACs of Keras's own layers with kernels, by class, for another convention.

    Raises:
        ValueError: the model, its options, `input_shape` or `dtype` is wrong; says what was expected.
        TypeError: the user's function does not return a Keras model.
    """
    import keras

    spec = parse_model(model)
    before = keras.config.dtype_policy()
    if dtype is not None:
        keras.config.set_dtype_policy(dtype)
    try:
        with abstract_model():
            built = build_any(spec.model, spec.options)
            return count_model(built, input_shape, formulas)
    finally:
        keras.config.set_dtype_policy(before)
