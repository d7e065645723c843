"""Host memory of this process, from `/proc` (Linux; proc(5)).

`ru_maxrss` is inherited across fork and exec, so that a child reports its parent's peak; VmHWM
is this process's own, and can be reset.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
# proc(5): writing 5 resets the peak resident set size to the current one.
_RESET_PEAK = "5"


class PeakMeter:
    """The peak since it was made, without what happens inside `paused`."""

    def __init__(self) -> None:
        self._highest = 0
        reset_peak()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Work of the measuring itself, whose memory is not the model's; it must free what it takes."""
        self._highest = self.own()
        yield
        reset_peak()

    def own(self) -> int:
        """Bytes of this process."""
        return max(self._highest, peak_bytes())

    def read(self) -> int:
        """Bytes of all processes that compute."""
        return self.own()


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
