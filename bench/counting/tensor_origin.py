"""Where a tensor comes from: how far the inputs are, and whether a training step needs its gradient."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


class GradientPath:
    """A point that gradients pass on their way back from the loss.

    Attributes:
        earlier: the points that they pass next.
        is_reached: whether a gradient comes here, once `mark_reached` was called.
    """

    def __init__(self, earlier: Iterable[GradientPath] = ()) -> None:
        self.earlier = tuple(earlier)
        self.is_reached = False


def mark_reached(ends: Iterable[GradientPath | None]) -> None:
    """Mark all that gradients pass which start at `ends`."""
    waiting = [end for end in ends if end is not None]
    while waiting:
        point = waiting.pop()
        if not point.is_reached:
            point.is_reached = True
            waiting += point.earlier


@dataclass(frozen=True)
class Origin:
    """What is known of a tensor besides its shape.

    Attributes:
        depth: layers with kernels on the longest path to it.
        from_input: whether it depends on the model's inputs; weights and constants do not.
        learns: whether a weight that trains lies before it, so that a gradient passes through it.
        is_stopped: whether a weight that trains lies before it, and something that lets no gradient through between.
        path: where its gradient goes; `None` where no product lies before it.
    """

    depth: int = 0
    from_input: bool = False
    learns: bool = False
    is_stopped: bool = False
    path: GradientPath | None = None

    def deeper(self, kernels: int) -> Origin:
        """The same behind so many more layers with kernels."""
        return replace(self, depth=self.depth + kernels)

    def through(self, *, learns: bool) -> Origin:
        """The same behind a layer, which may have weights that train."""
        return replace(self, learns=self.learns or learns)

    def multiplied(self) -> Origin:
        """The same behind a product, with a point of its own on the way of the gradient."""
        return replace(self, path=GradientPath(() if self.path is None else (self.path,)))

    def stopped(self) -> Origin:
        """The same behind what lets no gradient through: `stop_gradient`, integers, comparisons."""
        return replace(self, learns=False, is_stopped=self.is_stopped or self.learns, path=None)


def joined(origins: Iterable[Origin]) -> Origin:
    """The origin of what is made of several tensors; of none, that of a constant."""
    found = list(origins)
    paths = list(dict.fromkeys(origin.path for origin in found if origin.path is not None))
    return Origin(
        depth=max((origin.depth for origin in found), default=0),
        from_input=any(origin.from_input for origin in found),
        learns=any(origin.learns for origin in found),
        is_stopped=any(origin.is_stopped for origin in found),
        path=GradientPath(paths) if len(paths) > 1 else next(iter(paths), None),
    )


def training_passes(left: Origin, right: Origin) -> int:
    """Forward passes that a product of two factors is worth in a training step: one, and one for each gradient.

    A kernel that trains counts three passes, also in a first layer, whose inputs need no gradient: the convention for
    a model's FLOPs. A layer behind what lets no gradient through is not the first.
    """
    for kernel, other in ((left, right), (right, left)):
        first = not (other.is_stopped and not other.learns)
        if kernel.learns and not kernel.from_input and first:
            return 3
    return 1 + left.learns + right.learns
