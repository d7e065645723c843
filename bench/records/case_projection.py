"""The training cases of a run, projected to many devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.record import Record
from anatomy.bench.records.scaling_projection import DEFAULT_DEVICES, Link, Projection, fit_link, project


@dataclass(frozen=True)
class CaseProjection:
    """The projections of one training case.

    Attributes:
        record: of the case on one device.
        link: between two devices.
        rows: one for each number of devices.
        measured: devices → the record of the same run in which each device has this batch.
    """

    record: Record
    link: Link
    rows: Sequence[Projection]
    measured: dict[int, Record]

    def to_dict(self) -> dict[str, Any]:
        """The published JSON object."""
        return {
            "key": self.record.key,
            "name": self.record.name,
            "link": asdict(self.link),
            "projection": [asdict(row) for row in self.rows],
            "is_projection": True,
        }


def project_cases(
    records: Sequence[Record],
    devices: Sequence[int] = DEFAULT_DEVICES,
    bandwidth_bytes_per_s: float | None = None,
    latency_s: float | None = None,
) -> list[CaseProjection]:
    """Project every measured training case on one device; empty where there is none.

    Args:
        records: of one run.
        devices: numbers of devices.
        bandwidth_bytes_per_s, latency_s: of the link; what is `None` is fitted to the all-reduces that the run has
            measured on the case's backend.

    Raises:
        UsageError: the run has too few of these.
    """
    cases = [record for record in records if _can_be_projected(record)]
    backends = dict.fromkeys(record.case.backend for record in cases)
    links = {backend: _link(bandwidth_bytes_per_s, latency_s, records, backend) for backend in backends}
    return [
        CaseProjection(
            record,
            links[record.case.backend],
            _rows(record, links[record.case.backend], devices),
            _measured(record, records),
        )
        for record in cases
    ]


def _can_be_projected(record: Record) -> bool:
    return (
        record.outcome == "ok"
        and record.case.mode == "train"
        and record.case.devices == 1
        and record.counts is not None
        and bool(record.throughput_examples_per_s)
    )


def _link(bandwidth: float | None, latency: float | None, records: Sequence[Record], backend: str) -> Link:
    if bandwidth is not None and latency is not None:
        return Link(latency, bandwidth)
    try:
        fitted = fit_link(
            [
                (record.case.devices, record.all_reduce.size_bytes, record.all_reduce.median_s)
                for record in records
                if record.case.backend == backend and record.all_reduce is not None
            ]
        )
    except ValueError as error:
        raise UsageError(f"{backend}: {error}") from error
    return Link(
        latency if latency is not None else fitted.latency_s,
        bandwidth if bandwidth is not None else fitted.bandwidth_bytes_per_s,
    )


def _rows(record: Record, link: Link, devices: Sequence[int]) -> list[Projection]:
    assert record.counts is not None
    assert record.throughput_examples_per_s is not None
    # Mixed policies keep float32 variables, whose gradients are float32.
    width = 2 if record.case.dtype in ("bfloat16", "float16") else 4
    return project(
        record.case.batch_size / record.throughput_examples_per_s,
        record.case.batch_size,
        record.counts.trainable_parameters * width,
        link,
        devices,
    )


def _measured(record: Record, records: Sequence[Record]) -> dict[int, Record]:
    wanted = record.case
    return {
        other.case.devices: other
        for other in records
        if other.outcome == "ok"
        and other.case.devices > 1
        and other.case.batch_size == wanted.batch_size * other.case.devices
        and other.case.model_dump(exclude={"devices", "batch_size", "key", "options"})
        == wanted.model_dump(exclude={"devices", "batch_size", "key", "options"})
        and _options(other) == _options(record)
    }


def _options(record: Record) -> dict[str, Any]:
    # A stateful model is built for one batch size.
    return {name: value for name, value in record.case.options.items() if name != "batch_size"}
