"""Time Keras's own loop, `fit` or `predict`, as a user runs it: whole epochs, timed from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from anatomy.bench.backends.step import Batch, loss_of
from anatomy.bench.input_pipeline.feeds import Fed
from anatomy.bench.records.case import Mode
from anatomy.bench.records.record_parts import Block

EPOCHS = 5
FEWEST_STEPS = 4
MOST_STEPS = 1000
LARGEST_DATA_BYTES = 256 * 2**20
# Arrays or a dataset, and the keyword arguments that tell `fit` or `predict` how to batch them.
EpochData = tuple[tuple[Any, ...], dict[str, Any]]
# While its size is searched, an epoch grows at most by GROWTH at a time, and stays once it would grow by less than
# ENOUGH.
GROWTH = 10
ENOUGH = 1.5


@dataclass
class LoopTimings:
    """Times of whole epochs, in seconds.

    Attributes:
        compile_s: first call, of one step, with compilation.
        warmup_steps: number of steps before the window.
        blocks: the measured epochs.
        fits: number of steps and mean loss of every epoch of `fit`, also of those before the window; the first epoch is
            a single step.
        sampled: outputs of `predict` for the last batch of the second call, which has the same size on every backend.
        outputs: outputs of the last epoch of `predict`.
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
    fed: Fed | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> LoopTimings:
    """Time `EPOCHS` epochs of about `seconds` in all, or of `steps` steps each.

    An epoch is one call, whose constant cost (callbacks, iterator, progress) is spread over its steps. Nothing of
    Anatomy runs inside the loop. Both `fit` and `predict` return values on the host (logs, predictions): when they
    return, the work of the epoch is done. Where the model runs several steps per execution, epochs are whole
    executions.

    Raises:
        NotImplementedError: an execution has more steps than an epoch may have.
    """
    call = LoopCall(model, batch, mode, fed)
    compiled = call.timed(call.data(1), clock)
    fits = [(1, compiled.loss)]
    sampled: list[Any] = []
    together, most = call.steps_per_execution, call.most_in_executions
    size = min(steps or FEWEST_STEPS, MOST_STEPS, call.most_steps)
    if together > 1:
        # Outputs are sampled at the same place as without, and whole executions are another program.
        for count in (size, min(together, most)):
            epoch = call.timed(call.data(count), clock)
            fits.append((count, epoch.loss))
            sampled = sampled or call.last_batch(epoch.outputs)
        size = min(whole_executions(size, together), most)
    while True:
        data = call.data(size)
        epoch = call.timed(data, clock)
        fits.append((size, epoch.loss))
        sampled = sampled or call.last_batch(epoch.outputs)
        # The constant cost of a call hides how many steps fit into the time: grow until an epoch fills most of it.
        wanted = steps or int(min(GROWTH, seconds / EPOCHS / epoch.seconds) * size)
        wanted = min(whole_executions(wanted, together), most)
        if wanted <= size * ENOUGH:
            break
        size = wanted
        # Free these before the next are made: peak memory then contains one epoch's data, as a user's does.
        del data, epoch
    # All epochs share their data, so the window, and its energy, contains nothing but epochs.
    warmup_steps = sum(steps for steps, _ in fits)
    timings = LoopTimings(compile_s=compiled.seconds, warmup_steps=warmup_steps, start_s=clock())
    for _ in range(EPOCHS):
        # Hold the outputs of one epoch at a time, as a user who predicts again does.
        del epoch
        epoch = call.timed(data, clock)
        timings.blocks.append(Block(steps=size, seconds=epoch.seconds))
        fits.append((size, epoch.loss))
    timings.end_s = clock()
    timings.fits = [(steps, loss) for steps, loss in fits if loss is not None]
    timings.sampled, timings.outputs = sampled, epoch.outputs
    return timings


class Epoch(NamedTuple):
    """One call of `fit` or `predict`.

    Attributes:
        seconds: time of the call.
        loss: mean loss of a `fit`.
        outputs: outputs of a `predict`.
    """

    seconds: float
    loss: float | None = None
    outputs: Sequence[Any] = ()


class LoopCall:
    """Calls `fit` or `predict` on a number of batches: copies of one batch, unless the feed has a source.

    Args:
        fed: how the batches come; by default as arrays in memory.
    """

    def __init__(self, model: Any, batch: Batch, mode: Mode, fed: Fed | None = None) -> None:
        import keras

        self._model = model
        self._fits = mode == "fit"
        self._fed = fed or Fed()
        self._dataset = batch.dataset
        given = batch.of_step(self._fits)
        self._data = given if isinstance(given, tuple) else (given,)
        leaves = keras.tree.flatten(self._data)
        self._size = len(leaves[0])
        self.most_steps = max(1, LARGEST_DATA_BYTES // sum(leaf.nbytes for leaf in leaves))
        if self._dataset is not None:
            self.most_steps = _length(self._dataset)

    @property
    def steps_per_execution(self) -> int:
        """How many steps the model was compiled to run before the loop comes back to Python."""
        return int(getattr(self._model, "steps_per_execution", 1))

    @property
    def most_in_executions(self) -> int:
        """The most steps of an epoch that is whole executions; of a dataset that is shorter than one, its batches.

        Raises:
            NotImplementedError: there is none.
        """
        together = self.steps_per_execution
        most = min(MOST_STEPS, self.most_steps)
        if most < together and self._dataset is None:
            raise NotImplementedError(
                f"an execution of {together} steps is longer than an epoch that is measured may be:"
                f" {LARGEST_DATA_BYTES // 2**20} MiB of data hold {most} of these batches; use fewer steps an execution"
            )
        return int(most - most % together) or most

    def data(self, steps: int) -> EpochData:
        """The data of an epoch of `steps` batches, and the arguments that say how to batch it."""
        if self._dataset is not None:
            return (self._dataset,), {"steps_per_epoch" if self._fits else "steps": steps}
        return self._fed.epoch(self._data, steps, self._size)

    def last_batch(self, outputs: Sequence[Any]) -> list[Any]:
        """Copies of the outputs for the last batch of a `predict`; empty for `fit`."""
        return [leaf[-self._size :].copy() for leaf in outputs]

    def timed(self, given: EpochData, clock: Callable[[], float]) -> Epoch:
        """Run one epoch and time it."""
        import keras

        data, batching = given
        if not self._fits:
            start = clock()
            outputs = self._model.predict(*data, **batching, verbose=0)
            return Epoch(clock() - start, outputs=keras.tree.flatten(outputs))
        start = clock()
        history = self._model.fit(*data, **batching, epochs=1, verbose=0, shuffle=False)
        return Epoch(clock() - start, loss=loss_of({name: values[-1] for name, values in history.history.items()}))


def whole_executions(steps: int, together: int) -> int:
    """So many steps or a few more: a multiple of those of an execution."""
    return -(-steps // together) * together


def _length(dataset: Any) -> int:
    """Batches in a dataset; `MOST_STEPS` where it does not know or has no end."""
    try:
        return len(dataset)
    except TypeError:
        return MOST_STEPS
