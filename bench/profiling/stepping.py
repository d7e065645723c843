"""Run the steps of a profile: single synchronised steps, or epochs of Keras's own loop."""

from __future__ import annotations

import statistics
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from anatomy.bench.backends.step import Step
from anatomy.bench.input_pipeline.case_feed import feed_of
from anatomy.bench.measurement import timing
from anatomy.bench.measurement.keras_loop import LoopCall, whole_executions
from anatomy.bench.profiling.trace_events import FETCH, LAUNCH
from anatomy.bench.profiling.tracer import Tracer
from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.workload.build_case import Built

STEPS = 5
# A trace is made to be looked at: it is no longer than this, but has at least two steps.
_LONGEST_S = 10.0
_FEWEST = 2
# Steps, and epochs, timed before the trace; their median is the profile's step time.
_UNTRACED = 7
_UNTRACED_EPOCHS = 3
# An epoch is long enough to spread the cost of its beginning and end over many steps, as in a measured case.
_EPOCH_S, _EPOCH_STEPS = 2.0, 100


class Recorded(NamedTuple):
    """What was recorded.

    Attributes:
        wall_s: seconds of each interval of the trace by this process's clock; the first includes the profiler's start.
        steps: number of steps in each interval.
    """

    wall_s: list[float]
    steps: int


class Stepping(Protocol):
    """How the steps of a profile are run."""

    def warm_up(self, settings: MeasureSettings) -> None:
        """Compile, and run until the steps' times are steady."""

    def step_s(self) -> float:
        """Seconds of a step without a trace."""

    def record(self, tracer: Tracer, folder: Path, step_s: float) -> Recorded:
        """Run a few steps under the backend's profiler."""


def stepping_of(case: Case, built: Built, step: Step) -> Stepping:
    """Steps for `train` and `infer`, epochs for `fit` and `predict`."""
    return _Epochs(case, built) if case.mode in LOOPS else _Steps(step)


def _number(step_s: float) -> int:
    return max(_FEWEST, min(STEPS, int(_LONGEST_S / step_s)))


class _Steps:
    """Steps that are launched and waited for one by one."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def warm_up(self, settings: MeasureSettings) -> None:
        """Compile and warm up like a measured case."""
        timing.timed_step(self._step)
        timing.warm_up(self._step, settings.warmup_s, max(settings.warmup_s, settings.warmup_budget_s))

    def step_s(self) -> float:
        """Median seconds of a few steps."""
        return statistics.median(self._timed() for _ in range(_UNTRACED))

    def record(self, tracer: Tracer, folder: Path, step_s: float) -> Recorded:
        """Record a few steps, one per interval."""
        with tracer.recording(folder):
            return Recorded([self._timed(tracer, count) for count in range(_number(step_s) + 1)], 1)

    def _timed(self, tracer: Tracer | None = None, count: int = 0) -> float:
        start = time.perf_counter()
        with tracer.step(count) if tracer else nullcontext():
            with tracer.annotation(LAUNCH) if tracer else nullcontext():
                outputs = self._step.launch()
            self._step.drain([outputs])
        return time.perf_counter() - start


class _Epochs:
    """Calls of `fit` or `predict`, which draw their batches from the case's feed."""

    def __init__(self, case: Case, built: Built) -> None:
        self._call = LoopCall(built.model, built.batch, case.mode, feed_of(case, built))
        self._data: Any = None
        self._steps = whole_executions(STEPS, self._call.steps_per_execution)

    def warm_up(self, settings: MeasureSettings) -> None:
        """Compile in one epoch, and size further epochs by the time of the next."""
        self._data = self._call.data(self._steps)
        self._call.timed(self._data, time.perf_counter)
        first_s = self._call.timed(self._data, time.perf_counter).seconds
        wanted = max(_number(first_s / self._steps), int(_EPOCH_S / first_s * self._steps))
        wanted = min(wanted, _EPOCH_STEPS)
        self._steps = min(whole_executions(wanted, self._call.steps_per_execution), self._call.most_in_executions)
        self._data = self._call.data(self._steps)

    def step_s(self) -> float:
        """Median seconds of a few epochs, divided by their steps; includes beginning and ending an epoch."""
        epochs = [self._call.timed(self._data, time.perf_counter).seconds for _ in range(_UNTRACED_EPOCHS)]
        return statistics.median(epochs) / self._steps

    def record(self, tracer: Tracer, folder: Path, step_s: float) -> Recorded:
        """Record two epochs, one per interval; the whole interval counts as the launch."""
        _annotate_fetching(tracer)
        wall_s = []
        with tracer.recording(folder):
            for count in range(2):
                start = time.perf_counter()
                with tracer.step(count), tracer.annotation(LAUNCH):
                    self._call.timed(self._data, time.perf_counter)
                wall_s.append(time.perf_counter() - start)
        return Recorded(wall_s, self._steps)


def _annotate_fetching(tracer: Tracer) -> None:
    """Mark in the trace where Keras's loop draws a batch. It cannot be undone in this process.

    TensorFlow draws batches by an operation within the step, which is in the trace already.
    """
    from keras.src.trainers.epoch_iterator import EpochIterator

    for iterator in (EpochIterator, *EpochIterator.__subclasses__()):
        if "__next__" in vars(iterator):
            iterator.__next__ = _annotated(iterator.__next__, tracer)


def _annotated(draw: Any, tracer: Tracer) -> Any:
    def annotated(self: Any) -> Any:
        with tracer.annotation(FETCH):
            return draw(self)

    return annotated
