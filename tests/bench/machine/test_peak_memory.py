"""The peak of a process, without the measuring's own copies."""

from __future__ import annotations

import numpy as np
import pytest

from anatomy.bench.machine import peak_memory
from anatomy.bench.machine.peak_memory import PeakMeter, Peaks, summed_peaks

# In a process that has freed much before, what is touched may be memory that it still holds.
MEBI = 2**20


pytestmark = [pytest.mark.process, pytest.mark.quiet]


def touch(mebibytes: int) -> np.ndarray:
    return np.ones(mebibytes * MEBI, dtype=np.uint8)


@pytest.fixture
def meter() -> PeakMeter:
    if not peak_memory.reset_peak():
        pytest.skip("this kernel does not let a process reset its peak")
    return PeakMeter()


def test_a_peak_is_seen_after_it_is_over(meter: PeakMeter) -> None:
    before = peak_memory.resident_bytes()
    block = touch(80)
    del block
    assert meter.read().whole - before >= 75 * MEBI
    assert meter.read().phase_peak is None


def test_a_lap_has_a_peak_of_its_own(meter: PeakMeter) -> None:
    block = touch(80)
    del block
    before = peak_memory.resident_bytes()
    meter.begin_phase()
    block = touch(20)
    del block
    with meter.paused():
        block = touch(120)
        del block
    whole, phase_peak = meter.read()
    assert phase_peak is not None
    assert 15 * MEBI <= phase_peak - before < 40 * MEBI
    assert 75 * MEBI <= whole - before < 110 * MEBI


def test_peaks_of_several_processes_add_up() -> None:
    assert summed_peaks([Peaks(5, 2), Peaks(7, 3)]) == Peaks(12, 5)
    assert summed_peaks([Peaks(5, 2), Peaks(7, None)]) == Peaks(12, None)


def test_what_happens_while_paused_is_left_out(meter: PeakMeter) -> None:
    before = peak_memory.resident_bytes()
    with meter.paused():
        block = touch(80)
        del block
    assert meter.read().whole - before < 20 * MEBI


def test_a_peak_before_the_pause_is_kept(meter: PeakMeter) -> None:
    before = peak_memory.resident_bytes()
    block = touch(80)
    del block
    with meter.paused():
        pass
    assert meter.read().whole - before >= 75 * MEBI
