"""What bounds a layer's time: launching, if that took longer than its operations; else computing or memory.

Between these two the roofline decides (Williams, Waterman and Patterson 2009): the one that takes longer at the
machine's measured ceilings.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from anatomy.bench.records.case_profile import Bound
from anatomy.bench.records.ceiling import Ceiling, ceiling_of, matmul_ceiling
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.parity import Manifest, manifest
from anatomy.bench.records.record import Record

# Starting an operation costs microseconds on every backend. It dominates operations that are shorter than _SHORT_S and
# whose work, at the ceilings, explains less than _EXPLAINED of their time.
_SHORT_S, _EXPLAINED = 50e-6, 0.1
# In which layers compute by their policies.
_DTYPES = ("float32", "bfloat16", "float16")


class LayerCeilings(Frozen):
    """What the machine does at best for a layer.

    Attributes:
        flops_per_s: rate of matrix products in the layer's dtype; `None` if not measured.
        bandwidth_bytes_per_s: memory bandwidth; `None` if not measured.
        dtype: to which the operands of its products are rounded.
    """

    flops_per_s: float | None = None
    bandwidth_bytes_per_s: float | None = None
    dtype: str = ""


class CaseCeilings(Frozen):
    """What the machine does at best on the case's backend and device.

    Layers of one model differ in the dtype in which they compute, and by it in the ceiling: on a GPU, tensor cores
    multiply in bfloat16, float16 and TensorFloat-32, not in float32.

    Attributes:
        whole: for the case's dtype, and layers whose own is not known.
        by_dtype: dtype in which a layer computes → its ceilings.
        on_cudnn: the same of layers that cuDNN computes on torch, which rounds float32 by a switch of its own.
    """

    whole: LayerCeilings
    by_dtype: dict[str, LayerCeilings] = Field(default_factory=dict)
    on_cudnn: dict[str, LayerCeilings] = Field(default_factory=dict)

    def of_layer(self, dtype: str, on_cudnn: bool) -> LayerCeilings:
        """The ceilings of a layer that computes in a dtype."""
        return (self.on_cudnn if on_cudnn else self.by_dtype).get(dtype, self.whole)


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


def case_ceilings(record: Record, ceilings: Sequence[Ceiling]) -> CaseCeilings | None:
    """What the machine does at best for a measured case, by the run's ceilings; `None` if that was not measured."""
    found = ceiling_of(ceilings, record.case.backend, str(record.settings.get("device") or ""))
    if found is None:
        return None
    stated = manifest(record.settings, record.counts)
    by_cudnn = stated if stated.cudnn_tf32 is None else stated.model_copy(update={"tf32": stated.cudnn_tf32})
    by_products = stated.model_copy(update={"cudnn_tf32": None})
    return CaseCeilings(
        whole=_at(found, stated),
        by_dtype={dtype: _at(found, by_products, dtype) for dtype in _DTYPES},
        on_cudnn={dtype: _at(found, by_cudnn, dtype) for dtype in _DTYPES},
    )


def _at(ceiling: Ceiling, stated: Manifest, policy: str | None = None) -> LayerCeilings:
    """The ceilings under these settings and a layer's policy, by default the model's."""
    dtype = (stated if policy is None else stated.model_copy(update={"dtype_policy": policy})).product_dtype
    return LayerCeilings(
        flops_per_s=matmul_ceiling(ceiling, dtype), bandwidth_bytes_per_s=ceiling.bandwidth_bytes_per_s, dtype=dtype
    )
