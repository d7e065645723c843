"""What holds a layer back: launching, where that took longer than the operations' work; else products or bytes.

Of these the one that would take longer by the measured ceilings: the roofline (Williams, Waterman and Patterson 2009).
"""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.records.case_profile import Bound
from anatomy.bench.records.ceiling import Ceiling, ceiling_of, matmul_ceiling
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.parity import manifest
from anatomy.bench.records.record import Record

# Operations shorter than this, whose work by the ceilings is less than this share of their time, are mostly begun and
# ended: beginning one costs microseconds on every backend.
_SHORT_S, _EXPLAINED = 50e-6, 0.1


class LayerCeilings(Frozen):
    """What the machine does at best on the case's backend and device.

    Attributes:
        flops_per_s: of products in the case's dtype; null where not measured.
        bandwidth_bytes_per_s: of memory; likewise.
    """

    flops_per_s: float | None = None
    bandwidth_bytes_per_s: float | None = None


def bound_of(
    flops: int | None,
    moved_bytes: int | None,
    time: float,
    host: float | None,
    calls: float,
    ceilings: LayerCeilings | None,
) -> Bound | None:
    """What would have to be faster for the layer to be; null where it is not known.

    Args:
        time: seconds in which its operations ran.
        host: seconds the host spent in it while nothing ran; null where it launches the step as a whole.
        calls: operations that ran.
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
    )
