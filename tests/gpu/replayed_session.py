"""A recorded session is data for tests only if it replays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anatomy.bench.machine.telemetry.gpu_reader import DeviceReader
from anatomy.bench.machine.telemetry.nvml_library import open_nvml, visible_devices
from tests.bench.machine.telemetry import replay
from tests.gpu.acceptance_result import Figure, judge

READINGS = 3


def judge_replay(session: Path) -> Figure:
    """Read each GPU of a session a few times from its answers.

    Raises:
        AssertionError: a question has no answer in it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "FOLDER", session.parent)
        replay.Replay(session.stem).install(patch)
        with open_nvml() as library:
            readers = [DeviceReader(library, device, os.getpid()) for device in visible_devices(library)[1]]
            for _ in range(READINGS):
                for reader in readers:
                    reader.read()
            for reader in readers:
                reader.close()
    fewest = min((len(reader.series.readings) for reader in readers), default=0)
    return judge("readings of the recorded session, replayed", fewest, low=READINGS, high=READINGS)
