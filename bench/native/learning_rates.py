"""Learning rates of optimizers: constant, or a schedule that depends on the number of updates so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

# Keras's schedule → its function in the programs, and the arguments of that by Keras's names for them.
_SCHEDULES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "ExponentialDecay": (
        "exponential_decay",
        {"initial": "initial_learning_rate", "steps": "decay_steps", "rate": "decay_rate", "staircase": "staircase"},
    ),
    "InverseTimeDecay": (
        "inverse_time_decay",
        {"initial": "initial_learning_rate", "steps": "decay_steps", "rate": "decay_rate", "staircase": "staircase"},
    ),
    "PolynomialDecay": (
        "polynomial_decay",
        {
            "initial": "initial_learning_rate",
            "steps": "decay_steps",
            "end": "end_learning_rate",
            "power": "power",
            "cycle": "cycle",
        },
    ),
    "PiecewiseConstantDecay": ("piecewise_constant", {"boundaries": "boundaries", "values": "values"}),
    "CosineDecay": ("cosine_decay", {"initial": "initial_learning_rate", "steps": "decay_steps", "alpha": "alpha"}),
}
# What is a rate in a schedule's configuration, and so is multiplied where training is slowed down.
_RATES = ("initial_learning_rate", "end_learning_rate", "warmup_target", "values")


@dataclass(frozen=True)
class Schedule:
    """A learning rate by the number of updates before this one.

    Attributes:
        function: its name in `jax_schedules`, `tensorflow_schedules` and `torch_schedules`.
        arguments: those after the number of updates, by name.
    """

    function: str
    arguments: Mapping[str, Any]

    def expression(self, updates: str) -> str:
        """The call, given the expression of the number of updates."""
        return f"{self.function}({updates}, {', '.join(f'{name}={value}' for name, value in self.arguments.items())})"


def learning_rate(optimizer: Any) -> float | Schedule:
    """That of a Keras optimizer.

    Raises:
        NotImplementedError: its schedule is not translated; the message names it.
    """
    import keras

    given = optimizer._learning_rate
    if isinstance(given, keras.Variable):
        # Keras holds it in float32.
        return float(f"{optimizer.get_config()['learning_rate']:.7g}")
    name = type(given).__name__
    if type(given) is not getattr(keras.optimizers.schedules, name, None) or name not in _SCHEDULES:
        what = f"schedule {name}" if isinstance(given, keras.optimizers.schedules.LearningRateSchedule) else "function"
        raise NotImplementedError(
            f"the learning rate's {what} is not translated; translated are {', '.join(_SCHEDULES)}"
        )
    config = given.get_config()
    _require_floats(name, config)
    function, names = _SCHEDULES[name]
    arguments = {argument: _plain(config[own]) for argument, own in names.items()}
    if config.get("warmup_target") is not None:
        function = f"warm_{function}"
        arguments |= {"target": _plain(config["warmup_target"]), "warm_up": _plain(config["warmup_steps"])}
    return Schedule(function, arguments)


def slow_down(optimizer: Any, share: float) -> None:
    """Multiply the learning rate of a Keras optimizer, at every step of a schedule."""
    import keras

    if share == 1:
        return
    given = optimizer._learning_rate
    if isinstance(given, keras.Variable):
        optimizer.learning_rate = float(optimizer.get_config()["learning_rate"]) * share
        return
    config = given.get_config()
    slower = {name: _times(config[name], share) for name in _RATES if config.get(name) is not None}
    optimizer._learning_rate = type(given).from_config(config | slower)


def _require_floats(name: str, config: Mapping[str, Any]) -> None:
    """Make sure that Keras computes in floats: it takes the dtype of the first rate."""
    for option in ("initial_learning_rate", "values"):
        rates = _plain(config.get(option, 0.0))
        if any(isinstance(rate, int) for rate in (rates if isinstance(rates, list) else [rates])):
            raise NotImplementedError(
                f"{name} has an integer in {option}, so that Keras computes the learning rate in integers;"
                " write 0.0 for 0"
            )


def _times(rate: Any, share: float) -> Any:
    rates = _plain(rate)
    return [one * share for one in rates] if isinstance(rates, list) else rates * share


def _plain(value: Any) -> Any:
    """Literals: schedules may be given numpy's numbers and arrays."""
    return np.asarray(value).tolist()
