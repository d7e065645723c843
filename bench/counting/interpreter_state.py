"""What is known while a model runs on shapes: the open layers, the rows found, the depth of each tensor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anatomy.bench.counting.layer_counts import Frame, LayerCounts, size_in_bytes, symbolic_tensors


class InterpreterState:
    """The state that the handlers of single kinds of layers read and change.

    Args:
        batch: the batch size of the symbolic inputs; the MACs of operations are divided by it.

    Attributes:
        counts: the rows found.
        frames: the layers that are open, outermost first.
        steps: lengths of the time axes around the current layer (`TimeDistributed`, custom cells).
        visiting: whether calls on symbolic tensors are counted now, or left to Keras.
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.counts = LayerCounts()
        self.frames: list[Frame] = []
        self.steps: list[int | None] = []
        self.visiting = False
        self._depths: dict[int, tuple[Any, int]] = {}

    @contextmanager
    def set_visiting(self, on: bool) -> Iterator[None]:
        """Within the block, count calls on symbolic tensors, or leave them to Keras."""
        before, self.visiting = self.visiting, on
        try:
            yield
        finally:
            self.visiting = before

    def enter(
        self, layer: Any, inputs: Any, *, folded: bool = False, operations: frozenset[int] = frozenset()
    ) -> Frame:
        """A frame for a layer that is given `inputs`, named by its place below the outermost model."""
        name = "/".join([*(frame.layer.name for frame in self.frames[1:]), layer.name])
        return Frame(layer, name, size_in_bytes(inputs, self.steps), len(self.counts.rows), operations, folded)

    @contextmanager
    def inside(self, frame: Frame) -> Iterator[None]:
        """Within the block, what is visited lies inside this layer."""
        self.frames.append(frame)
        try:
            yield
        finally:
            self.frames.pop()

    def close(self, frame: Frame, outputs: Any, depth: int | None) -> Any:
        """Write the row of a layer, or add it to the folded layer around it; returns `outputs`."""
        if depth is not None:
            self.set_depth(outputs, depth)
        around = next((outer for outer in self.frames if outer.folded), None)
        if around is not None:
            around.absorb(frame)
        else:
            self.counts.write(frame, outputs, self.steps)
        return outputs

    def output_spec(self, operation: Any, args: Any, kwargs: Any) -> Any:
        """Shapes and dtypes of the outputs, by Keras's own inference."""
        with self.set_visiting(False):
            return operation.compute_output_spec(*args, **kwargs)

    def cast(self, layer: Any, source: Any, result: Any) -> None:
        """Note that `layer` reads `source` in its own dtype, as `result`."""
        self.set_depth(result, self.depth_of(source))

    def share(self, source: Any, result: Any) -> None:
        """Note that one tensor is a part of the other, as a step is of a sequence; counts do not depend on it."""

    def depth_of(self, structure: Any) -> int:
        """The longest path to any tensor of a structure, in layers with kernels."""
        known = (self._depths.get(id(tensor)) for tensor in symbolic_tensors(structure))
        return max((entry[1] for entry in known if entry), default=0)

    def set_depth(self, structure: Any, depth: int) -> None:
        """Note the path to each tensor; holding the tensor keeps its id unique."""
        for tensor in symbolic_tensors(structure):
            self._depths[id(tensor)] = (tensor, depth)
