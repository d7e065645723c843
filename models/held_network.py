"""A Keras model that holds a network of another framework: both are then measured by one tool."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Seen:
    """What a network was first called on, and what it returned.

    Attributes:
        structure: of the inputs, with the number of each in its place.
        inputs, outputs: shape with the batch axis and dtype of each, flat.
        single: whether it returned one tensor and no structure.
    """

    structure: Any
    inputs: tuple[tuple[tuple[int, ...], str], ...]
    outputs: tuple[tuple[tuple[int, ...], str], ...]
    single: bool


@dataclass(frozen=True)
class _Kept:
    """Keeps an object from Keras, which would track its parts as a layer's own."""

    network: Any


class HeldNetwork(keras.Model):  # type: ignore[misc]  # Keras has no types
    """A Keras model whose only layer is the user's network, where Keras runs on the network's framework.

    On any other backend it has the shapes of the weights alone: it can be counted, and not run.

    Attributes:
        framework: of the network; the Keras backend it runs on.
        what: the kind of network, for sentences.
        example_shape: of an input, for sentences.
        seen: what it was first called on; `None` before.
    """

    framework = ""
    what = ""
    example_shape = ""

    def __init__(self, network: Any) -> None:
        super().__init__(name="network")
        self._kept = _Kept(network)
        self.seen: Seen | None = None
        if keras.config.backend() == self.framework:
            self.layer = self.make_layer()
        else:
            for name, shape, dtype, trainable in self.weight_specs():
                self.add_weight(shape=shape, initializer="zeros", dtype=dtype, trainable=trainable, name=name)

    @property
    def network(self) -> Any:
        """The user's own object."""
        return self._kept.network

    @property
    def remedy(self) -> str:
        """Where it can be measured."""
        home = self.framework
        return f"use --backend native-{home}, or --backend {home} to measure it through Keras"

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Run the network; as in training only where that is said."""
        if keras.config.backend() != self.framework:
            raise NotImplementedError(f"{self.what} does not run on {keras.config.backend()}: {self.remedy}")
        outputs = self.run(inputs, bool(training))
        if self.seen is None:
            specs = _specs(inputs)
            structure = keras.tree.pack_sequence_as(inputs, list(range(len(specs))))
            self.seen = Seen(structure, specs, _specs(outputs), not isinstance(outputs, Mapping | Sequence))
        return outputs

    def make_layer(self) -> Any:
        """Keras's layer around the network."""
        raise NotImplementedError

    def run(self, inputs: Any, training: bool) -> Any:
        """Call that layer."""
        raise NotImplementedError

    def weight_specs(self) -> Iterator[tuple[str, tuple[int, ...], str, bool]]:
        """Name, shape and dtype of each weight, and whether it is trained."""
        raise NotImplementedError

    def places(self) -> list[tuple[Any, str]]:
        """Each variable of the model with the name of its weight in the network."""
        raise NotImplementedError

    def trace(self, inputs: Any) -> Any:
        """Symbolic outputs for symbolic inputs, in inference; nothing is computed."""
        raise NotImplementedError

    def still(self) -> None:
        """Let the random layers that are known pass their input through."""

    def state(self) -> Any:
        """A copy of what the network carries from step to step beside its trained weights."""

    def put_state(self, state: Any) -> None:
        """Put such a copy into this network, which has the same structure."""

    def table_sizes(self) -> list[int]:
        """Rows of the tables that ids are looked up in, as far as they are known."""
        return []


def _specs(structure: Any) -> tuple[tuple[tuple[int, ...], str], ...]:
    return tuple(
        (tuple(leaf.shape), keras.backend.standardize_dtype(leaf.dtype)) for leaf in keras.tree.flatten(structure)
    )
