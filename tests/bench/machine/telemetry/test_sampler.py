"""The thread, on real time against a replayed session; and where there is nothing to sample."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from anatomy.bench.machine.telemetry.device_sampler import DeviceSampler
from tests.bench.machine.telemetry.conftest import Installed
from tests.bench.machine.telemetry.test_rapl import zone


@pytest.mark.long
def test_it_reads_at_once_at_its_pace_and_at_the_end(installed: Installed, tmp_path: Path) -> None:
    replay = installed("h100")
    sampler = DeviceSampler(interval_s=0.01, powercap=tmp_path)
    before = time.perf_counter()
    sampler.start(os.getpid())
    time.sleep(0.2)
    recording = sampler.stop()
    after = time.perf_counter()
    (series,) = recording.gpus
    times = [reading.at_s for reading in series.readings]
    assert times == sorted(times)
    assert 5 < len(times) < 40
    assert before < times[0] < before + 0.1
    assert after - 0.1 < times[-1] < after
    assert "no CPU package" in recording.cpu_reason
    assert (replay.open, replay.samples) == (0, 0)
    assert "anatomy-telemetry" not in [thread.name for thread in threading.enumerate()]


def test_each_start_is_a_series_of_its_own(installed: Installed, tmp_path: Path) -> None:
    installed("two_gpus")
    sampler = DeviceSampler(interval_s=0.01, powercap=tmp_path)
    sampler.start()
    first = sampler.stop()
    sampler.start()
    second = sampler.stop()
    assert len(first.gpus) == len(second.gpus) == 2
    assert first.gpus[0] is not second.gpus[0]
    assert first.gpus[0].readings[-1].at_s < second.gpus[0].readings[0].at_s
    assert sampler.stop().gpus == []


def test_cpu_energy_alone(installed: Installed, tmp_path: Path) -> None:
    installed("no_driver")
    energy = zone(tmp_path, "intel-rapl:0", "package-0", 0) / "energy_uj"
    sampler = DeviceSampler(interval_s=0.01, powercap=tmp_path)
    sampler.start()
    time.sleep(0.05)
    # At once, as the kernel does: the sampler reads at the same time.
    (tmp_path / "new").write_text("500000")
    (tmp_path / "new").rename(energy)
    recording = sampler.stop()
    assert recording.gpus == []
    assert "Library Not Found" in recording.gpu_reason
    assert recording.cpu_reason == ""
    assert (recording.cpu[0].package_j["package-0"], recording.cpu[-1].package_j["package-0"]) == (0.0, 0.5)


def test_a_counter_that_vanishes_ends_its_part_alone(installed: Installed, tmp_path: Path) -> None:
    installed("h100")
    energy = zone(tmp_path, "intel-rapl:0", "package-0", 0) / "energy_uj"
    sampler = DeviceSampler(interval_s=0.01, powercap=tmp_path)
    sampler.start()
    time.sleep(0.05)
    energy.unlink()
    time.sleep(0.05)
    recording = sampler.stop()
    assert "cannot be read" in recording.cpu_reason
    assert len(recording.gpus[0].readings) > len(recording.cpu) > 0


def test_a_driver_that_goes_away_is_a_reason(installed: Installed, tmp_path: Path) -> None:
    replay = installed("h100")
    sampler = DeviceSampler(interval_s=0.01, powercap=tmp_path)
    replay.session["answers"]["nvmlInit()"] = [{"error": "NVML_ERROR_DRIVER_NOT_LOADED"}]
    sampler.start()
    recording = sampler.stop()
    assert recording.gpus == []
    assert recording.gpu_reason == "NVML: Driver Not Loaded"


def test_where_nothing_can_be_read_nothing_runs(installed: Installed, tmp_path: Path) -> None:
    installed("no_driver")
    sampler = DeviceSampler(powercap=tmp_path)
    sampler.start(1)
    assert "anatomy-telemetry" not in [thread.name for thread in threading.enumerate()]
    recording = sampler.stop()
    assert (recording.gpus, recording.cpu) == ([], [])
    assert "Library Not Found" in recording.gpu_reason
    assert "no CPU package" in recording.cpu_reason
