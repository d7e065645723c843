"""Takes a small trace of one backend into a folder: `python traces.py BACKEND FOLDER`.

Nothing but a matrix product and what follows it, three steps; each ends in what the writer of the layout is given.
"""

from __future__ import annotations

import sys
from pathlib import Path

STEPS = 3


def tensorflow(folder: Path) -> None:
    """A trace below `folder`, and the step's graph as `graph.pb`."""
    import tensorflow as tf

    weights = tf.Variable(tf.ones((64, 64)))

    @tf.function
    def step(x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.nn.relu(tf.matmul(x, weights)))

    x = tf.ones((8, 64))
    step(x)
    (folder / "graph.pb").write_bytes(step.get_concrete_function(x).graph.as_graph_def().SerializeToString())
    tf.profiler.experimental.start(str(folder))
    for number in range(STEPS):
        with tf.profiler.experimental.Trace("step", step_num=number, _r=1):
            step(x).numpy()
    tf.profiler.experimental.stop()


def jax(folder: Path) -> None:
    """A trace below `folder`."""
    import jax
    import jax.numpy as jnp

    step = jax.jit(lambda x, w: jnp.tanh(x @ w).sum())
    arguments = jnp.ones((8, 64)), jnp.ones((64, 64))
    step(*arguments).block_until_ready()
    with jax.profiler.trace(str(folder)):
        for number in range(STEPS):
            with jax.profiler.StepTraceAnnotation("step", step_num=number):
                step(*arguments).block_until_ready()


def torch(folder: Path) -> None:
    """`torch.xplane.pb` in `folder`, written by Anatomy."""
    import torch
    from torch.profiler import ProfilerActivity, profile, record_function

    from anatomy.bench.xla.xspace import Event, Line, Plane
    from anatomy.bench.xla.xspace_writer import HOST_PLANE, operation_event, step_event, write_xspace

    x, weights = torch.ones((8, 64)), torch.ones((64, 64), requires_grad=True)
    with profile(activities=[ProfilerActivity.CPU]) as taken:
        for number in range(STEPS):
            with record_function(f"step {number}"):
                torch.relu(x @ weights).sum().backward()
    threads: dict[int, list[Event]] = {}
    for event in taken.events():
        start_ns, duration_ns = event.time_range.start * 1000, event.time_range.elapsed_us() * 1000
        word, _, number = event.name.partition(" ")
        if word == "step":
            made = step_event(int(number), start_ns, duration_ns)
        else:
            made = operation_event(event.name, start_ns, duration_ns)
        threads.setdefault(event.thread, []).append(made)
    lines = tuple(Line(f"thread {thread}", tuple(events)) for thread, events in threads.items())
    write_xspace(folder / "torch.xplane.pb", [Plane(HOST_PLANE, lines)])


if __name__ == "__main__":
    {"tensorflow": tensorflow, "jax": jax, "torch": torch}[sys.argv[1]](Path(sys.argv[2]))
