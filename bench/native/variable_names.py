"""Names for the tensors of a program: few, and used again when their tensor is no longer needed.

A name that stays would keep its tensor in memory until the function ends.
"""

from __future__ import annotations

from collections.abc import Iterator

from anatomy.bench.native.model_graph import Call, ModelGraph, Tensor


def _names() -> Iterator[str]:
    yield from "xyzuvw"
    number = 1
    while True:
        yield f"t{number}"
        number += 1


class VariableNames:
    """Gives each tensor of a graph a name for as long as it is needed.

    Args:
        graph: the calls, which must be named in their order.
    """

    def __init__(self, graph: ModelGraph) -> None:
        self._last_use = {tensor: call for call in graph.calls for tensor in call.inputs}
        self._kept = set(graph.outputs)
        self._fresh = _names()
        self._free: list[str] = []
        self._named: dict[Tensor, str] = {}

    def of(self, tensor: Tensor) -> str:
        """The name of a tensor that is there."""
        return self._named[tensor]

    def new(self, tensor: Tensor) -> str:
        """A name for an input or an output."""
        self._named[tensor] = name = self._free.pop(0) if self._free else next(self._fresh)
        return name

    def of_outputs(self, call: Call) -> list[str]:
        """Names of what a call returns; they may be those of arguments that are needed no more."""
        for tensor in dict.fromkeys(call.inputs):
            if self._last_use.get(tensor) is call and tensor not in self._kept and tensor in self._named:
                self._free.insert(0, self._named.pop(tensor))
        return [self.new(tensor) for tensor in call.outputs]

    def take_over(self, call: Call, tensor: Tensor) -> str:
        """The name of an argument, which from here on is that of the call's output: the call wrote over it."""
        name = self._named.pop(tensor)
        for other in dict.fromkeys(call.inputs):
            if self._last_use.get(other) is call and other not in self._kept and other in self._named:
                self._free.insert(0, self._named.pop(other))
        self._named[call.output] = name
        return name
