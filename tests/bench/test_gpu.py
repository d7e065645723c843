"""GPU telemetry against recorded NVML answers, faults included."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from anatomy.bench import gpu


class NVMLError(Exception):
    pass


class ReplayedNvml:
    """Answers as NVML does, from a recorded series of (utilisation %, memory bytes) for each device."""

    NVMLError = NVMLError

    def __init__(self, series: list[list[tuple[int, int]]], fail_after: int | None = None) -> None:
        self.series = series
        self.reads = 0
        self.fail_after = fail_after
        self.open = 0

    def nvmlInit(self) -> None:  # noqa: N802  # NVML's own names
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.series)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetName(self, handle: int) -> bytes:  # noqa: N802
        return f"NVIDIA Test {handle}".encode()

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return "570.1"

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:  # noqa: N802
        self.reads += 1
        if self.fail_after is not None and self.reads > self.fail_after:
            raise NVMLError("GPU is lost")
        return SimpleNamespace(gpu=self._now(handle)[0])

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802
        return SimpleNamespace(used=self._now(handle)[1])

    def _now(self, handle: int) -> tuple[int, int]:
        values = self.series[handle]
        return values[min(self.reads // len(self.series), len(values) - 1)]


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Callable[[ReplayedNvml], None]:
    def install(nvml: ReplayedNvml) -> None:
        monkeypatch.setattr(gpu, "_nvml", lambda: nvml)

    return install


def sampled(seconds: float = 0.1) -> tuple[gpu.GpuSampler, list[gpu.Sample]]:
    sampler = gpu.GpuSampler(interval_s=0.005)
    sampler.start()
    time.sleep(seconds)
    return sampler, sampler.stop()


def test_samples_of_two_devices(replay: Callable[[ReplayedNvml], None]) -> None:
    nvml = ReplayedNvml([[(50, 1000)], [(90, 2000)]])
    replay(nvml)
    sampler, samples = sampled()
    assert sampler.available
    assert {s.index for s in samples} == {0, 1}
    uses = gpu.within(samples, sampler.names, 0.0, float("inf"))
    assert uses is not None
    assert [(u.name, u.utilisation, u.memory_used_peak_bytes) for u in uses] == [
        ("NVIDIA Test 0", 0.5, 1000),
        ("NVIDIA Test 1", 0.9, 2000),
    ]
    assert nvml.open == 0


def test_only_the_measured_window_counts() -> None:
    samples = [
        gpu.Sample(at_s, 0, use, memory) for at_s, use, memory in [(1, 0.0, 9), (2, 0.5, 3), (3, 0.7, 4), (9, 1, 8)]
    ]
    (use,) = gpu.within(samples, ["g"], 1.5, 4.0) or []
    assert use.utilisation == pytest.approx(0.6)
    assert (use.memory_used_peak_bytes, use.samples) == (4, 2)
    assert gpu.within(samples, ["g"], 5.0, 6.0) is None


def test_a_lost_gpu_keeps_what_was_read_and_says_why(replay: Callable[[ReplayedNvml], None]) -> None:
    nvml = ReplayedNvml([[(50, 1000)]], fail_after=3)
    replay(nvml)
    sampler, samples = sampled()
    assert len(samples) == 3
    assert "GPU is lost" in sampler.reason
    assert nvml.open == 0


def test_no_driver_is_not_measured_with_the_reason(replay: Callable[[ReplayedNvml], None]) -> None:
    nvml = ReplayedNvml([])

    def fail() -> None:
        raise NVMLError("NVML Shared Library Not Found")

    nvml.nvmlInit = fail  # type: ignore[method-assign]
    replay(nvml)
    sampler, samples = sampled(0.0)
    assert not sampler.available
    assert samples == []
    assert "Shared Library Not Found" in sampler.reason


def test_no_device_is_said(replay: Callable[[ReplayedNvml], None]) -> None:
    replay(ReplayedNvml([]))
    assert gpu.list_gpus().reason == "NVML sees no device"
