"""Counts a model given as text: parse, build without weights, count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import keras

from anatomy.bench.counting.abstract_model import abstract_model, dtype_policy
from anatomy.bench.counting.counter import (
    InputShape,
    by_input_name,
    count_model,
    formula_of_open_length,
    needs_shape,
)
from anatomy.bench.counting.model_counts import ModelCounts
from anatomy.bench.counting.open_inputs import build_closed
from anatomy.models import build_with_data, parse_model

# The shapes of the inputs of a model in data that its builder returned beside it.
DataShapes = Callable[[Any, Any], InputShape]


@dataclass(frozen=True)
class Inspected:
    """What was counted.

    Attributes:
        counts: the figures.
        input_shape: of one example, as given, else that of the data that came with the model; `None` without either.
    """

    counts: ModelCounts
    input_shape: InputShape | None


def inspect(
    model: str,
    input_shape: InputShape | None = None,
    dtype: str | None = None,
    data_shapes: DataShapes | None = None,
) -> ModelCounts:
    """Count a model of the zoo or of the user.

    Args:
        model: as `parse_model` reads it: `vgg:depth=11`, `package.module:function`.
        input_shape: of one example, where the model leaves lengths open; see `count_model`. For several inputs by
            their place in the structure that the model takes, `text/ids`, or by name.
        dtype: a Keras dtype policy to build it under; the one in effect unless given.
        data_shapes: finds the shapes in data that came with the model, where `input_shape` gives none.

    Raises:
        ValueError: the model, its options, `input_shape` or `dtype` is wrong; says what was expected.
        TypeError: the user's function does not return a Keras model.
    """
    return inspect_with_shape(model, input_shape, dtype, data_shapes).counts


def inspect_with_shape(
    model: str, input_shape: InputShape | None, dtype: str | None, data_shapes: DataShapes | None
) -> Inspected:
    """Count a model as `inspect` does; say for which shapes, and give a formula where a length is open."""
    spec = parse_model(model)
    with dtype_policy(dtype), abstract_model(), _whole_tracebacks():
        built = build_closed(lambda: build_with_data(spec.model, spec.options), input_shape)
        shape = None if input_shape is None else by_input_name(built.model, input_shape)
        if shape is None and built.data is not None and data_shapes is not None and needs_shape(built.model):
            shape = data_shapes(built.model, built.data)
        counts = count_model(built.model, shape)
        if counts.is_open:
            counts = replace(counts, macs_formula=formula_of_open_length(built.model, shape))
    return Inspected(counts, shape)


@contextmanager
def _whole_tracebacks() -> Iterator[None]:
    """Within the block, errors keep the message that they were raised with, and the place."""
    filtered = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        if filtered:
            keras.config.enable_traceback_filtering()
