"""What an optimizer keeps for each variable, found by building it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import keras

from anatomy.bench.memory_estimate.shape_trace import variable_bytes

# What every optimizer has before it is built: two numbers, no state of a variable.
_OWN = ("iteration", "learning_rate")


def slot_bytes(optimizer: Any, variables: Sequence[Any]) -> tuple[int, list[int] | None]:
    """Bytes of all variables that an optimizer makes for `variables`, and of those it makes for each.

    Fresh copies of the optimizer are built: one for all of them, and one for each alone, so that it does not matter
    whether it is built itself. Where its configuration gives no copy, the latter is null.
    """
    try:
        whole, *each = _copies(optimizer, 1 + len(variables))
    except (NotImplementedError, TypeError):
        return _own_bytes(optimizer, variables), None
    with _on_shapes():
        return _made_for(whole, variables), [_made_for(one, [v]) for one, v in zip(each, variables, strict=True)]


def _own_bytes(optimizer: Any, variables: Sequence[Any]) -> int:
    """What an optimizer that cannot be copied has made, or makes."""
    if optimizer.built:
        return sum(variable_bytes(variable) for variable in optimizer.variables if variable.name not in _OWN)
    with _on_shapes():
        return _made_for(optimizer, variables)


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


def _made_for(optimizer: Any, variables: Sequence[Any]) -> int:
    """Bytes of what building the optimizer adds to its variables."""
    before = {id(one) for one in optimizer.variables}
    optimizer.build(list(variables))
    return sum(variable_bytes(one) for one in optimizer.variables if id(one) not in before)
