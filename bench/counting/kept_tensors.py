"""What layers leave for the backward pass of a training step, each tensor once.

It follows from derivatives: the gradient of a kernel needs the input that it is multiplied with, normalisation its
input, an activation function its output, a recurrent cell its gates at every step. It holds where nothing is computed
anew in the backward pass. What cannot be told, such as the inside of a user's own operations, counts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras

from anatomy.bench.counting.known_layers import classify
from anatomy.bench.counting.layer_counts import Frame, Measures, symbolic_tensors
from anatomy.bench.counting.shapes import dtype_bytes, plus, times

# Layers and operations whose output lies where their input lies.
VIEWS = frozenset({"ConvertToTensor", "ExpandDims", "Flatten", "Identity", "Reshape", "Squeeze"})
# Layers that are an activation function; others have one as `activation`.
ACTIVATIONS = frozenset({"ReLU", "LeakyReLU", "ELU", "Softmax"})
NORMALISATIONS = frozenset({"BatchNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization"})
# Numbers for each unit and step: the values of the gates, and the state of an LSTM's cell.
GATES = {"LSTM": 5, "GRU": 3}


class KeptTensors:
    """The tensors that are held so far.

    Attributes:
        traced: whether a backend's trace is being counted, where equal tensors cannot be told: nothing is kept then.
    """

    def __init__(self) -> None:
        self.traced = False
        # By ids, which stay unique: the interpreter holds every tensor of which it knows the origin.
        self._batch: set[int] = set()
        self._kept: set[int] = set()
        self._places: dict[int, tuple[Any, int]] = {}

    def copy(self) -> KeptTensors:
        """The same state, to go back to."""
        made = KeptTensors()
        made.traced, made._batch = self.traced, set(self._batch)
        made._kept, made._places = set(self._kept), dict(self._places)
        return made

    def hold_batch(self, tensors: Iterable[Any]) -> None:
        """Note the inputs of the model, which are there during the whole step."""
        self._batch.update(map(id, tensors))

    def note_same(self, source: Any, result: Any) -> None:
        """Note that a tensor is another one, as a view, in another dtype, or a part of it: one of them is kept."""
        self._places[id(result)] = result, self._place(source)

    def note_view(self, name: str, sources: Any, results: Any) -> None:
        """Note the output of a layer or operation that is a view of its input."""
        inputs, outputs = symbolic_tensors(sources), symbolic_tensors(results)
        if name in VIEWS and len(inputs) == len(outputs) == 1:
            self.note_same(inputs[0], outputs[0])

    def held_bytes(self, frame: Frame, outputs: Any, measures: Measures) -> tuple[int | None, int | None]:
        """Bytes of one example that a layer leaves for the backward pass, and of what it is given besides the batch."""
        given = {self._place(tensor): size for tensor, size in frame.inputs}
        passed = plus(*(size for place, size in given.items() if place not in self._batch))
        kind, name = classify(frame.layer)
        if self.traced or kind == "open":
            return 0, passed
        needed = dict(given) if _needs_inputs(frame.layer, kind, name) else {}
        tensors = symbolic_tensors(outputs)
        learns = frame.input_learns or any(weight.trainable for weight in frame.layer.weights)
        if learns and len(tensors) == 1 and _has_activation(frame.layer, name):
            needed[self._place(tensors[0])] = measures.output_bytes
        fresh = {place: size for place, size in needed.items() if place not in self._kept | self._batch}
        self._kept.update(fresh)
        return plus(*fresh.values(), _gate_bytes(frame, name)), passed

    def _place(self, tensor: Any) -> int:
        return self._places[id(tensor)][1] if id(tensor) in self._places else id(tensor)


def trains_kernel(layer: Any) -> bool:
    """Whether the kernel of one of Keras's layers trains: its bias alone needs no product."""
    kernels = [weight for weight in layer.weights if "kernel" in weight.name and "lora" not in weight.name]
    return any(weight.trainable for weight in kernels or layer.weights)


def _needs_inputs(layer: Any, kind: str, name: str) -> bool:
    if name in NORMALISATIONS:
        return any(weight.trainable for weight in layer.weights)
    return kind == "formula" and trains_kernel(layer)


def _has_activation(layer: Any, name: str) -> bool:
    activation = getattr(layer, "activation", None)
    return name in ACTIVATIONS or (callable(activation) and activation is not keras.activations.linear)


def _gate_bytes(frame: Frame, name: str) -> int | None:
    if name not in GATES or not trains_kernel(frame.layer) or not frame.inputs:
        return 0
    tensor, _ = frame.inputs[0]
    return times(GATES[name], tensor.shape[1], frame.layer.units, dtype_bytes(str(tensor.dtype)))
