"""What a backend can do at best on a device of this machine, as `anatomy doctor` measures it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Ceiling(BaseModel):
    """Measured limits of one backend on one device.

    Attributes:
        backend: the Keras backend.
        device: as in a record's settings: `cpu`, or the GPU's name.
        matmul_flops_per_s: dtype → the best dense matrix product, FLOP/s (2·m·n·k a product).
        bandwidth_bytes_per_s: the best a ← b + s·c over arrays far beyond the caches, bytes read and written.
        dispatch_s: median of a trivial operation, launched and waited for.
        not_measured: figure (`float16`, `bandwidth_bytes_per_s`, …) → why there is none.
        measured_at: ISO 8601, UTC.
        environment: fingerprint of the environment it was measured in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: str
    device: str
    matmul_flops_per_s: dict[str, float] = Field(default_factory=dict)
    bandwidth_bytes_per_s: float | None = None
    dispatch_s: float | None = None
    not_measured: dict[str, str] = Field(default_factory=dict)
    measured_at: str
    environment: str
