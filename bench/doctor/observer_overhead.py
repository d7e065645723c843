"""What observing costs: steps with Anatomy's observers and without, alternating in one process.

`python -m anatomy.bench.doctor.observer_overhead STEP_S PAIRS` is the observed process: it computes matrix products on
all cores, in steps of about `STEP_S`. With observers, each step goes through the clock that every case does and
its time is kept for the record, while the supervisor samples GPUs and reads memory and CPU time at its usual pace;
without them, the process computes and the supervisor sleeps. The record itself is written when a case has ended,
outside the window, as in a run. The order within a pair alternates, so that drift meets both alike.
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
# Step → largest share of it that observing may cost.
LIMITS = {0.005: 0.005, 0.001: 0.01}
_SIDE = 256


class Waiting(Protocol):
    """How the supervisor waits for the observed process; see `anatomy.bench.doctor.observers`."""

    def wait(self, answer: IO[Any]) -> None:
        """Return once `answer` has something to read."""


@dataclass(frozen=True)
class Overhead:
    """Cost of observing a step.

    Attributes:
        step_s: of the step without observers, median.
        cost: relative; median over pairs. `low` and `high`: its 95 % interval.
        supervisor_cores: CPU seconds that the observers took in the supervisor, for each second observed.
        limit: what the cost may be.
        pairs: how many blocks of each kind.
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
    """A step of a given length: matrix products on all cores, as many threads as numpy's BLAS takes."""

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
        """Nothing is left to wait for."""

    def _seconds(self, steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            self.launch()
        return time.perf_counter() - start


@dataclass
class _Side:
    """Blocks of one kind: seconds a step of each, and what the supervisor did meanwhile."""

    step_s: list[float] = field(default_factory=list)
    supervisor_s: float = 0.0
    window_s: float = 0.0


def measure_overhead(step_s: float, limit: float, observers: Callable[[int], Waiting], pairs: int = PAIRS) -> Overhead:
    """Run the observed process and be its supervisor.

    Args:
        step_s: length of the step.
        limit: share of it that observing may cost.
        observers: process id of the observed → who waits for it while it is observed.
        pairs: blocks of each kind.

    Raises:
        RuntimeError: the observed process died.
        ValueError: too few pairs for an interval.
    """
    command = [sys.executable, "-m", "anatomy.bench.doctor.observer_overhead", str(step_s), str(pairs)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        sides = {True: _Side(), False: _Side()}
        waiting = {True: observers(process.pid), False: _Asleep()}
        for observed in order(pairs):
            side = sides[observed]
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            process.stdin.write("go\n")
            process.stdin.flush()
            waiting[observed].wait(process.stdout)
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

    A machine that others share changes its speed by half from one second to the next: pairs astride such a change are
    outliers, which a mean, and an interval from the standard deviation, would be made of.
    """
    ratios = [observed / bare for bare, observed in zip(bare_s, observed_s, strict=True)]
    interval = median_interval(ratios)
    if interval is None:
        raise ValueError(f"an interval needs {FEWEST_STEPS} independent pairs or more, of {len(ratios)}")
    low, high = interval
    middle = float(np.median(ratios))
    return Overhead(float(np.median(bare_s)), middle - 1, low - 1, high - 1, cores, limit, len(ratios))


def order(pairs: int) -> Iterator[bool]:
    """Whether each block is observed: off on, on off, off on, …"""
    for pair in range(pairs):
        yield pair % 2 == 1
        yield pair % 2 == 0


class _Asleep:
    """A supervisor that does nothing but wait."""

    def wait(self, answer: IO[Any]) -> None:
        """See `Waiting`."""
        select.select([answer], [], [])


def _serve(step_s: float, pairs: int) -> None:
    """The observed process: a block for each line on standard input."""
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
