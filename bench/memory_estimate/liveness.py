"""Live bytes over a step: forward, and in training the loss, backward and the update. Knows nothing of Keras.

Every buffer is live over an interval of moments, as in the allocation of registers (Poletto and Sarkar 1999, "Linear
scan register allocation"). With n calls, call i runs forward at moment i and backward at moment 2n − 1 − i; the update
of the weights is moment 2n.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, NamedTuple

from anatomy.bench.memory_estimate.buffer_graph import Call, Graph

Phase = Literal["forward", "backward", "update"]


class Moment(NamedTuple):
    """Live bytes while one call runs, without what is there during the whole step.

    Attributes:
        layer: whose call runs; empty in the update.
        activations: outputs of layers, and what their calls make inside.
        activation_gradients: of outputs of layers.
        gradients: of weights.
    """

    phase: Phase
    layer: str
    activations: int
    activation_gradients: int
    gradients: int

    @property
    def live_bytes(self) -> int:
        """Activations and both kinds of gradients together."""
        return self.activations + self.activation_gradients + self.gradients


@dataclass(frozen=True)
class Timeline:
    """The moments of a step in order."""

    moments: tuple[Moment, ...]

    @property
    def peak(self) -> Moment:
        """The first moment with the most live bytes."""
        return max(self.moments, key=lambda moment: moment.live_bytes)


class _Interval(NamedTuple):
    """`size` bytes from moment `first` to moment `last`, both included; negative for memory that is used again."""

    first: int
    last: int
    size: int


def timeline(graph: Graph, batch_size: int, *, training: bool, eager: bool = False) -> Timeline:
    """The live bytes at every moment of a step on `batch_size` examples.

    A buffer lives from the call that writes it to its last reader; a kept one to the backward pass of the first call
    that keeps it; the gradient of a buffer from the backward pass of its last reader to that of its writer; the
    gradient of a weight to the update.

    Args:
        eager: not run as one graph. Every buffer that one layer hands to another then lives at least to the end of the
            forward pass, since Keras's functional models hold it until their call returns
            (`Function._run_through_graph` of keras/src/ops/function.py).
    """
    if not graph.calls:
        return Timeline((Moment("forward", "", 0, 0, 0),))
    lives = _Intervals(graph, batch_size, training, eager)
    count = 2 * len(graph.calls) + 1 if training else len(graph.calls)
    activations = _totals(lives.activations(), count)
    gradients = _totals(lives.activation_gradients() if training else (), count)
    weights = _totals(lives.weight_gradients() if training else (), count)
    layers = [call.layer for call in graph.calls]
    places: list[tuple[Phase, str]] = [("forward", layer) for layer in layers]
    if training:
        places += [("backward", layer) for layer in reversed(layers)] + [("update", "")]
    return Timeline(
        tuple(
            Moment(phase, layer, *live)
            for (phase, layer), *live in zip(places, activations, gradients, weights, strict=True)
        )
    )


def kept_bytes(graph: Graph, batch_size: int) -> dict[str, int]:
    """Bytes that each layer leaves for the backward pass: its outputs that any call keeps, and what it makes inside."""
    kept = {number for call in graph.calls for number in call.keeps}
    found: dict[str, int] = {}
    for call, fresh in _calls_with_outputs(graph):
        outputs = sum(graph.buffers[number].kept.at(batch_size) for number in fresh if number in kept)
        own = call.own.at(batch_size) if call.differentiable else 0
        found[call.layer] = found.get(call.layer, 0) + outputs + own
    return found


def written_bytes(graph: Graph, batch_size: int) -> dict[str, int]:
    """Bytes of the outputs of each layer's calls, each buffer once."""
    found: dict[str, int] = {}
    for call, fresh in _calls_with_outputs(graph):
        outputs = sum(graph.buffers[number].size.at(batch_size) for number in fresh)
        found[call.layer] = found.get(call.layer, 0) + outputs
    return found


