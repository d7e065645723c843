"""Where a tensor comes from: how far the inputs are, and whether a training step needs its gradient."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """What is known of a tensor besides its shape.

    Attributes:
        depth: layers with kernels on the longest path to it.
        from_input: whether it depends on the model's inputs; weights and constants do not.
        learns: whether a weight that trains lies before it, so that a gradient passes through it.
    """

    depth: int = 0
    from_input: bool = False
    learns: bool = False

    def deeper(self, kernels: int) -> Origin:
        """The same behind so many more layers with kernels."""
        return Origin(self.depth + kernels, self.from_input, self.learns)

    def through(self, *, learns: bool) -> Origin:
        """The same behind a layer, which may have weights that train."""
        return Origin(self.depth, self.from_input, self.learns or learns)


def joined(origins: Iterable[Origin]) -> Origin:
    """The origin of what is made of several tensors; of none, that of a constant."""
    found = list(origins)
    return Origin(
        depth=max((origin.depth for origin in found), default=0),
        from_input=any(origin.from_input for origin in found),
        learns=any(origin.learns for origin in found),
    )


def training_passes(left: Origin, right: Origin) -> int:
    """Forward passes that a product of two factors is worth in a training step: one, and one for each gradient.

    A kernel that trains counts three passes, also in a first layer, whose inputs need no gradient: the convention for
    a model's FLOPs.
    """
    if any(factor.learns and not factor.from_input for factor in (left, right)):
        return 3
    return 1 + left.learns + right.learns
