"""NVIDIA devices through NVML (`nvidia-ml-py`, https://pypi.org/project/nvidia-ml-py/).

Without a driver every figure is "not measured" with NVML's own reason; nothing else changes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from anatomy.bench.record import GpuUse

SAMPLE_INTERVAL_S = 0.1


@dataclass(frozen=True)
class Gpus:
    """What NVML sees: device names, driver version, and the reason when it sees nothing."""

    names: tuple[str, ...] = ()
    driver: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Sample:
    """One reading of one device. `at_s` is `time.perf_counter()`, the clock of the steps."""

    at_s: float
    index: int
    utilisation: float
    memory_used_bytes: int


def _nvml() -> ModuleType:
    return import_module("pynvml")


def list_gpus() -> Gpus:
    """Names and driver of this machine's NVIDIA devices."""
    nvml = _nvml()
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return Gpus(reason=f"NVML: {error}")
    try:
        handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
        names = tuple(_text(nvml.nvmlDeviceGetName(h)) for h in handles)
        return Gpus(names, _text(nvml.nvmlSystemGetDriverVersion()), "" if names else "NVML sees no device")
    except nvml.NVMLError as error:
        return Gpus(reason=f"NVML: {error}")
    finally:
        nvml.nvmlShutdown()


class GpuSampler:
    """Reads utilisation and memory of every device on a thread of this process.

    It runs in the process that supervises, never in the one that measures. `available` is false,
    and `reason` says why, when NVML does not answer; then starting and stopping do nothing.
    """

    def __init__(self, interval_s: float = SAMPLE_INTERVAL_S) -> None:
        gpus = list_gpus()
        self.available = bool(gpus.names)
        self.reason = gpus.reason
        self.names = gpus.names
        self._interval_s = interval_s
        self._samples: list[Sample] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin a new series of samples."""
        if not self.available:
            return
        self._samples = []
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="anatomy-nvml", daemon=True)
        self._thread.start()

    def stop(self) -> list[Sample]:
        """End the series and return it, in order of time."""
        if self._thread is None:
            return []
        self._stop.set()
        self._thread.join()
        self._thread = None
        return self._samples

    def _run(self) -> None:
        nvml = _nvml()
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            self.reason = f"NVML: {error}"
            return
        try:
            handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(len(self.names))]
            while not self._stop.wait(self._interval_s):
                self._samples.extend(_read(nvml, i, h) for i, h in enumerate(handles))
        except nvml.NVMLError as error:
            # A lost device ends the series: what was read before it stands, and the reason is kept.
            self.reason = f"NVML: {error}"
        finally:
            nvml.nvmlShutdown()


def within(samples: Sequence[Sample], names: Sequence[str], start_s: float, end_s: float) -> list[GpuUse] | None:
    """Summarise the samples taken in [start_s, end_s]; null when there is none."""
    inside = [s for s in samples if start_s <= s.at_s <= end_s]
    if not inside:
        return None
    uses = []
    for index in sorted({s.index for s in inside}):
        own = [s for s in inside if s.index == index]
        uses.append(
            GpuUse(
                index=index,
                name=names[index],
                utilisation=sum(s.utilisation for s in own) / len(own),
                memory_used_peak_bytes=max(s.memory_used_bytes for s in own),
                samples=len(own),
            )
        )
    return uses


def _read(nvml: ModuleType, index: int, handle: Any) -> Sample:
    rates = nvml.nvmlDeviceGetUtilizationRates(handle)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Sample(time.perf_counter(), index, rates.gpu / 100, int(memory.used))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
