"""Sessions replayed to a reader on a clock of its own."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from anatomy.bench.machine.telemetry import gpu_processes
from anatomy.bench.machine.telemetry.gpu_reader import DeviceReader
from anatomy.bench.machine.telemetry.nvml_library import open_nvml, visible_devices
from anatomy.bench.machine.telemetry.sample_series import DeviceSeries
from tests.bench.machine.telemetry.replay import Replay

READINGS = 38
Installed = Callable[[str], Replay]
Played = Callable[..., list[DeviceSeries]]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Installed:
    """A session by its name in the place of NVML, on a machine whose process ids are its own."""
    monkeypatch.setattr(gpu_processes, "in_machine_namespace", lambda: True)

    def install(name: str) -> Replay:
        replay = Replay(name)
        replay.install(monkeypatch)
        return replay

    return install


@pytest.fixture
def played(installed: Installed) -> Played:
    """The series of each device of a session, read ten times a second; everything is closed and freed."""

    def play(name: str, readings: int = READINGS) -> list[DeviceSeries]:
        replay = installed(name)
        now = [0]
        with open_nvml() as library:
            _, devices = visible_devices(library)
            readers = [DeviceReader(library, device, os.getpid(), lambda: now[0] / 10) for device in devices]
            for number in range(readings):
                now[0] = number
                for reader in readers:
                    reader.read()
            for reader in readers:
                reader.close()
        assert (replay.open, replay.samples) == (0, 0)
        return [reader.series for reader in readers]

    return play
