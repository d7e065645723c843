"""How a layer is called: the dtype of its inputs, and the method that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from anatomy.bench.counting.interpreter_state import InterpreterState


def converted(state: InterpreterState, layer: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments with floating tensors in the dtype that the layer reads, as Keras's autocasting gives them."""

    def cast(value: Any) -> Any:
        floating = isinstance(value, keras.KerasTensor) and "float" in value.dtype
        if not floating or "float" not in layer.input_dtype or value.dtype == layer.input_dtype:
            return value
        result = keras.KerasTensor(value.shape, dtype=layer.input_dtype)
        state.cast(layer, value, result)
        return result

    if layer.autocast and layer._convert_input_args:
        return keras.tree.map_structure(cast, (args, kwargs))  # type: ignore[no-any-return]
    return args, kwargs


def run(layer: Any) -> Callable[..., Any]:
    """The method that Keras runs for a call: another one for a layer whose weights are quantised."""
    is_quantised = getattr(layer, "quantization_mode", None) is not None
    return layer.quantized_call if is_quantised else layer.call  # type: ignore[no-any-return]
