"""Weights divided between devices: `keras.distribution.ModelParallel` and the layout of each weight.

Source: https://keras.io/guides/distribution/#modelparallel-and-layoutmap. The device mesh has the axes `batch` and
`model`. The user may give a layout map. Without one, every weight of two axes or more is divided along its last axis,
that of a layer's outputs, as Shoeybi et al. 2019 (Megatron-LM, section 3) divide the first of two matrix products.
Vectors, and weights whose last axis does not divide, are replicated on each device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

BATCH, MODEL = "batch", "model"


class DividedByOutputs(keras.distribution.ModelParallel):  # type: ignore[misc]  # keras has no types
    """`ModelParallel` that lays weights out by their shape instead of by their name."""

    def get_variable_layout(self, variable: Any) -> Any:
        """The layout of a weight, or of an optimizer's variable for it."""
        if getattr(variable, "_layout", None) is not None:
            return variable._layout
        shape = tuple(variable.shape)
        axes: list[str | None] = [None] * len(shape)
        if len(shape) > 1 and shape[-1] % self.device_mesh.shape[1] == 0:
            axes[-1] = MODEL
        return keras.distribution.TensorLayout(axes, self.device_mesh)


def model_parallel_distribution(devices: Sequence[str], split: int, layout_map: str) -> Any:
    """The Keras distribution over `devices` in which `split` devices share each copy of the weights.

    Args:
        layout_map: `package.module:function` that returns a `keras.distribution.LayoutMap`; empty for the default.

    Raises:
        ValueError: there is no such function, or it returns something else.
    """
    mesh = keras.distribution.DeviceMesh((len(devices) // split, split), (BATCH, MODEL), list(devices))
    if not layout_map:
        return DividedByOutputs(layout_map=keras.distribution.LayoutMap(mesh), batch_dim_name=BATCH)
    from anatomy.models import resolve_user_function

    found = resolve_user_function(layout_map)(mesh)
    if not isinstance(found, keras.distribution.LayoutMap):
        raise ValueError(
            f"{layout_map} returned {type(found).__name__}; it must take a keras.distribution.DeviceMesh with the axes"
            f" {BATCH} and {MODEL} and return a keras.distribution.LayoutMap"
        )
    return keras.distribution.ModelParallel(layout_map=found, batch_dim_name=BATCH)


def shared_weights(model: Any) -> float:
    """Fraction of the trainable weights, by bytes, that is divided between devices."""
    sizes = [(v.value.nbytes, v.value.sharding.is_fully_replicated) for v in model.trainable_variables]
    whole = sum(size for size, _ in sizes)
    return sum(size for size, replicated in sizes if not replicated) / whole if whole else 0.0
