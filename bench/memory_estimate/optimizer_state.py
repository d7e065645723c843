"""What an optimizer keeps for its variables, found by building it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from anatomy.bench.counting.abstract_model import optimizers_on_shapes
from anatomy.bench.counting.shapes import variable_bytes
from anatomy.bench.workload.compile_model import optimizer_bytes


def slot_bytes(optimizer: Any, variables: Sequence[Any]) -> int:
    """Bytes of what an optimizer keeps for all `variables`.

    A fresh copy of the optimizer is built, so the optimizer itself may be built or not.
    """
    with optimizers_on_shapes():
        try:
            made = _copy(optimizer)
        except (NotImplementedError, TypeError):
            # Its configuration gives no copy.
            if optimizer.built:
                return optimizer_bytes(optimizer)
            made = optimizer
        before = {id(one) for one in made.variables}
        made.build(list(variables))
        return sum(variable_bytes(one) for one in made.variables if id(one) not in before)


def _copy(optimizer: Any) -> Any:
    with warnings.catch_warnings():
        # Reading the learning rate, Keras 3.15 on JAX meets numpy 2 with the older `__array__`.
        warnings.simplefilter("ignore", DeprecationWarning)
        return type(optimizer).from_config(optimizer.get_config())
