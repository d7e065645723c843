"""A JAX function with its parameters in a Keras model."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras

from anatomy.models.held_network import HeldNetwork


class FunctionWithParameters(NamedTuple):
    """What a builder returned.

    Attributes:
        function: takes the parameters and the inputs.
        params: a pytree of arrays.
    """

    function: Callable[[Any, Any], Any]
    params: Any


class HeldFunction(HeldNetwork):
    """Holds a function in `keras.layers.JaxLayer`; every parameter is trained."""

    framework = "jax"
    what = "a JAX function"
    example_shape = "32x32x3"

    def make_layer(self) -> Any:
        """Keras's layer, which asks for these names of arguments."""
        function = self.network.function
        return keras.layers.JaxLayer(lambda params, inputs: function(params, inputs), params=self.network.params)

    def run(self, inputs: Any, training: bool) -> Any:
        """Call the layer; the function is the same in training."""
        return self.layer(inputs)

    def weight_specs(self) -> Iterator[tuple[str, tuple[int, ...], str, bool]]:
        """One for each leaf of the parameters."""
        for name, leaf in self.leaves():
            array = keras.tree.map_structure(_as_array, leaf)
            yield name.replace("/", "."), tuple(array.shape), str(array.dtype), True

    def leaves(self) -> list[tuple[str, Any]]:
        """Each leaf of the parameters with its place among them, such as `dense/kernel`."""
        import jax

        found = jax.tree_util.tree_flatten_with_path(self.network.params)[0]
        names = [jax.tree_util.keystr(path, simple=True, separator="/") or "params" for path, _ in found]
        if len(set(names)) < len(names):
            names = [f"{number}/{name}" for number, name in enumerate(names)]
        return [(name, leaf) for name, (_, leaf) in zip(names, found, strict=True)]

    def places(self) -> list[tuple[Any, str]]:
        """In the order of the leaves, in which Keras makes the variables."""
        return [(variable, name) for variable, (name, _) in zip(self.layer.weights, self.leaves(), strict=True)]

    def trace(self, inputs: Any) -> Any:
        """Evaluate the shapes alone; where the function does not take floats, of integers."""
        import jax

        failures = []
        for forced in (None, "int32"):
            specs = keras.tree.map_structure(
                lambda leaf, dtype=forced: jax.ShapeDtypeStruct(tuple(leaf.shape), dtype or leaf.dtype), inputs
            )
            try:
                outputs = jax.eval_shape(self.network.function, self.network.params, specs)
            except Exception as error:  # noqa: BLE001  # a user's function may raise anything
                failures.append(error)
                continue
            return jax.tree.map(lambda leaf: keras.KerasTensor(leaf.shape, dtype=str(leaf.dtype)), outputs)
        raise failures[0]


def _as_array(leaf: Any) -> Any:
    import numpy as np

    return leaf if hasattr(leaf, "dtype") else np.float32(leaf)
