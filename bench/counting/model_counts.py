"""What the counter found in a model: immutable, per example, forward."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from anatomy.bench.records.record_parts import Counts

OPEN_LENGTH = "a length is unknown (None): give it by --input-shape"


@dataclass(frozen=True)
class LayerCount:
    """One call of one layer.

    Attributes:
        name: the layer's name, below the models and layers that hold it (`encoder/conv1`).
        type: its class.
        output_shape: without the batch axis; a list of shapes for several outputs.
        parameters: elements of the weights it owns; 0 for later calls of a shared layer.
        macs: multiply-accumulates, `None` when they could not be counted.
        product_macs: the part of `macs` that multiplies two activations (attention), not a kernel.
        has_kernel: whether it multiplies with a kernel or attends, so that it counts as a layer.
        units: elements of its first output, `None` when a length is unknown.
        output_bytes: size of all its outputs in the dtype they are computed in, `None` likewise.
        training_passes: forward passes that it is worth in a training step, rounded up; see `docs/counting.md`.
        training_macs: of its forward pass and its gradients in a training step.
        input_bytes: size of all tensors that it is given, `None` where a length is unknown.
        passed_bytes: size of the distinct tensors that it is given, without the batch; `None` likewise.
        kept_bytes: what it leaves for the backward pass of a training step at least, each tensor at its first such
            layer; the batch itself counts nowhere. `None` likewise.
        call: 1, or the number of this call of a shared layer.
        note: why `macs` is `None`, else empty.
    """

    name: str
    type: str
    output_shape: Any
    parameters: int
    macs: int | None
    product_macs: int
    has_kernel: bool
    units: int | None
    output_bytes: int | None
    input_bytes: int | None
    passed_bytes: int | None
    kept_bytes: int | None
    training_passes: int
    training_macs: int
    call: int = 1
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The published keys of one layer; `call` and `note` only where they say something."""
        row: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "output_shape": self.output_shape,
            "parameters": self.parameters,
            "macs": self.macs,
        }
        if self.call > 1:
            row["call"] = self.call
        if self.note:
            row["note"] = self.note
        return row


@dataclass(frozen=True)
class ModelCounts:
    """Figures of a whole model; `docs/counting.md` defines each.

    Attributes:
        layers: one entry for each call of a layer, in order of computation.
        depth: the longest path from an input to an output, counted in layers with kernels.
        input_shape: without the batch axis; a list or dictionary of shapes for several inputs.
        output_shape: likewise.
        macs_formula: the MACs where every open length is n, as in `384·n + 16`; empty where there is none.
    """

    parameters: int
    trainable_parameters: int
    depth: int
    input_shape: Any
    output_shape: Any
    layers: tuple[LayerCount, ...] = field(repr=False)
    macs_formula: str = ""

    @property
    def macs(self) -> int:
        """Multiply-accumulates; a lower bound when `uncounted` is not empty."""
        return sum(layer.macs or 0 for layer in self.layers)

    @property
    def product_macs(self) -> int:
        """The part of `macs` that multiplies two activations, as attention does."""
        return sum(layer.product_macs for layer in self.layers)

    @property
    def flops(self) -> int:
        """2 × `macs`: one multiplication and one addition each."""
        return 2 * self.macs

    @property
    def training_flops(self) -> int:
        """Of one example in a training step: three times `flops`, less where layers are frozen."""
        return 2 * sum(layer.training_macs for layer in self.layers)

    @property
    def units(self) -> int:
        """Output elements of all layers with kernels: 659,272 for AlexNet."""
        return sum(layer.units or 0 for layer in self.layers if layer.has_kernel)

    @property
    def weight_layers(self) -> int:
        """Layers with kernels; a layer called several times is one."""
        return sum(layer.has_kernel and layer.call == 1 for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Size of all layer outputs of one example."""
        return sum(layer.output_bytes or 0 for layer in self.layers)

    @property
    def uncounted(self) -> tuple[LayerCount, ...]:
        """The layers whose MACs are not known, in order."""
        return tuple(layer for layer in self.layers if layer.macs is None)

    @property
    def is_open(self) -> bool:
        """Whether MACs depend on a length that is not known."""
        return any(OPEN_LENGTH in layer.note for layer in self.uncounted)

    def left_out(self) -> str:
        """The layers whose MACs are not known, with the reason of each, in words."""
        return "; ".join(f"{layer.name} ({layer.type}) is not counted: {layer.note}" for layer in self.uncounted)

    def summary(self) -> Counts:
        """The figures that a record keeps."""
        return Counts(
            parameters=self.parameters,
            trainable_parameters=self.trainable_parameters,
            macs=self.macs,
            flops=self.flops,
            training_flops=self.training_flops,
            units=self.units,
            weight_layers=self.weight_layers,
            depth=self.depth,
            input_shape=self.input_shape,
            output_shape=self.output_shape,
            activation_bytes=self.activation_bytes,
            uncounted=[f"{layer.name} ({layer.type})" for layer in self.uncounted],
        )


def count_to_dict(counts: ModelCounts) -> dict[str, Any]:
    """The published JSON object: the summary's keys, `product_macs` and `layers`.

    `uncounted` lists name, type and reason of each layer that could not be counted. Where there is one, the totals are
    not known, `None`, and `counted_macs` is what was counted.
    """
    totals: dict[str, int | None] = {"product_macs": counts.product_macs}
    if counts.uncounted:
        totals = dict.fromkeys(("macs", "flops", "training_flops", "units", "product_macs"))
    if any(layer.output_bytes is None for layer in counts.layers):
        totals["activation_bytes"] = None
    return counts.summary().model_dump() | {
        **totals,
        "counted_macs": counts.macs,
        "macs_formula": counts.macs_formula or None,
        "uncounted": [{"name": layer.name, "type": layer.type, "reason": layer.note} for layer in counts.uncounted],
        "layers": [layer.to_dict() for layer in counts.layers],
    }
