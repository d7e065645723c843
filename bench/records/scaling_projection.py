"""Training throughput at many devices, projected from one: a model, not a measurement.

A step on n devices takes as long as on one, plus the part of the gradients' all-reduce that the backward pass does not
hide. For S bytes over links of latency α and bandwidth B, an all-reduce takes:

    ring   2·(n − 1)·α + 2·(n − 1)/n · S/B     Patarasuk and Yuan (2009), J. Parallel Distrib. Comput. 69
    tree   2·⌈log₂ n⌉·α + 2·S/B                reduce and broadcast, pipelined over two trees: Sanders, Speck and
                                               Träff (2009), Parallel Computing 35

The faster of the two counts. Stragglers, input and shared networks are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import optimize

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.record import Record

Algorithm = Literal["ring", "tree"]

# Forward : backward is 1 : 2 in products; the exchange can overlap with the backward pass only.
BACKWARD_SHARE = 2 / 3
DEFAULT_DEVICES = tuple(2**power for power in range(1, 13))


@dataclass(frozen=True)
class Link:
    """A connection of two devices: seconds per message, and bytes per second."""

    latency_s: float
    bandwidth_bytes_per_s: float

    def __post_init__(self) -> None:
        if self.latency_s < 0 or self.bandwidth_bytes_per_s <= 0:
            raise ValueError(f"{self}: expected a latency of 0 s or more and a bandwidth above 0 B/s")


@dataclass(frozen=True)
class Projection:
    """The projection for one number of devices.

    Attributes:
        devices: number of devices.
        algorithm: the faster algorithm.
        exchange_s: seconds of the gradients' all-reduce.
        step_s: seconds of a step, with as much of the all-reduce hidden as possible, and with nothing hidden.
        examples_per_s: throughput of all devices, with nothing hidden, and with as much hidden as possible.
        efficiency: throughput over that of perfect scaling, in the same order.
    """

    devices: int
    algorithm: Algorithm
    exchange_s: float
    step_s: tuple[float, float]
    examples_per_s: tuple[float, float]
    efficiency: tuple[float, float]


@dataclass(frozen=True)
class CaseProjection:
    """The projections of one training case.

    Attributes:
        record: the case on one device.
        link: connection between the devices.
        rows: projection for each number of devices.
        measured: records of the same case on several devices in the same run, by their number.
    """

    record: Record
    link: Link
    rows: list[Projection]
    measured: dict[int, Record]


def project_records(
    records: Sequence[Record],
    devices: Sequence[int] = DEFAULT_DEVICES,
    bandwidth_bytes_per_s: float | None = None,
    latency_s: float | None = None,
) -> list[CaseProjection]:
    """Project every measured training case on one device; empty where there is none.

    Args:
        records: records of one run.
        devices: numbers of devices to project for.
        bandwidth_bytes_per_s: bandwidth of the link; by default fitted to the all-reduces that the run measured.
        latency_s: latency of the link; by default fitted likewise.

    Raises:
        UsageError: the run has too few all-reduces to fit what is not given.
    """
    cases = [
        record
        for record in records
        if record.outcome == "ok"
        and record.case.mode == "train"
        and record.case.devices == 1
        and record.counts
        and record.throughput_examples_per_s
    ]
    backends = dict.fromkeys(record.case.backend for record in cases)
    links = {backend: _link(records, backend, bandwidth_bytes_per_s, latency_s) for backend in backends}
    return [_project_case(record, links[record.case.backend], devices, records) for record in cases]


def exchange_s(algorithm: Algorithm, devices: int, size_bytes: float, link: Link) -> float:
    """Return the seconds of one all-reduce."""
    if devices == 1:
        return 0.0
    if algorithm == "ring":
        rounds = 2 * (devices - 1)
        return rounds * link.latency_s + rounds / devices * size_bytes / link.bandwidth_bytes_per_s
    return 2 * math.ceil(math.log2(devices)) * link.latency_s + 2 * size_bytes / link.bandwidth_bytes_per_s


def project(
    step_s: float, batch_size: int, gradient_bytes: float, link: Link, devices: Sequence[int] = DEFAULT_DEVICES
) -> list[Projection]:
    """Project weak scaling: each device has the batch of the one device.

    Args:
        step_s: seconds of a pipelined training step on one device.
        batch_size: number of examples of that step.
        gradient_bytes: bytes of the gradients.
        link: connection between the devices.
        devices: numbers of devices to project for.
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
    """Fit the link to measured all-reduces by the ring's formula, with the least relative errors.

    Args:
        measured: devices, bytes and seconds of each; at least two sizes or numbers of devices.

    Raises:
        ValueError: there are too few of them, or they do not tell latency from bandwidth.
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


def _link(records: Sequence[Record], backend: str, bandwidth: float | None, latency_s: float | None) -> Link:
    if bandwidth is not None and latency_s is not None:
        return Link(latency_s, bandwidth)
    measured = [
        (record.case.devices, record.all_reduce.size_bytes, record.all_reduce.median_s)
        for record in records
        if record.case.backend == backend and record.all_reduce is not None
    ]
    try:
        fitted = fit_link(measured)
    except ValueError as error:
        raise UsageError(f"{backend}: {error}") from error
    return Link(
        fitted.latency_s if latency_s is None else latency_s,
        fitted.bandwidth_bytes_per_s if bandwidth is None else bandwidth,
    )


def _project_case(record: Record, link: Link, devices: Sequence[int], records: Sequence[Record]) -> CaseProjection:
    case = record.case
    assert record.counts is not None
    assert record.throughput_examples_per_s is not None
    # Mixed policies keep float32 variables, whose gradients are float32.
    width = 2 if case.dtype in ("bfloat16", "float16") else 4
    step_s = case.batch_size / record.throughput_examples_per_s
    rows = project(step_s, case.batch_size, record.counts.trainable_parameters * width, link, devices)
    measured = {
        other.case.devices: other
        for other in records
        if other.outcome == "ok"
        and other.case.devices > 1
        and other.case.batch_size == case.batch_size * other.case.devices
        and _fields_but_scale(other) == _fields_but_scale(record)
    }
    return CaseProjection(record, link, rows, measured)


def _fields_but_scale(record: Record) -> dict[str, Any]:
    """A case's fields without devices and batch size, which a stateful model has among its options as well."""
    fields = record.case.model_dump(exclude={"devices", "batch_size", "key"})
    fields["options"] = {name: value for name, value in record.case.options.items() if name != "batch_size"}
    return fields
