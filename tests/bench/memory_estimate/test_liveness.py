"""The timeline against a count that asks, at every moment, of every piece of memory whether it is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.memory_estimate.affine_size import AffineSize
from anatomy.bench.memory_estimate.buffer_graph import Buffer, Call, Graph, merge
from anatomy.bench.memory_estimate.liveness import Moment, kept_bytes, timeline, written_bytes


def buffer(size_bytes: int, differentiable: bool = True) -> Buffer:
    return Buffer(AffineSize(size_bytes), AffineSize(size_bytes), differentiable)


def chain() -> Graph:
    """x (4 B) → dense → a (10 B) → relu → b (10 B) → dense → y (6 B)."""
    return Graph(
        buffers=(buffer(4, False), buffer(10), buffer(10), buffer(6)),
        calls=(
            Call("dense1", (0,), (1,), keeps=(0,), differentiable=True, gradient_bytes=3),
            Call("relu", (1,), (2,), keeps=(2,), differentiable=True, in_place=True),
            Call("dense2", (2,), (3,), keeps=(2,), differentiable=True, gradient_bytes=5),
            Call("loss", (3,), (), keeps=(3,), own=AffineSize(6), differentiable=True),
        ),
        inputs=frozenset([0]),
        outputs=frozenset(),
    )


def test_a_chain_in_training_by_hand() -> None:
    found = [(m.phase, m.layer, *m[2:]) for m in timeline(chain(), 1, training=True).moments]
    assert found == [
        ("forward", "dense1", 10, 0, 0),
        # The rectified values take the place of the others.
        ("forward", "relu", 10, 0, 0),
        ("forward", "dense2", 16, 0, 0),
        ("forward", "loss", 22, 0, 0),
        ("backward", "loss", 22, 6, 0),
        # y is no longer kept; the gradients of y, and of b, and of the kernel.
        ("backward", "dense2", 10, 16, 5),
        # The gradient of a takes the place of that of b.
        ("backward", "relu", 10, 10, 5),
        ("backward", "dense1", 0, 10, 8),
        ("update", "", 0, 0, 8),
    ]


def test_a_chain_in_inference_by_hand() -> None:
    graph = Graph(chain().buffers, chain().calls[:3], frozenset([0]), frozenset([3]))
    found = timeline(graph, 1, training=False)
    assert [moment.live_bytes for moment in found.moments] == [10, 10, 16]
    assert found.peak == Moment("forward", "dense2", 16, 0, 0)


def test_layer_by_layer_what_is_handed_on_stays_until_the_call_ends() -> None:
    graph = Graph(chain().buffers, chain().calls[:3], frozenset([0]), frozenset([3]))
    live = [moment.live_bytes for moment in timeline(graph, 1, training=False, eager=True).moments]
    assert live == [10, 20, 26]
    # What a layer makes for itself alone goes as it does otherwise.
    own = Graph(graph.buffers, tuple(replace(call, layer="one") for call in graph.calls), graph.inputs, graph.outputs)
    assert timeline(own, 1, training=False, eager=True) == timeline(own, 1, training=False)


def test_layer_by_layer_in_training_what_is_not_kept_goes_with_the_forward_pass() -> None:
    live = [moment.activations for moment in timeline(chain(), 1, training=True, eager=True).moments]
    compiled = [moment.activations for moment in timeline(chain(), 1, training=True).moments]
    # Before the rectifier: 10 B that no backward pass needs.
    assert [a - b for a, b in zip(live, compiled, strict=True)] == [0, 10, 10, 10, 0, 0, 0, 0, 0]


def test_a_branch_lives_until_it_is_joined() -> None:
    graph = Graph(
        buffers=(buffer(1, False), buffer(8), buffer(100), buffer(100), buffer(108)),
        calls=(
            Call("skip", (0,), (1,)),
            Call("up", (0,), (2,)),
            Call("on", (2,), (3,)),
            Call("join", (1, 3), (4,)),
        ),
        inputs=frozenset([0]),
        outputs=frozenset([4]),
    )
    assert [m.live_bytes for m in timeline(graph, 1, training=False).moments] == [8, 108, 208, 216]


def test_what_each_layer_leaves() -> None:
    assert kept_bytes(chain(), 1) == {"dense1": 0, "relu": 10, "dense2": 6, "loss": 6}
    assert written_bytes(chain(), 1) == {"dense1": 10, "relu": 10, "dense2": 6, "loss": 0}


def test_sizes_are_found_from_two_batch_sizes() -> None:
    def graph(batch: int) -> Graph:
        return Graph(
            (Buffer(AffineSize(100 + 7 * batch), AffineSize(3 * batch), True),),
            (Call("dense", (), (0,), own=AffineSize(5 * batch)),),
            frozenset(),
            frozenset([0]),
        )

    merged = merge(graph(1), graph(2), "m")
    assert merged.buffers == (Buffer(AffineSize(100, 7), AffineSize(0, 3), True),)
    assert merged.calls[0].own == AffineSize(0, 5)
    with pytest.raises(ValueError, match="'m' computes something else for a batch of 2"):
        merge(graph(1), Graph((), (), frozenset(), frozenset()), "m")


@st.composite
def graphs(draw: Any) -> Graph:
    """Calls that each read what was written before, and write one or two buffers."""
    calls: list[Call] = []
    buffers = [buffer(draw(st.integers(1, 9)), False)]
    for number in range(draw(st.integers(1, 7))):
        reads = tuple(draw(st.sets(st.integers(0, len(buffers) - 1), min_size=1, max_size=3)))
        differentiable = draw(st.booleans())
        written = []
        for _ in range(draw(st.integers(1, 2))):
            written.append(len(buffers))
            buffers.append(buffer(draw(st.integers(1, 9)), differentiable))
        keeps = tuple(draw(st.sets(st.sampled_from([*reads, *written]), max_size=3))) if differentiable else ()
        own, gradient = AffineSize(draw(st.integers(0, 5))), draw(st.integers(0, 5)) if differentiable else 0
        calls.append(
            Call(
                f"c{number}", reads, tuple(written), keeps, own, differentiable=differentiable, gradient_bytes=gradient
            )
        )
    outputs = draw(st.sets(st.integers(1, len(buffers) - 1), max_size=2))
    return Graph(tuple(buffers), tuple(calls), frozenset([0]), frozenset(outputs))


def live_by_definition(graph: Graph, training: bool, at: int) -> tuple[int, int, int]:
    """What is there while the call at a moment runs, forward or backward: no intervals, no sums over time."""
    calls, n = graph.calls, len(graph.calls)
    forward, index = at < n, at if at < n else 2 * n - 1 - at
    activations = gradients = 0
    for number, one in enumerate(graph.buffers):
        if number in graph.inputs:
            continue
        writer = next(i for i, call in enumerate(calls) if number in call.writes)
        readers = [i for i, call in enumerate(calls) if number in call.reads]
        keepers = [i for i, call in enumerate(calls) if training and call.differentiable and number in call.keeps]
        needed = [i for i in (writer, *readers) if i >= index] or (number in graph.outputs)
        if forward:
            activations += bool(index >= writer and (needed or keepers)) * one.size.fixed_bytes
        else:
            activations += any(keeper <= index for keeper in keepers) * one.size.fixed_bytes
            contributors = [i for i in readers if calls[i].differentiable and i >= index]
            gradients += bool(contributors and one.differentiable and index >= writer) * one.size.fixed_bytes
    for i, call in enumerate(calls):
        kept = training and call.differentiable and (i <= index)
        activations += ((i == index and forward) or kept) * call.own.fixed_bytes
    weights = 0 if forward else sum(call.gradient_bytes for i, call in enumerate(calls) if i >= index)
    return activations, gradients, weights


@given(graphs(), st.booleans())
def test_every_moment_is_as_defined(graph: Graph, training: bool) -> None:
    moments = timeline(graph, 1, training=training).moments
    calls = len(graph.calls)
    assert len(moments) == (2 * calls + 1 if training else calls)
    for at, moment in enumerate(moments[: 2 * calls]):
        assert moment[2:] == live_by_definition(graph, training, at), f"at {at} of {graph}"
    if training:
        assert moments[-1].gradients == sum(call.gradient_bytes for call in graph.calls)


@given(graphs(), st.booleans())
def test_putting_outputs_in_place_never_costs(graph: Graph, training: bool) -> None:
    saving = replace(graph, calls=tuple(replace(call, in_place=True) for call in graph.calls))
    pairs = zip(
        timeline(saving, 1, training=training).moments, timeline(graph, 1, training=training).moments, strict=True
    )
    assert all(0 <= a.live_bytes <= b.live_bytes for a, b in pairs)


@given(graphs(), st.booleans(), st.booleans())
def test_layer_by_layer_never_takes_less(graph: Graph, training: bool, in_place: bool) -> None:
    graph = replace(graph, calls=tuple(replace(call, in_place=in_place) for call in graph.calls))
    eager = timeline(graph, 1, training=training, eager=True).moments
    compiled = timeline(graph, 1, training=training).moments
    assert all(a.live_bytes >= b.live_bytes for a, b in zip(eager, compiled, strict=True))
    # Backward, both are the same.
    assert eager[len(graph.calls) :] == compiled[len(graph.calls) :]


@given(graphs(), st.integers(1, 50))
def test_memory_is_linear_in_the_batch_where_every_buffer_is(graph: Graph, batch: int) -> None:
    scaled = replace(
        graph,
        buffers=tuple(
            Buffer(AffineSize(0, b.size.fixed_bytes), AffineSize(0, b.kept.fixed_bytes), b.differentiable)
            for b in graph.buffers
        ),
        calls=tuple(replace(c, own=AffineSize(0, c.own.fixed_bytes), gradient_bytes=0) for c in graph.calls),
    )
    one, many = timeline(scaled, 1, training=True), timeline(scaled, batch, training=True)
    assert many.peak.live_bytes == batch * one.peak.live_bytes
