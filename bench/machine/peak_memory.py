"""Host memory of this process, from `/proc` (Linux; proc(5)).

`ru_maxrss` is inherited across fork and exec: a child reports its parent's peak. VmHWM belongs to this process alone
and can be reset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
# proc(5): writing 5 resets the peak resident set size to the current one.
_RESET_PEAK = "5"


class Peaks(NamedTuple):
    """Peaks of memory, bytes.

    Attributes:
        whole: since the meter was made.
        phase_peak: since `begin_phase`; `None` before it, or where the kernel does not let a process reset its peak.
    """

    whole: int
    phase_peak: int | None


class PeakMeter:
    """Measures the peak memory since it was made and since `begin_phase`, leaving out what happens inside `paused`."""

    def __init__(self) -> None:
        self._before_phase = 0
        self._phase_peak = 0
        self._in_phase = False
        reset_peak()

    def restart(self) -> None:
        """Forget what came before, when nothing of the model is there yet."""
        self._phase_peak = 0
        reset_peak()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Context for work whose memory is not the model's; that memory must be freed within it."""
        self._phase_peak = max(self._phase_peak, peak_bytes())
        yield
        reset_peak()

    def begin_phase(self) -> None:
        """Start a second peak, beside that of the whole."""
        self._before_phase = self.own().whole
        self._phase_peak = 0
        self._in_phase = reset_peak()

    def own(self) -> Peaks:
        """The peaks of this process."""
        latest = max(self._phase_peak, peak_bytes())
        return Peaks(max(self._before_phase, latest), latest if self._in_phase else None)

    def read(self) -> Peaks:
        """The peaks of all processes that compute the case; those of this process unless a subclass adds others."""
        return self.own()


def summed_peaks(peaks: Sequence[Peaks]) -> Peaks:
    """Sum of the peaks of several processes: an upper bound of their common peak, reached if all peak at once."""
    in_phase = [one.phase_peak for one in peaks if one.phase_peak is not None]
    return Peaks(sum(one.whole for one in peaks), sum(in_phase) if len(in_phase) == len(peaks) else None)


def resident_bytes() -> int:
    """Resident memory of this process now (VmRSS), bytes."""
    return _field("VmRSS")


def peak_bytes() -> int:
    """Highest resident memory since the process started or `reset_peak` was called (VmHWM), bytes."""
    return _field("VmHWM")


def reset_peak() -> bool:
    """Start a new peak from the current level; return whether the kernel allows it."""
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def _field(name: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_STATUS} has no {name}")
