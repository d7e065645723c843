"""The rows of the layers that were called, and what each row owns."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from anatomy.bench.counting.model_counts import OPEN_LENGTH, LayerCount
from anatomy.bench.counting.parameters import element_count, packed_elements
from anatomy.bench.counting.shapes import dtype_bytes, plus, times
from anatomy.bench.counting.tensor_origin import GradientPath

# Layers and operations whose output lies where their input lies.
VIEWS = frozenset({"ConvertToTensor", "ExpandDims", "Flatten", "Identity", "Reshape", "Squeeze"})
# Layers that are an activation function; others have one as `activation`.
ACTIVATIONS = frozenset({"ReLU", "LeakyReLU", "ELU", "Softmax"})
# Numbers for each unit and step that a backward pass needs: the values of the gates, and the state of an LSTM's cell.
GATES = {"LSTM": 5, "GRU": 3, "SimpleRNN": 1}


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
        inputs: the tensors that the layer is given, with the bytes of one example; `None` if a length is unknown.
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
    _kept: dict[int, Any] = field(default_factory=dict)
    # Holding the tensors keeps their ids unique.
    _places: dict[int, tuple[Any, int]] = field(default_factory=dict)

    def snapshot(self) -> dict[str, Any]:
        """The values to `restore` if opening a layer fails half-way."""
        return _copied(self)

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Forget all rows since the snapshot, which can be used again."""
        vars(self).update(_copied_values(snapshot))

    def hold(self, tensors: Sequence[Any]) -> None:
        """Note tensors that are there for a whole step, such as the batch: no layer keeps them for itself."""
        self._kept.update((self._place(tensor), tensor) for tensor in tensors)

    def note_view(self, name: str, sources: Any, results: Any) -> None:
        """Note that the output of a layer or operation lies where its input lies, if it is a view."""
        inputs, outputs = symbolic_tensors(sources), symbolic_tensors(results)
        if name in VIEWS and len(inputs) == len(outputs) == 1:
            self._places[id(outputs[0])] = outputs[0], self._place(inputs[0])

    def _place(self, tensor: Any) -> int:
        return self._places[id(tensor)][1] if id(tensor) in self._places else id(tensor)

    def write(self, frame: Frame, outputs: Any, measures: Measures) -> None:
        """Add the row of a layer, unless the rows of its sublayers hold everything.

        Args:
            outputs: the layer's symbolic outputs.
        """
        tensors = symbolic_tensors(outputs)
        has_inner = len(self.rows) > frame.first_row
        passed_on = has_inner and all(id(tensor) in self._outputs for tensor in tensors)
        fresh = self._own_weights(frame.layer)
        parameters = element_count(fresh, packed_elements(frame.layer))
        if passed_on and not (parameters or frame.macs or frame.reasons):
            return
        # Holding the tensors keeps their ids unique.
        self._outputs.update((id(tensor), tensor) for tensor in tensors)
        self._products.append([] if frame.reasons else list(frame.products))
        passes = self._training_passes(frame, fresh)
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
                kept_bytes=self._keep(frame, [(tensors[0], measures.output_bytes)] if len(tensors) == 1 else []),
                training_passes=passes,
                training_macs=0 if frame.reasons else frame.training_macs,
                call=call,
                note="; ".join(dict.fromkeys(frame.reasons)),
            )
        )

    def settle_training(self) -> None:
        """Take the gradients of products off the rows whose results the loss does not depend on."""
        for place, (row, products) in enumerate(zip(self.rows, self._products, strict=True)):
            saved = sum(product.saved_macs for product in products)
            if saved and row.macs:
                left = row.training_macs - saved
                self.rows[place] = replace(row, training_macs=left, training_passes=-(-left // row.macs))

    def _keep(self, frame: Frame, outputs: Sequence[tuple[Any, int | None]]) -> int | None:
        """Bytes that a layer leaves for the backward pass, and no earlier layer does.

        The gradients of its weights need its inputs, that of an activation function its output, those of a recurrent
        cell its gates at every step.
        """
        trains = self._trains[id(frame.layer)]
        needed = [*frame.inputs] if trains else []
        if (trains or frame.input_learns) and _has_activation(frame.layer):
            needed += outputs
        fresh = {self._place(tensor): size for tensor, size in needed}
        fresh = {place: size for place, size in fresh.items() if place not in self._kept}
        self.hold([tensor for tensor, _ in needed])
        return plus(*fresh.values(), _gate_bytes(frame) if trains else 0)

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


def _has_activation(layer: Any) -> bool:
    """Whether it applies a function whose derivative needs a tensor of its output's size: all but the identity."""
    activation = getattr(layer, "activation", None)
    return type(layer).__name__ in ACTIVATIONS or (
        activation is not None and activation is not keras.activations.linear
    )


def _gate_bytes(frame: Frame) -> int | None:
    gates = GATES.get(type(frame.layer).__name__)
    if gates is None or not frame.inputs:
        return 0
    tensor, _ = frame.inputs[0]
    return times(gates, tensor.shape[1], frame.layer.units, dtype_bytes(str(tensor.dtype)))


def _copied(state: Any) -> dict[str, Any]:
    return _copied_values(vars(state))


def _copied_values(values: dict[str, Any]) -> dict[str, Any]:
    return {name: copy(value) if isinstance(value, list | set | dict) else value for name, value in values.items()}


def symbolic_tensors(structure: Any) -> list[Any]:
    """The symbolic tensors of a nested structure, flat and in order."""
    return [leaf for leaf in keras.tree.flatten(structure) if isinstance(leaf, keras.KerasTensor)]
