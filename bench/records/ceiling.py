"""Ceilings: the best that a machine does on one backend and device, as `anatomy doctor` measured it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from anatomy.bench.records.checked_numbers import Count
from anatomy.bench.records.frozen import Frozen

# Names that a dtype of products may have in a ceiling; the first that is found counts.
_CEILING_NAMES = {"tensorfloat32": ("tensorfloat32", "tf32")}


class Ceiling(Frozen):
    """The ceilings of one backend on one device.

    Attributes:
        backend: Keras backend.
        device: `cpu`, the GPU's name, or `gpu` where the backend gives it no name, as in a record's settings.
        threads_intra: threads within an operation that were in effect; `None` where the backend does not say.
        matmul_flops_per_s: dtype of the operands → FLOP/s of the best square matrix product, counted as 2·n³.
        matmul_size: dtype → the n of that product.
        bandwidth_bytes_per_s: the better of the sum of two arrays (two reads and one write per value) and the sums of
            rows (one read per value), over arrays larger than the caches (McCalpin 1995, STREAM); `None` where it was
            not measured.
        dispatch_s: median seconds to launch an addition of one value to one and wait for it.
        versions: versions of the backend's packages.
        measured_at: time of the measurement, ISO 8601, UTC.
        not_measured: dtype or figure → why it is missing.
    """

    backend: str
    device: str
    threads_intra: Count | None = None
    matmul_flops_per_s: dict[str, float] = Field(default_factory=dict)
    matmul_size: dict[str, Count] = Field(default_factory=dict)
    bandwidth_bytes_per_s: float | None = None
    dispatch_s: float | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    measured_at: str
    not_measured: dict[str, str] = Field(default_factory=dict)


def device_name(device: str, gpus: Sequence[str]) -> str:
    """Return a device's own name: TensorFlow says `gpu`, and means the first one that CUDA shows.

    Args:
        device: device as in a record's settings or a ceiling.
        gpus: names of the run's GPUs; without any, `gpu` stays.
    """
    return gpus[0] if device == "gpu" and gpus else device


def ceiling_of(ceilings: Sequence[Ceiling], backend: str, device: str, gpus: Sequence[str] = ()) -> Ceiling | None:
    """Return the ceiling of a backend on a device, the latest where it was measured twice; `None` without one.

    Args:
        ceilings: ceilings of the run.
        backend: Keras backend.
        device: device as in a record's settings, or by its own name.
        gpus: names of the run's GPUs.
    """
    named = device_name(device, gpus)
    fitting = [one for one in ceilings if one.backend == backend and device_name(one.device, gpus) == named]
    return max(fitting, key=lambda one: one.measured_at, default=None)


def matmul_ceiling(ceiling: Ceiling, dtype: str) -> float | None:
    """Return the FLOP/s of the best matrix product with operands of this dtype; `None` where it was not measured."""
    for name in _CEILING_NAMES.get(dtype, (dtype,)):
        if name in ceiling.matmul_flops_per_s:
            return ceiling.matmul_flops_per_s[name]
    return None
