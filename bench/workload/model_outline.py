"""The outline of a Keras model, from the layers' own configurations."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from anatomy.bench.records.layer_outline import LayerOutline

# The layer's name and weights say these.
_LEFT_OUT = ("name", "dtype", "batch_shape", "build_config", "registered_name")


def outline_model(model: Any) -> list[LayerOutline]:
    """Every layer within a model in its order, a layer before its contents; empty where the layers cannot be walked."""
    try:
        return list(_outlines(model, ()))
    except Exception:  # noqa: BLE001  # a user's layer may raise anything; the case is measured all the same
        traceback.print_exc()
        return []


def _outlines(layer: Any, path: tuple[str, ...]) -> Iterator[LayerOutline]:
    for inner in layer._flatten_layers(recursive=False, include_self=False):
        place = (*path, inner.name)
        contents = list(_outlines(inner, place))
        # The layers within list their own weights.
        within = {id(weight) for part in inner._flatten_layers(include_self=False) for weight in part.weights}
        own = {weight.name: _text(tuple(weight.shape)) for weight in inner.weights if id(weight) not in within}
        yield LayerOutline(name="/".join(place), type=type(inner).__name__, settings=_settings(inner), weights=own)
        yield from contents


def _settings(layer: Any) -> dict[str, str]:
    """What the layer's configuration says in numbers, words and tuples of them."""
    try:
        config: Mapping[str, Any] = layer.get_config()
    except Exception:  # noqa: BLE001  # most layers of users have none
        return {}
    found = {key: _text(value) for key, value in config.items() if key not in _LEFT_OUT and _is_plain(value)}
    policy = getattr(getattr(layer, "dtype_policy", None), "name", None)
    return found | ({"dtype": policy} if policy else {})


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) > 0 and all(isinstance(one, (bool, int, float, str, type(None))) for one in value)
    return isinstance(value, (bool, int, float, str))


def _text(value: Any) -> str:
    """`3×3` of a tuple of numbers; else the value as Python writes it."""
    if isinstance(value, (list, tuple)):
        return "×".join(map(str, value)) or "one value"
    return str(value)
