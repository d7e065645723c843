"""Keras's own loop, as a user runs it: whole epochs of `fit` or `predict`, timed from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from anatomy.bench.backends.step import Batch
from anatomy.bench.records.case import Feed, Mode
from anatomy.bench.records.record_parts import Block
from anatomy.bench.workload.data_feed import repeated

EPOCHS = 5
FEWEST_STEPS = 4
MOST_STEPS = 1000
LARGEST_DATA_BYTES = 256 * 2**20
# Arrays or a dataset, and the arguments that say how they are batched.
EpochData = tuple[tuple[Any, ...], dict[str, int]]
# An epoch grows by at most this factor at a time, and stays when it would grow by less than the other.
GROWTH = 10
ENOUGH = 1.5


@dataclass
class LoopTimings:
    """Epochs as blocks; the first call's seconds (with compilation), steps before the window.

    Attributes:
        fits: steps and mean loss of every epoch of `fit`, those before the window among them; the first is one step.
        sampled: outputs of the last batch of the second call of `predict`, the first with several batches: the same
            on every backend, whatever an epoch becomes.
        outputs: arrays of the last epoch of `predict`.
        start_s, end_s: the window, from the start of the first measured epoch to the end of the last one.
    """

    compile_s: float
    warmup_steps: int
    blocks: list[Block] = field(default_factory=list)
    fits: list[tuple[int, float]] = field(default_factory=list)
    sampled: list[Any] = field(default_factory=list)
    outputs: Sequence[Any] = ()
    start_s: float = 0.0
    end_s: float = 0.0


def time_loop(
    model: Any,
    batch: Batch,
    mode: Mode,
    seconds: float,
    steps: int | None = None,
    feed: Feed = "numpy",
    clock: Callable[[], float] = time.perf_counter,
) -> LoopTimings:
    """Time `EPOCHS` epochs of about `seconds` in all, or of `steps` steps each.

    An epoch is one call, so that its constant cost (callbacks, iterator, progress) is part of it, spread
    over the epoch's steps. Nothing runs inside the loop. Both calls return values on the host (the epoch's
    logs, the predictions), so that the end of an epoch is the end of its work.
    """
    call = LoopCall(model, batch, mode, feed)
    compiled = call.timed(call.data(1), clock)
    fits = [(1, compiled.loss)]
    sampled: list[Any] = []
    size = min(steps or FEWEST_STEPS, MOST_STEPS, call.most_steps)
    while True:
        data = call.data(size)
        epoch = call.timed(data, clock)
        fits.append((size, epoch.loss))
        sampled = sampled or call.last_batch(epoch.outputs)
        # The constant cost of a call hides how many steps fit: grow until an epoch fills half its time.
        wanted = steps or int(min(GROWTH, seconds / EPOCHS / epoch.seconds) * size)
        wanted = min(wanted, MOST_STEPS, call.most_steps)
        if wanted <= size * ENOUGH:
            break
        size = wanted
        # Let go of these before the next are made: the memory's peak has one epoch's data, as a user's has.
        del data, epoch
    # All epochs take the same data, so that nothing but epochs is in the window, and in its energy.
    warmup_steps = sum(steps for steps, _ in fits)
    timings = LoopTimings(compile_s=compiled.seconds, warmup_steps=warmup_steps, start_s=clock())
    for _ in range(EPOCHS):
        # As a user who predicts again: the outputs of one epoch at a time are held.
        del epoch
        epoch = call.timed(data, clock)
        timings.blocks.append(Block(steps=size, seconds=epoch.seconds))
        fits.append((size, epoch.loss))
    timings.end_s = clock()
    timings.fits = [(steps, loss) for steps, loss in fits if loss is not None]
    timings.sampled, timings.outputs = sampled, epoch.outputs
    return timings


class Epoch(NamedTuple):
    """Seconds of one call; its mean loss (`fit`), or its output arrays (`predict`)."""

    seconds: float
    loss: float | None = None
    outputs: Sequence[Any] = ()


class LoopCall:
    """One call of the loop over a number of batches, all copies of one batch."""

    def __init__(self, model: Any, batch: Batch, mode: Mode, feed: Feed) -> None:
        import keras

        self._model = model
        self._fits = mode == "fit"
        self._feed = feed
        self._data = (batch.x, batch.y) if self._fits else (batch.x,)
        leaves = keras.tree.flatten(self._data)
        self._size = len(leaves[0])
        self.most_steps = max(1, LARGEST_DATA_BYTES // sum(leaf.nbytes for leaf in leaves))

    def data(self, steps: int) -> EpochData:
        """The data of an epoch of `steps` batches, and how `fit` or `predict` is told of the batches."""
        return repeated(self._data, steps, self._feed, self._size)

    def last_batch(self, outputs: Sequence[Any]) -> list[Any]:
        """Copies of its outputs; empty for `fit`."""
        return [leaf[-self._size :].copy() for leaf in outputs]

    def timed(self, given: EpochData, clock: Callable[[], float]) -> Epoch:
        """One epoch, timed."""
        import keras

        data, batching = given
        if not self._fits:
            start = clock()
            outputs = self._model.predict(*data, **batching, verbose=0)
            return Epoch(clock() - start, outputs=keras.tree.flatten(outputs))
        start = clock()
        history = self._model.fit(*data, **batching, epochs=1, verbose=0, shuffle=False)
        return Epoch(clock() - start, loss=float(history.history["loss"][-1]))
