"""Whether several devices train as one would: two trajectories compared."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from anatomy.bench.protocol.trajectory import Trajectory
from anatomy.bench.records.record_parts import Equality

# Sums in another order differ by rounding, which five steps of a deep network carry on: 0.5 % was seen in GoogLeNet in
# float32, on every backend. Gradients that were not added up, or added up where a mean was meant, are wrong by far
# more.
TOLERANCE = {"float32": 2e-2, "bfloat16": 1e-1, "float16": 5e-2}
# A variable that hardly moves (a bias before a normalisation) moves by rounding alone: it is held to this share of what
# the others move.
LEAST_UPDATE = 0.01
# Devices that have added up the same gradients hold the same numbers.
REPLICA_TOLERANCE = 1e-6


def compare(several: Trajectory, one: Trajectory, dtype: str, devices: int) -> Equality:
    """The verdict on `several` devices, against the same five steps on one."""
    if several.random or one.random:
        names = ", ".join((several.random or one.random)[:3])
        return Equality(verdict="not checked", reason=f"{names} draws random numbers of its own on each device")
    if not all(map(math.isfinite, (*several.losses, *one.losses))):
        return Equality(verdict="not checked", reason="the loss is not finite without dropout and batch statistics")
    first, *others = several.updates
    (reference,) = one.updates
    found = {
        "loss_deviation": max(abs(a - b) / max(abs(b), 1e-12) for a, b in zip(several.losses, one.losses, strict=True)),
        "update_deviation": _worst(first, reference)[0],
        "replica_deviation": max((_worst(other, first)[0] for other in others), default=0.0),
        "tolerance": TOLERANCE[dtype.removeprefix("mixed_")],
    }
    reason = _reason(found, several, first, reference, devices)
    return Equality(verdict="differs" if reason else "equal", reason=reason, **found)


def _reason(
    found: dict[str, float],
    several: Trajectory,
    first: Sequence[Sequence[float]],
    reference: Sequence[Sequence[float]],
    devices: int,
) -> str:
    """What is wrong, the plainest first; empty when nothing is."""
    steps = len(several.losses)
    if found["replica_deviation"] > REPLICA_TOLERANCE:
        return (
            f"after {steps} steps the {devices} devices hold different weights (by {found['replica_deviation']:.2g} of"
            " what they moved): gradients are not synchronised"
        )
    if found["update_deviation"] > found["tolerance"]:
        worst = several.names[_worst(first, reference)[1]]
        return (
            f"after {steps} steps on {devices} devices {worst} has moved otherwise than on one (by"
            f" {found['update_deviation']:.2g} of what it moved there, {found['tolerance']:.2g} allowed): the gradient"
            " is not that of the whole batch"
        )
    if found["loss_deviation"] > found["tolerance"]:
        return (
            f"the losses of {steps} steps on {devices} devices are not those on one (by {found['loss_deviation']:.2g},"
            f" {found['tolerance']:.2g} allowed)"
        )
    return ""


def _worst(updates: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]) -> tuple[float, int]:
    """The largest ‖difference‖ / ‖update‖ of a variable, and which one it is."""
    everywhere = np.concatenate([np.asarray(values) for values in reference])
    usual = float(np.sqrt(np.mean(everywhere**2)))
    deviations = []
    for ours, theirs in zip(updates, reference, strict=True):
        a, b = np.asarray(ours), np.asarray(theirs)
        scale = max(float(np.linalg.norm(b)), LEAST_UPDATE * usual * math.sqrt(b.size))
        difference = float(np.linalg.norm(a - b))
        deviations.append(difference / scale if scale else difference)
    worst = int(np.argmax(deviations))
    return deviations[worst], worst
