"""Layers without weights that Keras lacks: ResNet's padded shortcut, a flip in time, positions of maxima."""

from typing import Any

import keras
from keras import ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="anatomy")  # type: ignore[untyped-decorator,unused-ignore]
class ZeroPadShortcut(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Take every `stride`-th pixel and add zero channels on both sides, up to `filters`.

    (N, H, W, C) → (N, ⌈H/stride⌉, ⌈W/stride⌉, filters).
    Source: He et al. (2015), section 3.3, option A.
    """

    def __init__(self, filters: int, stride: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.stride = filters, stride

    def call(self, inputs: Any) -> Any:
        """Subsample the pixels and pad the channels."""
        missing = self.filters - inputs.shape[-1]
        before = missing // 2
        kept = inputs[:, :: self.stride, :: self.stride, :]
        return ops.pad(kept, [(0, 0), (0, 0), (0, 0), (before, missing - before)])

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape after subsampling and padding."""
        batch, height, width, _ = input_shape
        return (batch, self._subsampled(height), self._subsampled(width), self.filters)

    def _subsampled(self, size: int | None) -> int | None:
        return None if size is None else -(-size // self.stride)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "filters": self.filters, "stride": self.stride}


@keras.saving.register_keras_serializable(package="anatomy")  # type: ignore[untyped-decorator,unused-ignore]
class FlipTime(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Reverse the order of the steps: (N, T, C) → (N, T, C)."""

    def call(self, inputs: Any) -> Any:
        """Reverse the second axis."""
        return ops.flip(inputs, axis=1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the input."""
        return input_shape


@keras.saving.register_keras_serializable(package="anatomy")  # type: ignore[untyped-decorator,unused-ignore]
class ArgMaxTime(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Find the step at which each channel is largest: (N, T, C) → (N, C), int32."""

    def call(self, inputs: Any) -> Any:
        """Return the positions of the maxima over the second axis."""
        return ops.cast(ops.argmax(inputs, axis=1), "int32")

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return shape and dtype of the positions."""
        batch, _, channels = inputs.shape
        return keras.KerasTensor((batch, channels), dtype="int32")
