"""What Keras does before a layer's `call`: casting inputs and building."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from anatomy.bench.counting.interpreter_state import InterpreterState
from anatomy.bench.counting.layer_counts import symbolic_tensors


def converted(state: InterpreterState, layer: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments with floating tensors in the layer's compute dtype, as Keras's autocasting gives them."""

    def cast(value: Any) -> Any:
        floating = isinstance(value, keras.KerasTensor) and "float" in value.dtype
        if not floating or "float" not in layer.compute_dtype or value.dtype == layer.compute_dtype:
            return value
        result = keras.KerasTensor(value.shape, dtype=layer.compute_dtype)
        state.cast(layer, value, result)
        return result

    if getattr(layer, "autocast", False):
        return keras.tree.map_structure(cast, (args, kwargs))  # type: ignore[no-any-return]
    return args, kwargs


def build_for(state: InterpreterState, layer: Any, args: Any, kwargs: Any) -> None:
    """Create the weights of a layer that is called for the first time.

    A layer or model that inherits `build` needs no call of it: its sublayers are built when they are called.
    """
    generic = (keras.Layer.build, keras.Model.build, keras.Sequential.build)
    if layer.built or type(layer).build in generic:
        return
    bound = inspect.signature(layer.call).bind_partial(*args, **kwargs).arguments
    tensors = {name: value for name, value in bound.items() if symbolic_tensors(value)}
    shapes = [keras.tree.map_structure(lambda tensor: tensor.shape, value) for value in tensors.values()]
    wanted = list(inspect.signature(type(layer).build).parameters)[1:]
    with state.set_visiting(False):
        if len(wanted) == 1:
            layer.build(shapes[0])
        else:
            named = {f"{name}_shape": shape for name, shape in zip(tensors, shapes, strict=True)}
            layer.build(**{name: shape for name, shape in named.items() if name in wanted})
