"""The peak of a process, without the measuring's own copies."""

from __future__ import annotations

import numpy as np
import pytest

from anatomy.bench import memory
from anatomy.bench.memory import PeakMeter

MEBI = 2**20


def touch(mebibytes: int) -> np.ndarray:
    return np.ones(mebibytes * MEBI, dtype=np.uint8)


@pytest.fixture
def meter() -> PeakMeter:
    if not memory.reset_peak():
        pytest.skip("this kernel does not let a process reset its peak")
    return PeakMeter()


def test_a_peak_is_seen_after_it_is_over(meter: PeakMeter) -> None:
    before = memory.resident_bytes()
    block = touch(80)
    del block
    assert meter.read() - before >= 75 * MEBI


def test_what_happens_while_paused_is_left_out(meter: PeakMeter) -> None:
    before = memory.resident_bytes()
    with meter.paused():
        block = touch(80)
        del block
    assert meter.read() - before < 20 * MEBI


def test_a_peak_before_the_pause_is_kept(meter: PeakMeter) -> None:
    before = memory.resident_bytes()
    block = touch(80)
    del block
    with meter.paused():
        pass
    assert meter.read() - before >= 75 * MEBI
