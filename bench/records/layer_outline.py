"""The outline of a layer: what it is and how it is set, without its values; the gate compares the two sides'."""

from __future__ import annotations

from pydantic import Field

from anatomy.bench.records.frozen import Frozen


class LayerOutline(Frozen):
    """One layer of a model.

    Attributes:
        name: its path within the model, `encoder/dense_1`.
        type: its class.
        settings: constructor argument → value as text, `kernel_size` → `3×3`; initialisers and the like are left out.
        weights: name of a weight → its shape as text, `kernel` → `3×3×64×128`.
    """

    name: str
    type: str
    settings: dict[str, str] = Field(default_factory=dict)
    weights: dict[str, str] = Field(default_factory=dict)
