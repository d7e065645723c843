"""Do several devices train as one would? Compares the trajectories of both."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from anatomy.bench.protocol.trajectory import Trajectory
from anatomy.bench.records.record_parts import Equality

# Largest deviation by dtype. Sums in another order round differently, and five steps of a deep network amplify that:
# 0.5 % was seen in GoogLeNet in float32, on every backend. Missing or doubled gradients deviate by far more.
TOLERANCE = {"float32": 2e-2, "bfloat16": 1e-1, "float16": 5e-2}
# A variable that hardly moves (a bias before a normalisation) moves by rounding alone: its deviation is relative to at
# least this share of the mean update.
LEAST_UPDATE = 0.01
# Replicas that applied the same gradients are equal but for rounding.
REPLICA_TOLERANCE = 1e-6


def compare(several: Trajectory, one: Trajectory, dtype: str, devices: int) -> Equality:
    """Compare the trajectory on several devices with that of the same steps on one.

    Args:
        dtype: dtype policy of the case, which sets the tolerance.
        devices: number of devices, for the reason.
    """
    if several.random or one.random:
        names = ", ".join((several.random or one.random)[:3])
        return Equality(verdict="not checked", reason=f"{names} draws random numbers of its own on each device")
    if not all(map(math.isfinite, (*several.losses, *one.losses))):
        return Equality(verdict="not checked", reason="the loss is not finite without dropout and batch statistics")
    first, *others = several.updates
    (reference,) = one.updates
    if not _finite(reference):
        return Equality(verdict="not checked", reason="the weights are not finite after the steps on one device")
    if not all(map(_finite, several.updates)):
        reason = f"the weights are not finite after the steps on {devices} devices, and are on one"
        return Equality(verdict="differs", reason=reason)
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
    """The most direct deviation above its tolerance, in words; empty if there is none."""
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


def _finite(updates: Sequence[Sequence[float]]) -> bool:
    return all(bool(np.isfinite(np.asarray(values)).all()) for values in updates)


def _worst(updates: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]) -> tuple[float, int]:
    """The largest ‖difference‖ / ‖update‖ of all variables, and the index of that variable."""
    root_mean_square = float(np.sqrt(np.mean(np.concatenate([np.asarray(values) for values in reference]) ** 2)))
    deviations = []
    for ours, theirs in zip(updates, reference, strict=True):
        a, b = np.asarray(ours), np.asarray(theirs)
        scale = max(float(np.linalg.norm(b)), LEAST_UPDATE * root_mean_square * math.sqrt(b.size))
        difference = float(np.linalg.norm(a - b))
        deviations.append(difference / scale if scale else difference)
    worst = int(np.argmax(deviations))
    return deviations[worst], worst
