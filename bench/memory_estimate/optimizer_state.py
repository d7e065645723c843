"""What an optimizer keeps for each variable, found by building it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import keras

from anatomy.bench.memory_estimate.recorder import variable_bytes


def slot_bytes(optimizer: Any, variables: Sequence[Any]) -> tuple[int, list[int] | None]:
    """Bytes of all variables that an optimizer makes for `variables`, and of those it makes for each.

    The optimizer is built for all of them (which it must not be yet), and a copy of it for each of them alone. The
    latter is null where its configuration does not give a copy.
    """
    before = {id(variable) for variable in optimizer.variables}
    with _on_shapes():
        optimizer.build(list(variables))
    total = sum(variable_bytes(variable) for variable in optimizer.variables if id(variable) not in before)
    try:
        copies = _copies(optimizer, len(variables))
    except (NotImplementedError, TypeError):
        return total, None
    with _on_shapes():
        return total, [_alone(copy, variable) for copy, variable in zip(copies, variables, strict=True)]


def _copies(optimizer: Any, count: int) -> list[Any]:
    """Of the optimizer as it was configured, none of them built."""
    with warnings.catch_warnings():
        # Reading the learning rate, Keras 3.15 on JAX meets numpy 2 with the older `__array__`.
        warnings.simplefilter("ignore", DeprecationWarning)
        return [type(optimizer).from_config(optimizer.get_config()) for _ in range(count)]


@contextmanager
def _on_shapes() -> Iterator[None]:
    """Within the block optimizers tell variables apart by themselves, not (as on TensorFlow) by values they lack."""
    with mock.patch.object(keras.optimizers.Optimizer, "_var_key", lambda _, variable: id(variable)):
        yield


def _alone(optimizer: Any, variable: Any) -> int:
    before = {id(one) for one in optimizer.variables}
    optimizer.build([variable])
    return sum(variable_bytes(one) for one in optimizer.variables if id(one) not in before)