class _Intervals:
    """From when to when each piece of memory lives."""

    def __init__(self, graph: Graph, batch_size: int, training: bool, eager: bool) -> None:
        self._graph, self._training = graph, training
        self._sizes = [buffer.size.at(batch_size) for buffer in graph.buffers]
        self._kept_sizes = [max(b.size.at(batch_size), b.kept.at(batch_size)) for b in graph.buffers]
        self._batch_size = batch_size
        self._writer = _writers(graph)
        self._held = graph.outputs | (_handed_on(graph) if eager else frozenset())
        self._last_reader: dict[int, int] = {}
        self._last_gradient: dict[int, int] = {}
        self._first_keeper: dict[int, int] = {}
        for index, call in enumerate(graph.calls):
            for buffer in call.reads:
                self._last_reader[buffer] = index
                if call.differentiable:
                    self._last_gradient[buffer] = index
            for buffer in call.keeps if training and call.differentiable else ():
                self._first_keeper.setdefault(buffer, index)

    def activations(self) -> Iterator[_Interval]:
        last_forward = len(self._graph.calls) - 1
        for buffer, writer in self._writer.items():
            if buffer in self._first_keeper:
                yield _Interval(writer, self._backward(self._first_keeper[buffer]), self._kept_sizes[buffer])
            else:
                last = last_forward if buffer in self._held else self._last_reader.get(buffer, writer)
                yield _Interval(writer, max(writer, last), self._sizes[buffer])
        for index, call in enumerate(self._graph.calls):
            keeps = self._training and call.differentiable
            yield _Interval(index, self._backward(index) if keeps else index, call.own.at(self._batch_size))
            yield _Interval(index, index, -self._reused(index))

    def activation_gradients(self) -> Iterator[_Interval]:
        for buffer, reader in self._last_gradient.items():
            if self._graph.buffers[buffer].differentiable and buffer in self._writer:
                yield _Interval(self._backward(reader), self._backward(self._writer[buffer]), self._sizes[buffer])
        for index in range(len(self._graph.calls)):
            yield _Interval(self._backward(index), self._backward(index), -self._reused_gradient(index))

    def weight_gradients(self) -> Iterator[_Interval]:
        for index, call in enumerate(self._graph.calls):
            yield _Interval(self._backward(index), 2 * len(self._graph.calls), call.gradient_bytes)

    def _backward(self, index: int) -> int:
        return 2 * len(self._graph.calls) - 1 - index

    def _reused(self, index: int) -> int:
        """Bytes of the first output of a call that lie where a dead input lay."""
        output = self._in_place_output(index)
        dead = output is not None and any(
            self._writer.get(buffer, index) < index
            and self._last_reader[buffer] == index
            and buffer not in self._first_keeper
            and buffer not in self._held
            and self._sizes[buffer] >= self._sizes[output]
            for buffer in self._graph.calls[index].reads
        )
        return self._sizes[output] if output is not None and dead else 0

    def _reused_gradient(self, index: int) -> int:
        """Bytes of the gradient of an input that lie where the gradient of the output lay."""
        output = self._in_place_output(index)
        if output is None or output not in self._last_gradient or not self._graph.buffers[output].differentiable:
            return 0
        begun = any(
            self._last_gradient.get(buffer) == index
            and self._graph.buffers[buffer].differentiable
            and self._writer.get(buffer, index) < index
            and self._sizes[buffer] == self._sizes[output]
            for buffer in self._graph.calls[index].reads
        )
        return self._sizes[output] if begun else 0

    def _in_place_output(self, index: int) -> int | None:
        """The first buffer that an in-place call is the writer of."""
        call = self._graph.calls[index]
        written = (buffer for buffer in call.writes if self._writer.get(buffer) == index)
        return next(written, None) if call.in_place else None


def _handed_on(graph: Graph) -> frozenset[int]:
    """Buffers that another layer reads than the one that wrote them."""
    writer = {buffer: graph.calls[index].layer for buffer, index in _writers(graph).items()}
    return frozenset(b for call in graph.calls for b in call.reads if writer.get(b, call.layer) != call.layer)


def _calls_with_outputs(graph: Graph) -> Iterator[tuple[Call, list[int]]]:
    """Each call with the buffers that it is the first to write."""
    writer = _writers(graph)
    for index, call in enumerate(graph.calls):
        yield call, [number for number in dict.fromkeys(call.writes) if writer.get(number) == index]


def _writers(graph: Graph) -> dict[int, int]:
    """Buffer → the first call that writes it; the batch has none."""
    found: dict[int, int] = {}
    for index, call in enumerate(graph.calls):
        for buffer in call.writes:
            if buffer not in graph.inputs:
                found.setdefault(buffer, index)
    return found


def _totals(intervals: Iterable[_Interval], count: int) -> list[int]:
    """The sum of the intervals at every moment."""
    changes = [0] * (count + 1)
    for first, last, size in intervals:
        changes[first] += size
        changes[last + 1] -= size
    return list(accumulate(changes))[:count]
