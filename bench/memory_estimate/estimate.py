"""The estimate: parameters, gradients, optimizer state, activations, by layer, in total and over the step."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from anatomy.bench.memory_estimate.liveness import Moment, Timeline

StepMode = Literal["train", "infer"]


@dataclass(frozen=True)
class LayerMemory:
    """One layer. The columns of all layers add up to the totals, where a shared tensor counts at its first layer.

    Attributes:
        name: below the models and layers that hold it (`encoder/conv1`).
        type: its class.
        parameter_bytes: of its weights, trainable or not, in their own dtype.
        gradient_bytes: of its trainable weights; 0 in inference.
        optimizer_bytes: what the optimizer keeps for them; `None` if it is not known by layer.
        activation_bytes: in training the tensors it leaves for the backward pass, in inference its outputs.
    """

    name: str
    type: str
    parameter_bytes: int
    gradient_bytes: int
    optimizer_bytes: int | None
    activation_bytes: int


@dataclass(frozen=True)
class MemoryEstimate:
    """A step's memory at one batch size. All sizes in bytes; `docs/memory.md` has the assumptions.

    Attributes:
        parameter_bytes: all weights, in their own dtype.
        gradient_bytes: one of each trainable weight; 0 in inference.
        optimizer_bytes: what the optimizer keeps for each weight; 0 in inference.
        optimizer: its class; `None` in inference.
        batch_bytes: inputs, and in training targets.
        activation_bytes: in training all that is kept for the backward pass; in inference the largest live set of
            layers' outputs.
        timeline: live bytes over the step, without weights, optimizer and batch, which are there all the time.
        eager_timeline: the same for a step that is not run as one graph (torch as Keras runs it).
        layers: in order of computation.
        unseen: layers whose own operations are not seen, so that their tensors are missing.
    """

    mode: StepMode
    batch_size: int
    dtype: str
    parameter_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    optimizer: str | None
    batch_bytes: int
    activation_bytes: int
    timeline: Timeline = field(repr=False)
    eager_timeline: Timeline = field(repr=False)
    layers: tuple[LayerMemory, ...] = field(repr=False)
    unseen: tuple[str, ...] = ()

    @property
    def resident_bytes(self) -> int:
        """Weights, optimizer and batch, which are there during the whole step."""
        return self.parameter_bytes + self.optimizer_bytes + self.batch_bytes

    @property
    def peak(self) -> Moment:
        """The moment with the most live bytes."""
        return self.timeline.peak

    @property
    def peak_bytes(self) -> int:
        """The most bytes that live at once."""
        return self.resident_bytes + self.peak.live_bytes

    @property
    def eager_peak_bytes(self) -> int:
        """The most bytes that live at once in a step that is not run as one graph; never less than `peak_bytes`."""
        return self.resident_bytes + self.eager_timeline.peak.live_bytes

    def peak_where(self, *, eager: bool) -> int:
        """`eager_peak_bytes` or `peak_bytes`."""
        return self.eager_peak_bytes if eager else self.peak_bytes

    def to_dict(self) -> dict[str, Any]:
        """The published JSON object."""
        peak = self.peak
        return {
            "mode": self.mode,
            "batch_size": self.batch_size,
            "dtype": self.dtype,
            "optimizer": self.optimizer,
            "parameter_bytes": self.parameter_bytes,
            "gradient_bytes": self.gradient_bytes,
            "optimizer_bytes": self.optimizer_bytes,
            "batch_bytes": self.batch_bytes,
            "activation_bytes": self.activation_bytes,
            "peak_bytes": self.peak_bytes,
            "eager_peak_bytes": self.eager_peak_bytes,
            "peak_at": {
                "phase": peak.phase,
                "layer": peak.layer,
                "activation_bytes": peak.activations,
                "activation_gradient_bytes": peak.activation_gradients,
                "gradient_bytes": peak.gradients,
            },
            "unseen": list(self.unseen),
            "layers": [asdict(layer) for layer in self.layers],
            "timeline": [
                {"phase": m.phase, "layer": m.layer, "live_bytes": self.resident_bytes + m.live_bytes}
                for m in self.timeline.moments
            ],
        }
