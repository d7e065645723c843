"""NVML as the parts see it: the machine's own, or recorded answers in which the loads' memory is what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from anatomy.bench.machine.telemetry import gpu_processes
from tests.bench.machine.telemetry.replay import Replay

SESSION = "h100"
# Memory of CUDA's context in the recorded answers.
CONTEXT_BYTES = 500 * 2**20
_PROCESSES = "nvmlDeviceGetComputeRunningProcesses_v3(gpu0)"


class AnsweringNvml:
    """The machine's own NVML: it knows by itself what processes hold."""

    def hold(self, reserved: Mapping[int, int]) -> None:
        """Nothing to do."""


class RecordedNvml(AnsweringNvml):
    """Recorded answers."""

    def __init__(self, replay: Replay) -> None:
        self._answers: dict[str, list[Any]] = replay.session["answers"]

    def hold(self, reserved: Mapping[int, int]) -> None:
        """From now on each process holds its reserved bytes and a context.

        Args:
            reserved: process id → bytes.
        """
        listed = [{"pid": pid, "usedGpuMemory": held + CONTEXT_BYTES} for pid, held in reserved.items()]
        self._answers[_PROCESSES] = [listed]


@contextmanager
def answering_nvml(stand_in: bool) -> Iterator[AnsweringNvml]:
    """NVML for one part; in a stand-in, recorded answers are in its place until the end."""
    if not stand_in:
        yield AnsweringNvml()
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu_processes, "in_machine_namespace", lambda: True)
        replay = Replay(SESSION)
        replay.install(patch)
        yield RecordedNvml(replay)
