"""The rows of the layers that were called, and what each row owns."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from anatomy.bench.counting.model_counts import OPEN_LENGTH, LayerCount
from anatomy.bench.counting.parameters import element_count, packed_elements
from anatomy.bench.counting.tensor_origin import GradientPath


@dataclass(frozen=True)
class TrainedProduct:
    """A product in a training step.

    Attributes:
        passes: forward passes that it is worth if a gradient comes to its result, else it is one.
        path: where the gradient of its result goes.
    """

    macs: int
    passes: int
    path: GradientPath | None

    @property
    def saved_macs(self) -> int:
        """What the step does not do of these passes, since the loss does not depend on the result."""
        return 0 if self.path is None or self.path.is_reached else self.macs * (self.passes - 1)


@dataclass
class Frame:
    """A layer that is being counted.

    Attributes:
        name: with the names of the layers that hold it.
        input_bytes: of one example, of all tensors that the layer is given; `None` if a length is unknown.
        input_learns: whether one of these tensors needs a gradient.
        first_row: number of rows when it was entered.
        operations: ids of the operations that are nodes of its graph, for a functional model.
        folded: whether what is inside is added to this layer instead of being listed.
        products: its products in a training step.
        has_kernel: whether it multiplies with a kernel.
        reasons: why its MACs are not known.
        inputs: the tensors that the layer is given and that depend on the batch, with the bytes of one example; `None`
            if a length is unknown.
    """

    layer: Any
    name: str
    input_bytes: int | None
    input_learns: bool
    first_row: int
    operations: frozenset[int] = frozenset()
    folded: bool = False
    macs: int = 0
    product_macs: int = 0
    products: list[TrainedProduct] = field(default_factory=list)
    has_kernel: bool = False
    reasons: list[str] = field(default_factory=list)
    inputs: Sequence[tuple[Any, int | None]] = ()

    @property
    def training_macs(self) -> int:
        """Of its forward pass and of the gradients in a training step."""
        return sum(product.macs * product.passes for product in self.products)

    def snapshot(self) -> dict[str, Any]:
        """The values to `restore` if opening the layer fails half-way."""
        return _copied(self)

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot, which can be used again."""
        vars(self).update(_copied_values(snapshot))

    def add(self, macs: int | None, passes: int, path: GradientPath | None, *, product: bool = False) -> None:
        """Add the MACs of a product, of two activations or with a kernel.

        Args:
            passes: forward passes that the product is worth in a training step.
            path: where the gradient of its result goes.
        """
        if macs is None:
            self.reasons.append(OPEN_LENGTH)
            return
        self.macs += macs
        self.product_macs += macs if product else 0
        self.products.append(TrainedProduct(macs, passes, path))

    def absorb(self, inner: Frame) -> None:
        """Add what an inner layer does to this one."""
        self.macs += inner.macs
        self.product_macs += inner.product_macs
        self.products += inner.products
        self.has_kernel = self.has_kernel or inner.has_kernel
        self.reasons += inner.reasons


@dataclass(frozen=True)
class Measures:
    """Sizes of a layer's outputs, for one example.

    Attributes:
        shape: without the batch axis; a list of shapes for several outputs.
        units: elements of the first output; `None` if a length is unknown.
        output_bytes: of all outputs; `None` likewise.
    """

    shape: Any
    units: int | None
    output_bytes: int | None


