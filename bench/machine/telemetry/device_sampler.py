"""A thread that reads every visible GPU and the CPU packages, in the process that supervises."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Protocol

from anatomy.bench.machine.telemetry.gpu_reader import DeviceReader
from anatomy.bench.machine.telemetry.nvml_library import list_gpus, nvml, opened, visible_devices
from anatomy.bench.machine.telemetry.rapl import POWERCAP, RaplError, RaplReader
from anatomy.bench.machine.telemetry.sample_series import Recording

# Ten a second: NVML refreshes its figures every 20 to 100 ms, and GPM needs more than 100 ms between two samples.
SAMPLE_INTERVAL_S = 0.1


class Sampler(Protocol):
    """Reads devices from `start` to `stop`, never in the process that measures."""

    gpu_reason: str
    cpu_reason: str

    def start(self, pid: int | None = None) -> None:
        """Begin a new series; `pid` is the process whose memory on the GPUs is asked for."""

    def stop(self) -> Recording:
        """End the series and return it; an empty one without `start`."""


class NoSampler:
    """Nothing can be read: every figure is "not measured" with the reason, and nothing else changes."""

    def __init__(self, gpu_reason: str, cpu_reason: str) -> None:
        self.gpu_reason, self.cpu_reason = gpu_reason, cpu_reason

    def start(self, pid: int | None = None) -> None:
        """Nothing begins."""

    def stop(self) -> Recording:
        """A recording of nothing, with the reasons."""
        return Recording(gpu_reason=self.gpu_reason, cpu_reason=self.cpu_reason)


class ThreadSampler:
    """See `Sampler`. A reason is empty where its part can be read."""

    def __init__(self, gpu_reason: str, cpu_reason: str, interval_s: float, powercap: Path) -> None:
        self.gpu_reason, self.cpu_reason = gpu_reason, cpu_reason
        self._interval_s, self._powercap = interval_s, powercap
        self._recording = self._empty()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, pid: int | None = None) -> None:
        """Begin a new series on a new thread."""
        self.stop()
        self._recording = self._empty()
        self._stop.clear()
        self._thread = threading.Thread(
            target=self._run, args=(self._recording, pid), name="anatomy-telemetry", daemon=True
        )
        self._thread.start()

    def stop(self) -> Recording:
        """End the series, with a last reading, and return it."""
        if self._thread is None:
            return self._empty()
        self._stop.set()
        self._thread.join()
        self._thread = None
        return self._recording

    def _empty(self) -> Recording:
        return Recording(gpu_reason=self.gpu_reason, cpu_reason=self.cpu_reason)

    def _run(self, recording: Recording, pid: int | None) -> None:
        cpu = self._open_cpu(recording)
        if recording.gpu_reason:
            self._loop(recording, [], cpu)
            return
        try:
            with opened() as library:
                chosen, devices = visible_devices(library)
                recording.doubt = chosen.doubt
                readers = [DeviceReader(library, device, pid) for device in devices]
                recording.gpus = [reader.series for reader in readers]
                try:
                    self._loop(recording, readers, cpu)
                finally:
                    for reader in readers:
                        reader.close()
        except nvml().NVMLError as error:
            recording.gpu_reason = f"NVML: {error}"

    def _open_cpu(self, recording: Recording) -> RaplReader | None:
        if recording.cpu_reason:
            return None
        try:
            cpu = RaplReader(self._powercap)
        except RaplError as error:
            recording.cpu_reason = str(error)
            return None
        recording.cpu = cpu.readings
        return cpu

    def _loop(self, recording: Recording, readers: list[DeviceReader], cpu: RaplReader | None) -> None:
        """Read at once, at an even pace, and once more when told to stop, so that the window lies between readings."""
        due_s = time.perf_counter()
        while True:
            stopping = self._stop.is_set()
            for reader in readers:
                reader.read()
            if cpu is not None:
                try:
                    cpu.read()
                except RaplError as error:
                    recording.cpu_reason, cpu = str(error), None
            if stopping:
                return
            # A reading that took longer than the interval is followed by a pause all the same.
            due_s = max(due_s + self._interval_s, time.perf_counter() + self._interval_s / 2)
            self._stop.wait(due_s - time.perf_counter())


def open_sampler(interval_s: float = SAMPLE_INTERVAL_S, powercap: Path = POWERCAP) -> Sampler:
    """A sampler of what can be read here; one that does nothing where that is nothing."""
    gpu_reason, cpu_reason = list_gpus().reason, ""
    try:
        RaplReader(powercap)
    except RaplError as error:
        cpu_reason = str(error)
    if gpu_reason and cpu_reason:
        return NoSampler(gpu_reason, cpu_reason)
    return ThreadSampler(gpu_reason, cpu_reason, interval_s, powercap)
