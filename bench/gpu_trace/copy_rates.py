"""Copies between host and device, and within it: how many, how large, how fast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from anatomy.bench.gpu_trace.recorded_work import DeviceWork

_WORDS = {"H": "host", "D": "device", "P": "another device", "A": "array"}


@dataclass(frozen=True)
class CopyRate:
    """Copies of one direction and one kind of host memory.

    Attributes:
        direction: `host to device`, …; `fill` for a memset.
        host_memory: `pageable`, `pinned`, or empty where the trace does not say.
        time_ns: their sum.
        bytes: their sum; `None` if the size of any is not recorded.
        bytes_per_s: size over time; `None` without sizes, or for times that were rounded to 0.
    """

    direction: str
    host_memory: str
    count: int
    time_ns: int
    bytes: int | None
    bytes_per_s: float | None


def copy_rates(work: Iterable[DeviceWork]) -> tuple[CopyRate, ...]:
    """The copies and fills among device work, the longest in all first."""
    groups: dict[tuple[str, str], list[DeviceWork]] = {}
    for one in work:
        if one.type != "kernel":
            groups.setdefault((_direction(one), one.host_memory), []).append(one)
    rates = [_rate(direction, memory, found) for (direction, memory), found in groups.items()]
    return tuple(sorted(rates, key=lambda rate: -rate.time_ns))


def _rate(direction: str, memory: str, copies: list[DeviceWork]) -> CopyRate:
    time_ns = sum(one.end_ns - one.start_ns for one in copies)
    sizes = [one.bytes for one in copies if one.bytes is not None]
    size = sum(sizes) if len(sizes) == len(copies) else None
    rate = None if size is None or time_ns == 0 else size * 1e9 / time_ns
    return CopyRate(direction, memory, len(copies), time_ns, size, rate)


def _direction(work: DeviceWork) -> str:
    if work.type == "fill":
        return "fill"
    source, _, target = work.direction.partition("to")
    return f"{_WORDS.get(source, '?')} to {_WORDS.get(target, '?')}" if work.direction else "copy"
