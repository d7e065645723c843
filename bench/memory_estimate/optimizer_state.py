"""What an optimizer keeps for each variable, found by building it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from anatomy.bench.counting.abstract_model import optimizers_on_shapes
from anatomy.bench.counting.shapes import variable_bytes
from anatomy.bench.workload.compile_model import optimizer_bytes


def slot_bytes(optimizer: Any, variables: Sequence[Any]) -> tuple[int, list[int] | None]:
    """Bytes of what an optimizer keeps for all `variables`, and for each of them.

    Fresh copies of the optimizer are built, one for all variables and one for each, so the optimizer itself may be
    built or not. The second value is `None` for an optimizer whose configuration gives no copy.
    """
    with optimizers_on_shapes():
        try:
            whole, *each = _copies(optimizer, 1 + len(variables))
        except (NotImplementedError, TypeError):
            return optimizer_bytes(optimizer) if optimizer.built else _made_for(optimizer, variables), None
        return _made_for(whole, variables), [_made_for(one, [v]) for one, v in zip(each, variables, strict=True)]


def _copies(optimizer: Any, count: int) -> list[Any]:
    """Unbuilt optimizers with the configuration of this one."""
    with warnings.catch_warnings():
        # Reading the learning rate, Keras 3.15 on JAX meets numpy 2 with the older `__array__`.
        warnings.simplefilter("ignore", DeprecationWarning)
        return [type(optimizer).from_config(optimizer.get_config()) for _ in range(count)]


def _made_for(optimizer: Any, variables: Sequence[Any]) -> int:
    """Bytes of what building the optimizer adds to its variables."""
    before = {id(one) for one in optimizer.variables}
    optimizer.build(list(variables))
    return sum(variable_bytes(one) for one in optimizer.variables if id(one) not in before)
