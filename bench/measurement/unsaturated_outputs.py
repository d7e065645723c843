"""Outputs before they saturate: with the last weights made smaller, so that what leads to them can be compared.

An untrained network without calibrated normalisation has large logits. Its softmax gives 0 and 1 on every backend,
whatever was computed before. The last layer is linear: with its weights scaled down the logits are, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from anatomy.bench.records.record_parts import ScaledOutputs
from anatomy.bench.records.rounding_tolerance import saturated
from anatomy.bench.workload.model_outputs import last_weights
from anatomy.bench.workload.output_sample import sample_outputs

Array = np.ndarray[Any, Any]

# Outputs nearer to 0 or to the largest than this share are scaled: more than the report calls saturated, so that a case
# at the edge is scaled on every backend.
NEAR = 1e-4
# Outputs are scaled until some of them are as far from 0 and from the largest.
FAR = 0.02
# Powers of ten that are tried.
LARGEST_POWER = 30


def scaled_outputs(
    model: Any, outputs: Callable[[], Sequence[Array]], put: Callable[[Sequence[Array]], None]
) -> ScaledOutputs | None:
    """A sample of the outputs with the last weights scaled; `None` where they are not saturated or nothing helps.

    Args:
        outputs: computes the outputs for the weights that were put last.
        put: gives the model's trainable weights other values. It has its own again in the end.

    Raises:
        NotImplementedError: `put` refuses.
    """
    last = last_weights(model)
    if not any(last):
        return None
    sample = sample_outputs(outputs())
    # Outputs that are all 0, as those of a head of zeros or behind a threshold, are 0 at every scale.
    if not any(sample) or not saturated(sample, NEAR):
        return None
    own = [np.asarray(variable.numpy()) for variable in model.trainable_variables]
    try:
        for power in range(1, LARGEST_POWER + 1):
            scale = 10.0**-power
            factors = (scale if is_last else 1.0 for is_last in last)
            put([(value * factor).astype(value.dtype) for value, factor in zip(own, factors, strict=True)])
            found = sample_outputs(outputs())
            if not saturated(found, FAR):
                return ScaledOutputs(scale=scale, sample=found)
    finally:
        put(own)
    return None
