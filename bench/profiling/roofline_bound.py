"""What bounds a layer's time: launching, if that took longer than its operations; else computing or memory.

Between these two the roofline decides (Williams, Waterman and Patterson 2009): the one that takes longer at the
machine's measured ceilings.
"""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.records.case_profile import Bound
from anatomy.bench.records.ceiling import Ceiling, ceiling_of, matmul_ceiling
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.parity import manifest
from anatomy.bench.records.record import Record

# Starting an operation costs microseconds on every backend. It dominates operations that are shorter than _SHORT_S and
# whose work, at the ceilings, explains less than _EXPLAINED of their time.
_SHORT_S, _EXPLAINED = 50e-6, 0.1


class LayerCeilings(Frozen):
    """What the machine does at best on the case's backend and device.

    Attributes:
        flops_per_s: rate of matrix products in the case's dtype; `None` if not measured.
        bandwidth_bytes_per_s: memory bandwidth; `None` if not measured.
    """

    flops_per_s: float | None = None
    bandwidth_bytes_per_s: float | None = None


def roofline_bound(
    flops: int | None,
    moved_bytes: int | None,
    time: float,
    host: float | None,
    calls: float,
    ceilings: LayerCeilings | None,
) -> Bound | None:
    """What bounds the layer's time; `None` if unknown.

    Args:
        time: seconds in which its operations ran.
        host: seconds that the host spent in it while no operation ran; `None` if the step is launched as a whole.
        calls: number of operations that ran.
    """
    if host is not None and host > time:
        return "launch"
    if ceilings is None or flops is None or moved_bytes is None:
        return None
    if not (ceilings.flops_per_s and ceilings.bandwidth_bytes_per_s):
        return None
    compute, memory = flops / ceilings.flops_per_s, moved_bytes / ceilings.bandwidth_bytes_per_s
    if max(compute, memory) < _EXPLAINED * time and time < calls * _SHORT_S:
        return "launch"
    return "compute" if compute >= memory else "memory"


def layer_ceilings(record: Record, ceilings: Sequence[Ceiling]) -> LayerCeilings | None:
    """What the machine does at best for a measured case, by the run's ceilings; `None` if that was not measured."""
    found = ceiling_of(ceilings, record.case.backend, str(record.settings.get("device") or ""))
    if found is None:
        return None
    return LayerCeilings(
        flops_per_s=matmul_ceiling(found, manifest(record.settings, record.counts).product_dtype),
        bandwidth_bytes_per_s=found.bandwidth_bytes_per_s,
    )
