"""The lines that compile a model as it was compiled: optimizer, losses, weights, jit as it was resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anatomy.bench.script.code_layout import call
from anatomy.bench.script.expression import expression

_DEFAULTS: Mapping[str, Any] = {
    "loss_weights": None,
    "metrics": None,
    "weighted_metrics": None,
    "run_eagerly": False,
    "steps_per_execution": 1,
}


def compile_lines(model: Any, trains: bool) -> list[str]:
    """Code that compiles `model`; without its training, only what prediction uses.

    Raises:
        InexpressibleError: an optimizer, loss or metric that is not Keras's own.
    """
    given = model.get_compile_config() | {"steps_per_execution": model.steps_per_execution}
    arguments = ["optimizer", _repeated(given["loss"])] if trains else []
    arguments += [
        f"{name}={_repeated(given[name])}"
        for name, default in _DEFAULTS.items()
        if given.get(name) != default and (trains or name in ("run_eagerly", "steps_per_execution"))
    ]
    arguments.append(f"jit_compile={model.jit_compile}")
    if trains and _loss_scaling_declined(model):
        arguments.append("auto_scale_loss=False")
    optimizer = [f"optimizer = {expression(given['optimizer'], {})}"] if trains else []
    return [*optimizer, *call("model.compile(", arguments)]


def _repeated(value: Any) -> str:
    """An expression; a list of several equal items as a product."""
    if isinstance(value, list) and len(value) > 1 and all(item == value[0] for item in value):
        return f"[{expression(value[0], {})}] * {len(value)}"
    return expression(value, {})


def _loss_scaling_declined(model: Any) -> bool:
    import keras

    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    return bool(model.dtype_policy.name == "mixed_float16" and not scaled)
