"""What holds a layer back: the longest of the times that its products, its bytes and its launches would take.

The roofline (Williams, Waterman and Patterson 2009) with a third term for launches; each by a measured ceiling.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from anatomy.bench.ceiling import Ceiling, ceiling_of, matmul_ceiling
from anatomy.bench.parity import manifest
from anatomy.bench.profiling.result import Bound
from anatomy.bench.record import Record


class LayerCeilings(BaseModel):
    """What the machine does at best on the case's backend and device.

    Attributes:
        flops_per_s: of products in the case's dtype; null where not measured.
        bandwidth_bytes_per_s: of memory; likewise.
        dispatch_s: of an operation that does nothing; likewise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    flops_per_s: float | None = None
    bandwidth_bytes_per_s: float | None = None
    dispatch_s: float | None = None


def bound_of(flops: int | None, moved_bytes: int | None, calls: float, ceilings: LayerCeilings | None) -> Bound | None:
    """The longest of the three; null where a term that could be the longest is not known."""
    if ceilings is None or flops is None or moved_bytes is None:
        return None
    if not (ceilings.flops_per_s and ceilings.bandwidth_bytes_per_s and ceilings.dispatch_s):
        return None
    seconds: dict[Bound, float] = {
        "compute": flops / ceilings.flops_per_s,
        "memory": moved_bytes / ceilings.bandwidth_bytes_per_s,
        "launch": calls * ceilings.dispatch_s,
    }
    return max(seconds, key=lambda name: seconds[name])


def layer_ceilings(record: Record, ceilings: Sequence[Ceiling]) -> LayerCeilings | None:
    """What the machine does at best for a measured case; null where that was not measured.

    Args:
        ceilings: of the run.
    """
    found = ceiling_of(ceilings, record.case.backend, str(record.settings.get("device") or ""))
    if found is None:
        return None
    return LayerCeilings(
        flops_per_s=matmul_ceiling(found, manifest(record).product_dtype),
        bandwidth_bytes_per_s=found.bandwidth_bytes_per_s,
        dispatch_s=found.dispatch_s,
    )
