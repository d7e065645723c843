"""What a step takes in memory, from shapes and dtypes alone; `docs/memory.md` states the assumptions.

rules → recorder → trace → graph → sweep → estimate
"""

from typing import Any

from anatomy.bench.memory_estimate.affine_size import AffineSize
from anatomy.bench.memory_estimate.estimate import LayerMemory, MemoryEstimate, StepMode
from anatomy.bench.memory_estimate.liveness import Moment, Timeline

__all__ = ["AffineSize", "LayerMemory", "MemoryEstimate", "Moment", "StepMemory", "StepMode", "Timeline", "step_memory"]


def __getattr__(name: str) -> Any:
    """Import what needs Keras only when it is asked for."""
    if name in ("StepMemory", "step_memory"):
        from anatomy.bench.memory_estimate import step_estimate

        return getattr(step_estimate, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
