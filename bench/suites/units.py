"""Sizes of memory and short times, as people write them."""

from __future__ import annotations

import re

from anatomy.bench.errors.anatomy_error import UsageError

_UNITS = {"": 1, "b": 1} | {
    f"{prefix}{suffix}": base**power
    for power, prefix in enumerate("kmgt", start=1)
    for suffix, base in (("", 1024), ("ib", 1024), ("b", 1000))
}


_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def parse_bytes(text: str) -> int:
    """`4GiB` → 4294967296; `500MB` → 500000000; `2g` is binary; a bare number is bytes.

    Raises:
        UsageError: anything else.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if match is None or match[2] not in _UNITS:
        raise UsageError(f"{text!r} is not a size; expected a number with B, KiB, MiB, GiB, kB, MB or GB, e.g. 4GiB")
    return int(float(match[1]) * _UNITS[match[2]])


def parse_seconds(text: str) -> float:
    """`5us` → 5e-6; a unit is needed: s, ms, us or ns.

    Raises:
        UsageError: anything else.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zµ]+)\s*", text.lower())
    if match is None or match[2] not in _SECONDS:
        raise UsageError(f"{text!r} is not a time; expected a number with s, ms, us or ns, e.g. 5us")
    return float(match[1]) * _SECONDS[match[2]]