@dataclass
class LayerCounts:
    """Rows in order of computation, the weights they own, and the tensors they put out."""

    rows: list[LayerCount] = field(default_factory=list)
    _products: list[list[TrainedProduct]] = field(default_factory=list)
    _weights: set[int] = field(default_factory=set)
    _calls: dict[int, int] = field(default_factory=dict)
    _outputs: dict[int, Any] = field(default_factory=dict)
    _trains: dict[int, bool] = field(default_factory=dict)

    def snapshot(self) -> dict[str, Any]:
        """The values to `restore` if opening a layer fails half-way."""
        return _copied(self)

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Forget all rows since the snapshot, which can be used again."""
        vars(self).update(_copied_values(snapshot))

    def write(self, frame: Frame, outputs: Any, measures: Measures) -> bool:
        """Add the row of a layer, unless the rows of its sublayers hold everything; whether there is one.

        Args:
            outputs: the layer's symbolic outputs.
        """
        tensors = symbolic_tensors(outputs)
        has_inner = len(self.rows) > frame.first_row
        passed_on = has_inner and all(id(tensor) in self._outputs for tensor in tensors)
        fresh = self._own_weights(frame.layer)
        parameters = element_count(fresh, packed_elements(frame.layer))
        if passed_on and not (parameters or frame.macs or frame.reasons):
            return False
        # Holding the tensors keeps their ids unique.
        self._outputs.update((id(tensor), tensor) for tensor in tensors)
        self._products.append([] if frame.reasons else list(frame.products))
        call = self._calls[id(frame.layer)] = self._calls.get(id(frame.layer), 0) + 1
        self.rows.append(
            LayerCount(
                name=frame.name,
                type=type(frame.layer).__name__,
                output_shape=measures.shape,
                parameters=parameters,
                macs=None if frame.reasons else frame.macs,
                product_macs=0 if frame.reasons else frame.product_macs,
                has_kernel=frame.has_kernel,
                units=measures.units,
                output_bytes=0 if passed_on else measures.output_bytes,
                input_bytes=frame.input_bytes,
                passed_bytes=0,
                kept_bytes=0,
                training_passes=self._training_passes(frame, fresh),
                training_macs=0 if frame.reasons else frame.training_macs,
                call=call,
                note="; ".join(dict.fromkeys(frame.reasons)),
            )
        )
        return True

    def set_held(self, kept_bytes: int | None, passed_bytes: int | None) -> None:
        """Note in the last row what its layer leaves for the backward pass, and what it is given besides the batch."""
        self.rows[-1] = replace(self.rows[-1], kept_bytes=kept_bytes, passed_bytes=passed_bytes)

    def settle_training(self) -> None:
        """Take the gradients of products off the rows whose results the loss does not depend on."""
        for place, (row, products) in enumerate(zip(self.rows, self._products, strict=True)):
            saved = sum(product.saved_macs for product in products)
            if saved and row.macs:
                left = row.training_macs - saved
                # Without a gradient nothing is left for it either.
                kept = 0 if left == row.macs else row.kept_bytes
                self.rows[place] = replace(
                    row, training_macs=left, training_passes=-(-left // row.macs), kept_bytes=kept
                )

    def _own_weights(self, layer: Any) -> list[Any]:
        """The layer's weights that no earlier row owns."""
        fresh = [weight for weight in getattr(layer, "weights", []) if id(weight) not in self._weights]
        self._weights.update(map(id, fresh))
        return fresh

    def _training_passes(self, frame: Frame, fresh: list[Any]) -> int:
        """Forward passes that the row is worth in a training step: by its products, else by its weights and inputs."""
        # A layer that is called again has no fresh weights, and trains as it did.
        trains = self._trains.setdefault(id(frame.layer), any(weight.trainable for weight in fresh))
        if frame.macs and not frame.reasons:
            return -(-frame.training_macs // frame.macs)
        return 3 if trains else 2 if frame.input_learns else 1


def _copied(state: Any) -> dict[str, Any]:
    return _copied_values(vars(state))


def _copied_values(values: dict[str, Any]) -> dict[str, Any]:
    return {name: copy(value) if isinstance(value, list | set | dict) else value for name, value in values.items()}


def symbolic_tensors(structure: Any) -> list[Any]:
    """The symbolic tensors of a nested structure, flat and in order."""
    return [leaf for leaf in keras.tree.flatten(structure) if isinstance(leaf, keras.KerasTensor)]
