"""Measure what observing costs: steps with Anatomy's observers and without, alternating in one process.

`python -m anatomy.bench.doctor.observer_overhead STEP_S PAIRS` is the observed process. It computes matrix products on
all cores, in steps of about `STEP_S`. With observers, each step is timed and its time kept for the record, as in a
case, while the supervisor samples GPUs and reads memory and CPU time at its usual pace. Without them, the process only
computes and the supervisor sleeps. Writing the record is left out, since a run does it after the window. The order
within a pair alternates, which spreads drift of the machine evenly.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import numpy as np

from anatomy.bench.measurement.timing import timed_step
from anatomy.bench.statistics.interval import FEWEST_STEPS, median_interval

BLOCK_S = 0.1
PAIRS = 1200
# Seconds of a step → largest share of it that observing may cost.
LIMITS = {0.005: 0.005, 0.001: 0.01}
_SIDE = 256


class Observer(Protocol):
    """What the supervisor does while the observed process computes; see `anatomy.bench.doctor.observers`."""

    def wait(self, answer: IO[Any]) -> None:
        """Observe, and return once `answer` has something to read."""


@dataclass(frozen=True)
class Overhead:
    """Cost of observing a step.

    Attributes:
        step_s: median seconds of a step without observers.
        cost: relative cost, the median over all pairs of blocks.
        low, high: 95 % interval of the cost.
        supervisor_cores: CPU seconds that the observers used in the supervisor per second observed.
        limit: largest acceptable cost.
        pairs: number of blocks of each kind.
    """

    step_s: float
    cost: float
    low: float
    high: float
    supervisor_cores: float
    limit: float
    pairs: int

    @property
    def verdict(self) -> str:
        """`within`, `over`, or `too noisy to say`."""
        if self.high < self.limit:
            return "within"
        return "over" if self.low > self.limit else "too noisy to say"


class Products:
    """A step of about `step_s` seconds: matrix products on as many threads as numpy's BLAS uses."""

    def __init__(self, step_s: float) -> None:
        generator = np.random.default_rng(0)
        self._a, self._b = generator.standard_normal((2, _SIDE, _SIDE))
        self._out = np.empty((_SIDE, _SIDE))
        self._times = 1
        trials = sorted(self._seconds(100) / 100 for _ in range(20))
        self._times = max(1, round(step_s / trials[len(trials) // 2]))

    def launch(self) -> Any:
        """Compute one step."""
        for _ in range(self._times):
            np.matmul(self._a, self._b, out=self._out)
        return self._out

    def drain(self, outputs: Sequence[Any]) -> None:
        """Do nothing: the products are done when `launch` returns."""

    def _seconds(self, steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            self.launch()
        return time.perf_counter() - start


@dataclass
class _Side:
    """Blocks of one kind: seconds per step of each, and CPU and wall seconds of the supervisor meanwhile."""

    step_s: list[float] = field(default_factory=list)
    supervisor_s: float = 0.0
    window_s: float = 0.0


def measure_overhead(step_s: float, limit: float, observers: Callable[[int], Observer], pairs: int = PAIRS) -> Overhead:
    """Run the observed process and supervise it.

    Args:
        step_s: length of the step, seconds.
        limit: share of it that observing may cost.
        observers: makes the observer of the process with this id.
        pairs: number of blocks of each kind.

    Raises:
        RuntimeError: the observed process died.
        ValueError: there are too few pairs for an interval.
    """
    command = [sys.executable, "-m", "anatomy.bench.doctor.observer_overhead", str(step_s), str(pairs)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        sides = {True: _Side(), False: _Side()}
        observer = {True: observers(process.pid), False: _Asleep()}
        for observed in order(pairs):
            side = sides[observed]
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            process.stdin.write("go\n")
            process.stdin.flush()
            observer[observed].wait(process.stdout)
            side.supervisor_s += time.process_time() - cpu_s
            side.window_s += time.perf_counter() - wall_s
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the observed process ended with status {process.wait()}")
            side.step_s.append(json.loads(line)["step_s"])
    on, off = sides[True], sides[False]
    cores = on.supervisor_s / on.window_s - off.supervisor_s / off.window_s
    return summarise(off.step_s, on.step_s, cores, limit)


def summarise(bare_s: Sequence[float], observed_s: Sequence[float], cores: float, limit: float) -> Overhead:
    """The median of the paired ratios and its interval.

    A shared machine may change its speed by half from one second to the next. Pairs across such a change are outliers
    that would dominate a mean and an interval from the standard deviation.
    """
    ratios = [observed / bare for bare, observed in zip(bare_s, observed_s, strict=True)]
    interval = median_interval(ratios)
    if interval is None:
        raise ValueError(f"an interval needs {FEWEST_STEPS} independent pairs or more, of {len(ratios)}")
    low, high = interval
    middle = float(np.median(ratios))
    return Overhead(float(np.median(bare_s)), middle - 1, low - 1, high - 1, cores, limit, len(ratios))


def order(pairs: int) -> Iterator[bool]:
    """Whether each block is observed: no yes, yes no, no yes, …"""
    for pair in range(pairs):
        yield pair % 2 == 1
        yield pair % 2 == 0


class _Asleep:
    """The observer of the blocks without observers: it only waits."""

    def wait(self, answer: IO[Any]) -> None:
        """Return once `answer` has something to read."""
        select.select([answer], [], [])


def _serve(step_s: float, pairs: int) -> None:
    """Be the observed process: compute a block for each line on standard input."""
    step: Any = Products(step_s)
    steps = max(2, round(BLOCK_S / step_s))
    for observed in order(pairs):
        if not sys.stdin.readline():
            return
        kept: list[float] = []
        start = time.perf_counter()
        for _ in range(steps):
            if observed:
                seconds, _, _ = timed_step(step)
                kept.append(seconds)
            else:
                step.launch()
        print(json.dumps({"step_s": (time.perf_counter() - start) / steps}), flush=True)


if __name__ == "__main__":
    _serve(float(sys.argv[1]), int(sys.argv[2]))
