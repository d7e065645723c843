"""Sizes of memory and short times, as people write them."""

from __future__ import annotations

import math
import re

from anatomy.bench.errors.anatomy_error import UsageError

_UNITS = {"": 1, "b": 1} | {
    f"{prefix}{suffix}": base**power
    for power, prefix in enumerate("kmgt", start=1)
    for suffix, base in (("", 1024), ("ib", 1024), ("b", 1000))
}


_SECONDS = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def parse_bytes(text: str) -> int:
    """`4GiB` → 4294967296; `500MB` → 500000000; `2g` is binary; a bare number is bytes.

    Raises:
        UsageError: anything else.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if match is None or match[2] not in _UNITS:
        raise UsageError(f"{text!r} is not a size; expected a number with B, KiB, MiB, GiB, kB, MB or GB, e.g. 4GiB")
    size = float(match[1]) * _UNITS[match[2]]
    if not math.isfinite(size):
        raise UsageError(f"{text[:20]}… is no size of memory; expected fewer digits, e.g. 4GiB")
    return int(size)


def parse_seconds(text: str) -> float:
    """`5us` → 5e-6; a unit is needed: h, min, s, ms, us or ns.

    Raises:
        UsageError: anything else.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zµ]+)\s*", text.lower())
    if match is None or match[2] not in _SECONDS:
        raise UsageError(f"{text!r} is not a time; expected a number with h, min, s, ms, us or ns, e.g. 5us")
    seconds = float(match[1]) * _SECONDS[match[2]]
    if not math.isfinite(seconds):
        raise UsageError(f"{text[:20]}… is no time; expected fewer digits, e.g. 5us")
    return seconds
