"""How far rounding lets the outputs of one model differ between backends or versions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from anatomy.bench.records.record_parts import Counts

# Unit roundoff, half the distance from 1 to the next number: IEEE 754 binary32 and binary16; 11 significant bits in
# TF32, 8 in bfloat16.
ROUNDOFF = {"float32": 2.0**-24, "tensorfloat32": 2.0**-11, "float16": 2.0**-11, "bfloat16": 2.0**-8}
# λ of the probabilistic bound: it fails with probability 2·exp(−λ²/2) at most, 0.07 % for each value.
CONFIDENCE = 4.0


def rounding_tolerance(counts: Counts | None, *precisions: str) -> float | None:
    """Return `4·(2·u + √n·2⁻²⁴)·√depth`, with u of the coarsest precision; `None` without counts.

    In a layer both operands of a product are rounded (2·u), and n products are added up in float32 (√n·2⁻²⁴, Higham and
    Mary 2019, theorem 2.4). The errors of `depth` layers add up like independent ones.
    """
    if counts is None or not counts.units:
        return None
    terms = max(1.0, counts.macs / counts.units)
    unit = max(ROUNDOFF[name] for name in precisions)
    return CONFIDENCE * (2 * unit + math.sqrt(terms) * ROUNDOFF["float32"]) * math.sqrt(max(1, counts.depth))


def saturated(values: Sequence[float], within: float) -> bool:
    """Whether every value is 0 or the largest, within a share of the largest: so are all of a saturated softmax.

    Such values hide what was computed before them.
    """
    largest = max(map(abs, values), default=0.0)
    return len(values) > 1 and all(min(abs(v), largest - abs(v)) <= within * largest for v in values)


def relative_deviation(ours: Sequence[float], reference: Sequence[float]) -> float:
    """Return the largest difference over the largest absolute reference value; absolute where all of those are 0."""
    largest = max(map(abs, reference))
    difference = max(abs(a - b) for a, b in zip(ours, reference, strict=True))
    return difference / largest if largest else difference
