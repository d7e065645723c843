"""What a machine can do at best on one backend and device: ceilings that `anatomy doctor` measured."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from anatomy.bench.records.frozen import Frozen

# Names a ceiling may have for a dtype of products, the first found counts.
_CEILING_NAMES = {"tensorfloat32": ("tensorfloat32", "tf32")}


class Ceiling(Frozen):
    """The best that was measured through one backend on one device.

    Attributes:
        backend: the Keras backend.
        device: `cpu`, or the GPU's name, or `gpu` where the backend gives it none, as in a record's settings.
        threads_intra: threads within an operation that were in effect; null where the backend does not say.
        matmul_flops_per_s: dtype of the operands → FLOP/s of the best square matrix product, 2·n³ a product.
        matmul_size: dtype → the n of that product.
        bandwidth_bytes_per_s: the better of the sum of two arrays (two reads and one write a value) and the sums
            of rows (one read a value), over arrays larger than the caches (McCalpin 1995, STREAM); null when
            not measured.
        dispatch_s: median time of an addition of one value to one, launched and waited for.
        versions: of the backend's packages.
        measured_at: ISO 8601, UTC.
        not_measured: dtype or figure → why it is missing.
    """

    backend: str
    device: str
    threads_intra: int | None = None
    matmul_flops_per_s: dict[str, float] = Field(default_factory=dict)
    matmul_size: dict[str, int] = Field(default_factory=dict)
    bandwidth_bytes_per_s: float | None = None
    dispatch_s: float | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    measured_at: str
    not_measured: dict[str, str] = Field(default_factory=dict)


def device_name(device: str, gpus: Sequence[str]) -> str:
    """A device by its own name: TensorFlow says `gpu` alone, and means the first that CUDA shows.

    Args:
        device: as in a record's settings or a ceiling.
        gpus: names of the run's GPUs; without any, `gpu` stays.
    """
    return gpus[0] if device == "gpu" and gpus else device


def ceiling_of(ceilings: Sequence[Ceiling], backend: str, device: str, gpus: Sequence[str] = ()) -> Ceiling | None:
    """The ceiling of a backend on a device, the latest where it was measured twice.

    Args:
        ceilings: of the run.
        backend: the Keras backend.
        device: as in a record's settings, or by its own name.
        gpus: names of the run's GPUs.
    """
    named = device_name(device, gpus)
    fitting = [one for one in ceilings if one.backend == backend and device_name(one.device, gpus) == named]
    return max(fitting, key=lambda one: one.measured_at, default=None)


def matmul_ceiling(ceiling: Ceiling, dtype: str) -> float | None:
    """FLOP/s of the best matrix product whose operands have this dtype."""
    for name in _CEILING_NAMES.get(dtype, (dtype,)):
        if name in ceiling.matmul_flops_per_s:
            return ceiling.matmul_flops_per_s[name]
    return None
