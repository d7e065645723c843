"""Counts a model given as text: parse, build without weights, count."""

from __future__ import annotations

from anatomy.bench.counting.abstract_model import abstract_model, dtype_policy
from anatomy.bench.counting.counter import InputShape, count_model
from anatomy.bench.counting.model_counts import ModelCounts
from anatomy.models import build_any, parse_model


def inspect(
    model: str,
    input_shape: InputShape | None = None,
    dtype: str | None = None,
) -> ModelCounts:
    """Count a model of the zoo or of the user.

    Args:
        model: as `parse_model` reads it: `vgg:depth=11`, `package.module:function`.
        input_shape: of one example, where the model leaves lengths open; see `count_model`.
        dtype: a Keras dtype policy to build it under; the one in effect unless given.

    Raises:
        ValueError: the model, its options, `input_shape` or `dtype` is wrong; says what was expected.
        TypeError: the user's function does not return a Keras model.
    """
    spec = parse_model(model)
    with dtype_policy(dtype), abstract_model():
        return count_model(build_any(spec.model, spec.options), input_shape)
