"""Python expressions for Keras objects: what one would write by hand to make the same object.

`keras.layers.Dense(…)` has ten arguments and a script needs two: an argument is left out where the
object would be the same without it. Each expression is evaluated once and its configuration compared.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Why a network that is held has no script.
OWN_NETWORK = "the network is {what} of the user's own, which a loop of their own runs as it is; no script is written"


class InexpressibleError(ValueError):
    """No expression makes this object: not Keras's own, or not what its arguments say."""


def construct(made: Any, names: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The class's public name and the arguments that make a Keras object like `made`.

    Args:
        made: a layer, an optimizer, a loss, …: anything with `get_config`.
        names: what an expression may use besides `keras` and `layers`: the script's own classes.

    Raises:
        InexpressibleError: there is no such call.
    """
    kind = type(made)
    path, public = (kind.__name__, kind) if names.get(kind.__name__) is kind else _public(kind)
    config = _config(made)
    positional = _required(public)
    if any(name not in config for name in positional):
        raise InexpressibleError(f"{path} does not say its {', '.join(positional)}")
    kept = _without_defaults(public, config, positional)
    for _ in range(2):
        arguments = _arguments(kept, positional, names)
        remade = _evaluated(f"{path}({', '.join(arguments)})", names)
        differing = [name for name, value in config.items() if _config(remade).get(name, ...) != value]
        if type(remade) is kind and not differing:
            return path, arguments
        # A default may follow another argument, as a pool's strides follow its size.
        kept |= {name: config[name] for name in differing}
    raise InexpressibleError(f"{path}({', '.join(arguments)}) is not the same as the model's")


def _arguments(kept: Mapping[str, Any], positional: Sequence[str], names: Mapping[str, Any]) -> list[str]:
    """In the order of the configuration, the name last."""
    keywords = sorted((name for name in kept if name not in positional), key=lambda name: name == "name")
    return [
        *(expression(kept[name], names) for name in positional),
        *(f"{name}={expression(kept[name], names)}" for name in keywords),
    ]


def expression(value: Any, names: Mapping[str, Any]) -> str:
    """A Python expression for a value of a configuration, as `keras.saving.serialize_keras_object` gives it."""
    if isinstance(value, dict) and "class_name" in value and "config" in value:
        return _object(value, names)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{expression(k, names)}: {expression(v, names)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(expression(item, names) for item in value) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(expression(item, names) for item in value) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, bool | int):
        return repr(value)
    if isinstance(value, float):
        return _number(value)
    raise InexpressibleError(f"{value!r} is not part of a configuration")


def _object(serialised: Mapping[str, Any], names: Mapping[str, Any]) -> str:
    import keras

    if serialised.get("class_name") == "DTypePolicy":
        return json.dumps(serialised["config"]["name"])
    if not str(serialised["module"]).startswith("keras") or not isinstance(serialised["config"], dict):
        raise InexpressibleError(f"{serialised['class_name']} is not Keras's own")
    path, arguments = construct(keras.saving.deserialize_keras_object(dict(serialised)), names)
    return f"{path}({', '.join(arguments)})"


def _without_defaults(kind: type, config: Mapping[str, Any], positional: Sequence[str]) -> dict[str, Any]:
    """The entries that an object made of the positional arguments alone would not have."""
    make: Any = kind
    try:
        plain = _config(make.from_config({name: config[name] for name in positional}))
    except KeyError as error:
        raise InexpressibleError(f"{kind.__name__}.from_config wants {error} as well") from error
    always = (*positional, "learning_rate")
    return {name: v for name, v in config.items() if name in always or name not in plain or plain[name] != v}


def _config(made: Any) -> dict[str, Any]:
    """The configuration. Only of layers does the name matter: outputs and losses go by it."""
    import keras

    config: dict[str, Any] = dict(made.get_config())
    if not isinstance(made, keras.layers.Layer):
        config.pop("name", None)
    if isinstance(config.get("learning_rate"), float):
        # Kept as float32 and read back as its double: 0.01 and not 0.009999999776482582.
        config["learning_rate"] = float(str(np.float32(config["learning_rate"])))
    return config


def _number(value: float) -> str:
    return repr(value) if np.isfinite(value) else f'float("{value}")'


def _public(kind: type) -> tuple[str, type]:
    """`layers.Dense`, `keras.optimizers.SGD`: how the public modules name it; a backend may have its own subclass."""
    import keras

    schedules = keras.optimizers.schedules
    if kind is getattr(schedules, kind.__name__, None):
        return f"keras.optimizers.schedules.{kind.__name__}", kind
    for module in ("layers", "optimizers", "losses", "metrics", "initializers", "regularizers", "constraints"):
        public = getattr(getattr(keras, module), kind.__name__, None)
        if isinstance(public, type) and issubclass(kind, public) and kind.__module__.startswith("keras."):
            return f"layers.{kind.__name__}" if module == "layers" else f"keras.{module}.{kind.__name__}", public
    raise InexpressibleError(f"{kind.__module__}.{kind.__qualname__} is not one of Keras's public classes")


def _required(kind: type) -> list[str]:
    """Names of the arguments without a default."""
    return [
        name
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is parameter.empty
    ]


def _evaluated(text: str, names: Mapping[str, Any]) -> Any:
    """The object that an expression of this module makes: names of classes, and literals."""
    import keras

    try:
        return eval(text, {"__builtins__": {"float": float}, "keras": keras, "layers": keras.layers, **names})
    except (TypeError, ValueError) as error:
        raise InexpressibleError(f"{text}: {error}") from error
