"""Lists of CPUs as the kernel and `taskset` write them: `0-3,8`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from anatomy.bench.errors.anatomy_error import UsageError

# The kernel numbers CPUs up to CONFIG_NR_CPUS, at most 8192.
_MOST = 8192
_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


def parse_cpus(text: str) -> frozenset[int]:
    """`0-3,8` → {0, 1, 2, 3, 8}.

    Raises:
        UsageError: anything else, or a range that runs backwards.
    """
    found: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise UsageError(f"{text!r} is no list of CPUs; expected numbers and ranges, e.g. 0-3 or 0,2")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < _MOST:
            raise UsageError(f"{text!r} is no list of CPUs: {part.strip()} must rise, and end below {_MOST}")
        found.update(range(first, last + 1))
    return frozenset(found)


def cpus_text(cpus: Iterable[int]) -> str:
    """{0, 1, 2, 3, 8} → `0-3,8`."""
    ranges: list[list[int]] = []
    for cpu in sorted(cpus):
        if ranges and cpu == ranges[-1][1] + 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
