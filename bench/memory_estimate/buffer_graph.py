"""A step as a list of calls on buffers, in order of computation. Knows nothing of Keras."""

from __future__ import annotations

from dataclasses import dataclass, replace

from anatomy.bench.memory_estimate.affine_size import NOTHING, AffineSize


@dataclass(frozen=True)
class Buffer:
    """One piece of memory that calls read and write; several tensors where they are views of each other.

    Attributes:
        size: while it is in use.
        kept: while it is kept for the backward pass; larger inside a loop over time, where each step keeps its own.
        differentiable: whether a gradient of it is computed.
    """

    size: AffineSize
    kept: AffineSize
    differentiable: bool


@dataclass(frozen=True)
class Call:
    """One layer or operation.

    Attributes:
        layer: the layer that it belongs to.
        reads, writes: numbers of buffers.
        keeps: those among them that its backward pass reads.
        own: what it makes inside and keeps for its backward pass (a mask, a cast of its kernel).
        in_place: whether its first output may take the place of an input that nothing else needs.
        differentiable: whether it has a backward pass; a call without one keeps nothing.
        gradient_bytes: of its weights.
    """

    layer: str
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    keeps: tuple[int, ...] = ()
    own: AffineSize = NOTHING
    in_place: bool = False
    differentiable: bool = False
    gradient_bytes: int = 0


@dataclass(frozen=True)
class Graph:
    """The forward pass of a step.

    Attributes:
        inputs: buffers of the batch, which is there during the whole step and counted apart.
        outputs: buffers that are there until the end.
    """

    buffers: tuple[Buffer, ...]
    calls: tuple[Call, ...]
    inputs: frozenset[int]
    outputs: frozenset[int]


def merge(at_1: Graph, at_2: Graph, name: str) -> Graph:
    """The graph for any batch size, from the graphs of one example and of two, whose sizes are numbers.

    Raises:
        ValueError: the model does something else for two examples than for one.
    """
    alike = [replace(call, own=NOTHING) for call in at_1.calls] == [replace(call, own=NOTHING) for call in at_2.calls]
    if not alike or len(at_1.buffers) != len(at_2.buffers):
        raise ValueError(f"model {name!r} computes something else for a batch of 2 than for 1; expected the same calls")
    buffers = (
        Buffer(_through(one.size, two.size), _through(one.kept, two.kept), one.differentiable)
        for one, two in zip(at_1.buffers, at_2.buffers, strict=True)
    )
    calls = (replace(one, own=_through(one.own, two.own)) for one, two in zip(at_1.calls, at_2.calls, strict=True))
    return replace(at_1, buffers=tuple(buffers), calls=tuple(calls))


def _through(one: AffineSize, two: AffineSize) -> AffineSize:
    return AffineSize.through(one.fixed_bytes, two.fixed_bytes)
