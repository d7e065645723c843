"""Host memory of this process, from `/proc` (Linux; proc(5)).

`ru_maxrss` is inherited across fork and exec, so that a child reports its parent's peak; VmHWM
is this process's own, and can be reset.
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
    """Bytes of memory.

    Attributes:
        whole: highest since the meter was made.
        lap: highest since the lap began; null where none did, since the kernel lets no process start a peak anew.
    """

    whole: int
    lap: int | None


class PeakMeter:
    """The peak since it was made, and since the last lap began, without what happens inside `paused`."""

    def __init__(self) -> None:
        self._before_lap = 0
        self._lap = 0
        self._in_lap = False
        reset_peak()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Work of the measuring itself, whose memory is not the model's; it must free what it takes."""
        self._lap = max(self._lap, peak_bytes())
        yield
        reset_peak()

    def begin_lap(self) -> None:
        """From here on another peak is kept, beside that of the whole."""
        self._before_lap = self.own().whole
        self._lap = 0
        self._in_lap = reset_peak()

    def own(self) -> Peaks:
        """Of this process."""
        lap = max(self._lap, peak_bytes())
        return Peaks(max(self._before_lap, lap), lap if self._in_lap else None)

    def read(self) -> Peaks:
        """Of all processes that compute."""
        return self.own()


def together(peaks: Sequence[Peaks]) -> Peaks:
    """Of several processes, as if all had met theirs at once; an upper bound."""
    laps = [one.lap for one in peaks if one.lap is not None]
    return Peaks(sum(one.whole for one in peaks), sum(laps) if len(laps) == len(peaks) else None)


def resident_bytes() -> int:
    """Resident memory now (VmRSS)."""
    return _field("VmRSS")


def peak_bytes() -> int:
    """Highest resident memory since the process started or `reset_peak` was called (VmHWM)."""
    return _field("VmHWM")


def reset_peak() -> bool:
    """Start a new peak from the current level; false where the kernel does not allow it."""
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
