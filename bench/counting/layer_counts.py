"""The rows of the layers that were called, and what each row owns."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Any

import keras

from anatomy.bench.counting.model_counts import LayerCount
from anatomy.bench.counting.shapes import item_bytes, plus, size, times


@dataclass
class Frame:
    """A layer that is being counted.

    Attributes:
        name: with the names of the layers that hold it.
        input_bytes: of one example, of all tensors that the layer is given; `None` if a length is unknown.
        first_row: number of rows when it was entered.
        operations: ids of the operations that are nodes of its graph, for a functional model.
        folded: whether what is inside is added to this layer instead of being listed.
        has_kernel: whether it multiplies with a kernel.
        reasons: why its MACs are not known.
    """

    layer: Any
    name: str
    input_bytes: int | None
    first_row: int
    operations: frozenset[int] = frozenset()
    folded: bool = False
    macs: int = 0
    product_macs: int = 0
    has_kernel: bool = False
    reasons: list[str] = field(default_factory=list)

    def snapshot(self) -> dict[str, Any]:
        """The values to `restore` if opening the layer fails half-way."""
        return _copied(self)

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot."""
        vars(self).update(snapshot)

    def add(self, macs: int | None, *, product: bool = False) -> None:
        """Add the MACs of a product, of two activations or with a kernel."""
        if macs is None:
            self.reasons.append("a length is unknown (None): give the input shape")
            return
        self.macs += macs
        self.product_macs += macs if product else 0

    def absorb(self, inner: Frame) -> None:
        """Add what an inner layer does to this one."""
        self.macs += inner.macs
        self.product_macs += inner.product_macs
        self.has_kernel = self.has_kernel or inner.has_kernel
        self.reasons += inner.reasons


@dataclass
class LayerCounts:
    """Rows in order of computation, the weights they own, and the tensors they put out."""

    rows: list[LayerCount] = field(default_factory=list)
    _weights: set[int] = field(default_factory=set)
    _calls: dict[int, int] = field(default_factory=dict)
    _outputs: dict[int, Any] = field(default_factory=dict)
    _learning: dict[int, bool] = field(default_factory=dict)

    def snapshot(self) -> dict[str, Any]:
        """The values to `restore` if opening a layer fails half-way."""
        return _copied(self)

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Forget all rows since the snapshot."""
        vars(self).update(snapshot)

    def write(self, frame: Frame, outputs: Any, steps: list[int | None]) -> None:
        """Add the row of a layer, unless the rows of its sublayers hold everything.

        Args:
            outputs: the layer's symbolic outputs.
            steps: lengths of the time axes over which the layer is repeated.
        """
        tensors = symbolic_tensors(outputs)
        has_inner = len(self.rows) > frame.first_row
        passed_on = has_inner and all(id(tensor) in self._outputs for tensor in tensors)
        fresh = self._own_weights(frame.layer)
        parameters = element_count(fresh)
        if passed_on and not (parameters or frame.macs or frame.reasons):
            return
        # Holding the tensors keeps their ids unique.
        self._outputs.update((id(tensor), tensor) for tensor in tensors)
        call = self._calls[id(frame.layer)] = self._calls.get(id(frame.layer), 0) + 1
        first = tensors[0].shape[1:] if tensors else ()
        self.rows.append(
            LayerCount(
                name=frame.name,
                type=type(frame.layer).__name__,
                output_shape=_shapes(outputs, steps),
                parameters=parameters,
                macs=None if frame.reasons else frame.macs,
                product_macs=0 if frame.reasons else frame.product_macs,
                has_kernel=frame.has_kernel,
                units=times(size(first), *steps),
                output_bytes=0 if passed_on else size_in_bytes(outputs, steps),
                input_bytes=frame.input_bytes,
                training_passes=self._training_passes(frame, fresh),
                call=call,
                note="; ".join(dict.fromkeys(frame.reasons)),
            )
        )

    def _own_weights(self, layer: Any) -> list[Any]:
        """The layer's weights that no earlier row owns."""
        fresh = [weight for weight in getattr(layer, "weights", []) if id(weight) not in self._weights]
        self._weights.update(map(id, fresh))
        return fresh

    def _training_passes(self, frame: Frame, fresh: list[Any]) -> int:
        """Passes of a training step: forward, weight gradients if the layer trains, input gradients if one before does.

        A first layer that trains counts three passes all the same, the convention for a model's FLOPs. A product of
        two activations has gradients of both. "Before" means an earlier row: in one of several branches that may be
        a pass too many.
        """
        learns_before = any(self._learning.values())
        # A layer that is called again has no fresh weights, and learns as it did.
        learns = self._learning.setdefault(id(frame.layer), any(weight.trainable for weight in fresh))
        if learns or (learns_before and frame.product_macs and not getattr(frame.layer, "weights", ())):
            return 3
        return 2 if learns_before else 1


def _copied(state: Any) -> dict[str, Any]:
    return {name: copy(value) if isinstance(value, list | set | dict) else value for name, value in vars(state).items()}


def element_count(weights: list[Any]) -> int:
    """Elements of a list of Keras variables, each variable once."""
    unique = {id(weight): weight for weight in weights}
    return sum(size(weight.shape) or 0 for weight in unique.values())


def symbolic_tensors(structure: Any) -> list[Any]:
    """The symbolic tensors of a nested structure, flat and in order."""
    return [leaf for leaf in keras.tree.flatten(structure) if isinstance(leaf, keras.KerasTensor)]


def _shapes(outputs: Any, steps: list[int | None]) -> Any:
    shapes = [[*steps, *tensor.shape[1:]] for tensor in symbolic_tensors(outputs)]
    return shapes[0] if len(shapes) == 1 else shapes


def size_in_bytes(structure: Any, steps: list[int | None]) -> int | None:
    """Bytes of all symbolic tensors for one example; `None` if a length is unknown."""
    return plus(*(_bytes(tensor, steps) for tensor in symbolic_tensors(structure)))


def _bytes(tensor: Any, steps: list[int | None]) -> int | None:
    return times(size(tensor.shape[1:]), item_bytes(tensor.dtype), *steps)
