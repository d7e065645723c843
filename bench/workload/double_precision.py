"""A model in float64, for comparisons that the rounding of float32 would decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

DOUBLE = "float64"


@contextmanager
def double_precision() -> Iterator[None]:
    """Within the block, Keras and its backend compute in float64 where no other dtype is named."""
    import keras
    from keras.src.backend.common import dtypes

    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(DOUBLE)
    keras.config.set_dtype_policy(DOUBLE)
    try:
        # Keras says float32 for float64 with any other dtype, as in batch normalisation.
        with patch.dict(dtypes.BIT64_TO_BIT32_DTYPE, {DOUBLE: DOUBLE}), _framework_in_double(keras.backend.backend()):
            yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


@contextmanager
def _framework_in_double(backend: str) -> Iterator[None]:
    if backend == "jax":
        import jax

        with jax.enable_x64(True):
            yield
    elif backend == "torch":
        import torch

        default = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(default)
    else:
        yield


def widen(model: Any) -> None:
    """Turn the float32 that a model names, as the layers of a file do, into float64: weights, layers and graph."""
    for layer in model._flatten_layers():
        if layer.compute_dtype == layer.variable_dtype == "float32":
            layer.dtype_policy = DOUBLE
        # An input layer's own, to which a sequential model casts what it is given.
        if vars(layer).get("_dtype") == "float32":
            layer._dtype = DOUBLE
        for tensor, operation in _graph(layer):
            if tensor.dtype == "float32":
                tensor._dtype = DOUBLE
            # A layer's follows its policy.
            if vars(operation).get("dtype") == "float32":
                operation.dtype = DOUBLE
    for variable in model.variables:
        if variable.dtype == "float32":
            _widen_variable(variable)


def _graph(layer: Any) -> Iterable[tuple[Any, Any]]:
    """The symbolic tensors of a functional or sequential model, each with the operation that returns it."""
    by_depth = getattr(getattr(layer, "_functional", None) or layer, "_nodes_by_depth", {})
    return [(tensor, node.operation) for nodes in by_depth.values() for node in nodes for tensor in node.outputs]


def _widen_variable(variable: Any) -> None:
    import keras

    variable._dtype = DOUBLE
    if keras.backend.backend() == "torch":
        # The parameter stays, which its layer has registered.
        variable.value.data = variable.value.data.double()
    else:
        variable._initialize(np.asarray(variable.value, DOUBLE))
