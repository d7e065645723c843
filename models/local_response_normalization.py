"""Local Response Normalization across channels, as AlexNet and GoogLeNet use it.

Source: Krizhevsky, Sutskever, Hinton (2012), section 3.3.
"""

from typing import Any

import keras
from keras import ops


# Keras has no types: a decorator and a base class of type Any.
@keras.saving.register_keras_serializable(package="anatomy")  # type: ignore[untyped-decorator,unused-ignore]
class LocalResponseNormalization(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Normalise across channels: b_c = a_c / (bias + alpha · Σ a_j²)^beta, the sum over |j − c| ≤ depth_radius.

    It computes what `tf.nn.local_response_normalization` does: alpha is not divided by the window. The input has any
    shape with channels last; the output has the same shape. Sum and power are computed in float32 under every dtype
    policy, since squares of float16 overflow beyond 255.

    Args:
        depth_radius: half the window of channels (the paper's n = 5 is a radius of 2).
        bias: the paper's k.
        alpha: weight of the sum of squares.
        beta: exponent of the denominator.
    """

    def __init__(
        self, depth_radius: int = 2, bias: float = 2.0, alpha: float = 1e-4, beta: float = 0.75, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.depth_radius, self.bias, self.alpha, self.beta = depth_radius, bias, alpha, beta

    def call(self, inputs: Any) -> Any:
        """Normalise `inputs`, whose channels come last."""
        x, radius = ops.cast(inputs, "float32"), self.depth_radius
        padded = ops.pad(ops.square(x), [(0, 0)] * (len(x.shape) - 1) + [(radius, radius)])
        # Shifted slices of the zero-padded tensor: exact, and fusible.
        window = sum(padded[..., shift : shift + x.shape[-1]] for shift in range(2 * radius + 1))
        scale = self.bias + self.alpha * window
        # Two square roots take a fifth of the time of a power on a CPU.
        power = ops.rsqrt(scale * ops.sqrt(scale)) if self.beta == 0.75 else ops.power(scale, -self.beta)
        return ops.cast(x * power, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        own = {"depth_radius": self.depth_radius, "bias": self.bias, "alpha": self.alpha, "beta": self.beta}
        return {**super().get_config(), **own}
