"""A thread of the supervising process that reads every visible GPU and the CPU packages."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from anatomy.bench.machine.telemetry.gpu_reader import DeviceReader
from anatomy.bench.machine.telemetry.nvml_library import list_gpus, nvml, open_nvml, visible_devices
from anatomy.bench.machine.telemetry.rapl import POWERCAP, RaplReader
from anatomy.bench.machine.telemetry.sample_series import Recording, UnmeasurableError

# Ten a second: NVML refreshes its figures every 20 to 100 ms, and GPM needs more than 100 ms between two samples.
SAMPLE_INTERVAL_S = 0.1
# Of the last reading, which takes a few milliseconds.
STOP_TIMEOUT_S = 30.0


class DeviceSampler:
    """Samples GPUs and CPU energy from `start` to `stop`, never in the process that measures.

    Attributes:
        gpu_reason, cpu_reason: why GPUs, or CPU energy, cannot be read; empty if they can. Without either, `start` does
            nothing and `stop` returns an empty recording with the reasons.
    """

    def __init__(self, interval_s: float = SAMPLE_INTERVAL_S, powercap: Path = POWERCAP) -> None:
        self.gpu_reason, self.cpu_reason = list_gpus().reason, ""
        try:
            RaplReader(powercap)
        except UnmeasurableError as error:
            self.cpu_reason = str(error)
        self._interval_s, self._powercap = interval_s, powercap
        self._recording = self._empty()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, pid: int | None = None) -> None:
        """Begin a new series on a new thread.

        Args:
            pid: the process whose memory on the GPUs is read, together with that of its descendants.
        """
        self.stop()
        if self.gpu_reason and self.cpu_reason:
            return
        self._recording = self._empty()
        self._stop.clear()
        self._thread = threading.Thread(
            target=self._run, args=(self._recording, pid), name="anatomy-telemetry", daemon=True
        )
        self._thread.start()

    def stop(self) -> Recording:
        """End the series with a last reading and return it; without `start`, return an empty recording."""
        if self._thread is None:
            return self._empty()
        self._stop.set()
        self._thread.join(STOP_TIMEOUT_S)
        hangs, self._thread = self._thread.is_alive(), None
        if hangs:
            # What the thread may yet write goes to a recording that nobody reads.
            self.gpu_reason = self.cpu_reason = f"a reading did not end within {STOP_TIMEOUT_S:g} s"
            return self._empty()
        return self._recording

    def _empty(self) -> Recording:
        return Recording(gpu_reason=self.gpu_reason, cpu_reason=self.cpu_reason)

    def _run(self, recording: Recording, pid: int | None) -> None:
        cpu = self._open_cpu(recording)
        if recording.gpu_reason:
            self._read_until_stopped(recording, [], cpu)
            return
        try:
            with open_nvml() as library:
                visible, devices = visible_devices(library)
                recording.doubt = visible.doubt
                readers = [DeviceReader(library, device, pid) for device in devices]
                recording.gpus = [reader.series for reader in readers]
                try:
                    self._read_until_stopped(recording, readers, cpu)
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
        except UnmeasurableError as error:
            recording.cpu_reason = str(error)
            return None
        recording.cpu = cpu.readings
        return cpu

    def _read_until_stopped(self, recording: Recording, readers: list[DeviceReader], cpu: RaplReader | None) -> None:
        """Read at the start, at an even pace, and once more when stopped: the window then lies between two readings."""
        due_s = time.perf_counter()
        while True:
            stopping = self._stop.is_set()
            for reader in readers:
                reader.read()
            if cpu is not None:
                try:
                    cpu.read()
                except UnmeasurableError as error:
                    recording.cpu_reason, cpu = str(error), None
            if stopping:
                return
            # A reading that took longer than the interval is still followed by a pause.
            due_s = max(due_s + self._interval_s, time.perf_counter() + self._interval_s / 2)
            self._stop.wait(due_s - time.perf_counter())
