"""What the input costs: epochs with it, epochs of batches that are ready, and the input alone, in turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from anatomy.bench.backends.step import Batch
from anatomy.bench.input_pipeline.feeds import Fed, batches_alone
from anatomy.bench.measurement.keras_loop import EpochData, LoopCall
from anatomy.bench.records.case import Mode
from anatomy.bench.records.input_figures import InputFigures

ROUNDS = 5


def measure_input(
    model: Any, batch: Batch, mode: Mode, fed: Fed, steps: int, clock: Callable[[], float] = time.perf_counter
) -> InputFigures:
    """Take turns of the loop as it is fed, the loop on batches in memory, and the input without the model.

    Args:
        steps: of an epoch. Fewer are kept in memory where so many would fill it.
    """
    with_input = LoopCall(model, batch, mode, fed)
    ready = LoopCall(model, Batch(batch.x, batch.y, batch.sample_weight), mode, fed.ready())
    in_memory = min(steps, ready.most_steps)
    fed_data, ready_data = with_input.data(steps), ready.data(in_memory)
    source = None if fed.examples is None else fed.examples.source
    fed_s, ready_s, alone_s = [], [], []
    for _ in range(1 + ROUNDS):
        fed_s.append(with_input.timed(fed_data, clock).seconds / steps)
        ready_s.append(ready.timed(ready_data, clock).seconds / in_memory)
        alone_s.append(_alone(fed_data, steps, clock))
    # In the first round programs are compiled and workers started.
    return InputFigures(
        fed_step_s=fed_s[1:],
        ready_step_s=ready_s[1:],
        alone_step_s=alone_s[1:],
        prepare_s={} if source is None else source.step_seconds(),
    )


def _alone(given: EpochData, steps: int, clock: Callable[[], float]) -> float:
    """Seconds of a batch without the model; slices of arrays where the batches are in memory."""
    (first, *rest), arguments = given
    start = clock()
    if "batch_size" in arguments:
        import keras

        size = arguments["batch_size"]
        for number in range(steps):
            keras.tree.map_structure(lambda array: array[number * size : (number + 1) * size].copy(), (first, *rest))  # noqa: B023
    else:
        for _ in batches_alone(first, steps):
            pass
    return (clock() - start) / steps
