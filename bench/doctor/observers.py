"""Everything of Anatomy that runs beside a case's measured window, at the pace of a run."""

from __future__ import annotations

import select
import time
from typing import IO, Any

from anatomy.bench.doctor.observer_overhead import LIMITS, Overhead, measure_overhead
from anatomy.bench.machine.process_sampler import ProcessSampler
from anatomy.bench.machine.telemetry.device_sampler import DeviceSampler
from anatomy.bench.records.process_usage import HostUseSeries
from anatomy.bench.runner.worker_handle import STEPS_WATCH_INTERVAL_S


class Observers:
    """Samples GPUs and CPU energy, and reads memory and CPU time of the process `pid`, as the supervisor of a run does.

    The progress display is left out: in a run it draws for the last time when the warm-up begins, and rests until the
    window is over. The sampler is started and stopped in each window and reads at both ends, so it costs more here than
    in a run, which starts it once per case.

    Attributes:
        readings: number of readings of memory and CPU time.
    """

    def __init__(self, pid: int, sampler: DeviceSampler) -> None:
        self._pid, self._sampler = pid, sampler
        self._processes, self._series = ProcessSampler(pid), HostUseSeries()
        self.readings = 0
        # Kept from one window to the next: readings are then as rare as in a run, whose window is longer.
        self._next_reading_in_s = STEPS_WATCH_INTERVAL_S

    def wait(self, answer: IO[Any]) -> None:
        """Observe until `answer` has something to read."""
        self._sampler.start(self._pid)
        due_s = time.perf_counter() + self._next_reading_in_s
        while not select.select([answer], [], [], max(0.0, due_s - time.perf_counter()))[0]:
            self.readings += 1
            self._series.add(time.perf_counter(), self._processes.read())
            due_s = time.perf_counter() + STEPS_WATCH_INTERVAL_S
        self._next_reading_in_s = due_s - time.perf_counter()
        self._sampler.stop()


def measure_overheads(sampler: DeviceSampler) -> list[Overhead]:
    """The cost of observing for each length of step in `LIMITS`."""
    return [measure_overhead(step_s, limit, lambda pid: Observers(pid, sampler)) for step_s, limit in LIMITS.items()]
