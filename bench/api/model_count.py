"""Count a model: parameters, MACs, layers. Nothing is measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anatomy.bench.counting import ModelCounts, count_model, inspect
from anatomy.bench.workload.own_data import shapes_of_data
from anatomy.models import check_model, parse_model

if TYPE_CHECKING:
    from anatomy.bench.counting.counter import InputShape


def count(model: str | Any, *, input_shape: InputShape | None = None) -> ModelCounts:
    """Count parameters, MACs, FLOPs, layers and activations of a model, per example and forward pass.

    Args:
        model: as on the command line (`"vgg:depth=16"`), or a live `keras.Model`. A model given as text is built
            without weights.
        input_shape: shape of one example, for a model that leaves lengths open; for several inputs a dictionary by
            name, or by place (`text/ids`). Where a builder returned data beside its model, theirs unless given.

    Raises:
        ValueError: no such model, or an input whose shape is open.
    """
    if not isinstance(model, str | Path):
        counted: ModelCounts = count_model(model, input_shape)
        return counted
    spec = parse_model(str(model))
    check_model(spec.model, spec.options, Path.cwd())
    counts: ModelCounts = inspect(str(model), input_shape, data_shapes=shapes_of_data)
    return counts
