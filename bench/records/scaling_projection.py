"""Throughput at many devices, projected from one: a model, not a measurement.

A step on n devices is a step on one, and the all-reduce of the gradients as far as the backward pass does not hide it.
For S bytes over links of latency α and bandwidth B:

    ring   2·(n − 1)·α + 2·(n − 1)/n · S/B     Patarasuk and Yuan (2009), J. Parallel Distrib. Comput. 69
    tree   2·⌈log₂ n⌉·α + 2·S/B                reduce and broadcast, pipelined over two trees: Sanders, Speck and
                                               Träff (2009), Parallel Computing 35

The faster of the two is taken. Stragglers, input, and networks that all share are not in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize

Algorithm = Literal["ring", "tree"]

# Forward : backward is 1 : 2 in products; the exchange may run beside the backward pass alone.
BACKWARD_SHARE = 2 / 3
DEFAULT_DEVICES = tuple(2**power for power in range(1, 13))


@dataclass(frozen=True)
class Link:
    """What connects two devices: seconds a message, bytes per second."""

    latency_s: float
    bandwidth_bytes_per_s: float

    def __post_init__(self) -> None:
        if self.latency_s < 0 or self.bandwidth_bytes_per_s <= 0:
            raise ValueError(f"{self}: expected a latency of 0 s or more and a bandwidth above 0 B/s")


@dataclass(frozen=True)
class Projection:
    """One number of devices.

    Attributes:
        algorithm: the faster one.
        exchange_s: of the gradients, by itself.
        step_s: from all that can be hidden being hidden, to nothing.
        examples_per_s: over all devices, from nothing hidden to all that can be.
        efficiency: over that of as many devices that add up, likewise.
    """

    devices: int
    algorithm: Algorithm
    exchange_s: float
    step_s: tuple[float, float]
    examples_per_s: tuple[float, float]
    efficiency: tuple[float, float]


def exchange_s(algorithm: Algorithm, devices: int, size_bytes: float, link: Link) -> float:
    """Seconds of one all-reduce."""
    if devices == 1:
        return 0.0
    if algorithm == "ring":
        rounds = 2 * (devices - 1)
        return rounds * link.latency_s + rounds / devices * size_bytes / link.bandwidth_bytes_per_s
    return 2 * math.ceil(math.log2(devices)) * link.latency_s + 2 * size_bytes / link.bandwidth_bytes_per_s


def project(
    step_s: float, batch_size: int, gradient_bytes: float, link: Link, devices: Sequence[int] = DEFAULT_DEVICES
) -> list[Projection]:
    """Weak scaling: each device has the batch that one had.

    Args:
        step_s: a pipelined training step on one device.
        batch_size: examples in it.
    """
    found = []
    for count in devices:
        took = {name: exchange_s(name, count, gradient_bytes, link) for name in ("ring", "tree")}
        algorithm: Algorithm = "ring" if took["ring"] <= took["tree"] else "tree"
        exposed = max(0.0, took[algorithm] - BACKWARD_SHARE * step_s)
        steps = (step_s + exposed, step_s + took[algorithm])
        found.append(
            Projection(
                devices=count,
                algorithm=algorithm,
                exchange_s=took[algorithm],
                step_s=steps,
                examples_per_s=(count * batch_size / steps[1], count * batch_size / steps[0]),
                efficiency=(step_s / steps[1], step_s / steps[0]),
            )
        )
    return found


def fit_link(measured: Sequence[tuple[int, int, float]]) -> Link:
    """The link that explains measured all-reduces best, by the ring's formula; relative errors count alike.

    Args:
        measured: devices, bytes, seconds of each; two sizes or numbers of devices at least.

    Raises:
        ValueError: too few, or they do not tell latency from bandwidth.
    """
    rows = [(2 * (n - 1) / s, 2 * (n - 1) / n * size / s) for n, size, s in measured if n > 1]
    if len(set(rows)) < 2:
        raise ValueError(
            f"{len(set(rows))} all-reduces were measured; two of different sizes are needed to tell latency from"
            " bandwidth: measure two models on several devices, or give --latency and --bandwidth"
        )
    (latency_s, seconds_a_byte), _ = optimize.nnls(np.array(rows), np.ones(len(rows)))
    if seconds_a_byte <= 0:
        raise ValueError("the all-reduces that were measured do not grow with their size; give --bandwidth")
    return Link(float(latency_s), 1 / float(seconds_a_byte))
