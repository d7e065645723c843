"""Random schedules of launches, kernels and streams, run by the rules of a device in small whole nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from anatomy.bench.gpu_trace.recorded_work import DeviceWork, HostCall, HostSpan, RecordedTrace
from tests.bench.gpu_trace.hand_made import GEMM, NCCL

NAMES = (GEMM, NCCL, "Memcpy HtoD (Pinned -> Device)")
STREAMS = ("7", "20", "21")


@dataclass(frozen=True)
class Piece:
    """Work in order of its launch. `waits_for` is an earlier piece that must have ended before."""

    name: str
    stream: str
    launch_ns: int
    start_ns: int
    end_ns: int
    waits_for: int | None


@dataclass(frozen=True)
class Schedule:
    """Pieces as the device ran them."""

    pieces: tuple[Piece, ...]
    steps: tuple[tuple[int, int], ...]

    @property
    def trace(self) -> RecordedTrace:
        """As a reader would give it."""
        work = tuple(
            DeviceWork(
                "copy" if one.name.startswith("Mem") else "kernel", one.name, 0, one.stream, one.start_ns, one.end_ns, n
            )
            for n, one in enumerate(self.pieces)
        )
        calls = {
            n: HostCall("cudaLaunchKernel", "main", one.launch_ns, one.launch_ns + 1)
            for n, one in enumerate(self.pieces)
        }
        steps = tuple(HostSpan("step", str(n), "main", begin, end) for n, (begin, end) in enumerate(self.steps))
        return RecordedTrace("Kineto", work, calls, steps)

    @property
    def begin(self) -> int:
        return min(one.start_ns for one in self.pieces)

    @property
    def end(self) -> int:
        return max(one.end_ns for one in self.pieces)

    def parts(self) -> dict[str, int]:
        """Nanoseconds of each part, found by looking at every nanosecond."""
        found = dict.fromkeys(("computing", "communication", "copy", "host-bound", "launch", "queued", "unknown"), 0)
        idle_since = self.begin
        for now in range(self.begin, self.end):
            names = [one.name for one in self.pieces if one.start_ns <= now < one.end_ns]
            if names:
                idle_since = now + 1
                part = "computing" if GEMM in names else "communication" if NCCL in names else "copy"
            else:
                after = min(
                    (one for one in self.pieces if one.start_ns > now), key=lambda one: (one.start_ns, one.launch_ns)
                )
                launched = after.launch_ns <= now
                part = "host-bound" if not launched else "queued" if after.launch_ns <= idle_since else "launch"
            found[part] += 1
        return found

    def busy_by_stream(self) -> dict[str, np.ndarray]:
        """Stream → whether it works at each nanosecond."""
        found = {one.stream: np.zeros(self.end - self.begin, bool) for one in self.pieces}
        for one in self.pieces:
            found[one.stream][one.start_ns - self.begin : one.end_ns - self.begin] = True
        return found


@st.composite
def schedules(draw: st.DrawFn, latency: int | None = None) -> Schedule:
    """Pieces that begin when they are launched, their stream is free and what they wait for has ended.

    Args:
        latency: nanoseconds from a launch to the device; by default drawn.
    """
    delay = draw(st.integers(0, 4)) if latency is None else latency
    pieces: list[Piece] = []
    free = dict.fromkeys(STREAMS, 0)
    now = 0
    for number in range(draw(st.integers(1, 9))):
        now += draw(st.integers(0, 12))
        stream = draw(st.sampled_from(STREAMS))
        waits_for = draw(st.none() | st.integers(0, number - 1)) if number else None
        released = pieces[waits_for].end_ns if waits_for is not None else 0
        start = max(now + delay, free[stream], released)
        end = start + draw(st.integers(1, 15))
        pieces.append(Piece(draw(st.sampled_from(NAMES)), stream, now, start, end, waits_for))
        free[stream] = end
    cuts = sorted({0, *draw(st.lists(st.integers(0, now), max_size=2)), now + 1})
    return Schedule(tuple(pieces), tuple(pairwise(cuts)))
