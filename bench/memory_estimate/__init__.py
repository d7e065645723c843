"""What a step takes in memory, from shapes and dtypes alone; `docs/memory.md` states the assumptions.

saved_tensors → shape_trace → buffer_graph → liveness → step_estimate → estimate
"""

from typing import Any

from anatomy.bench.memory_estimate.estimate import LayerMemory, MemoryEstimate, StepMode

__all__ = ["LayerMemory", "MemoryEstimate", "StepMemory", "StepMode", "step_memory"]


def __getattr__(name: str) -> Any:
    """Import the part that needs Keras on first use."""
    if name in ("StepMemory", "step_memory"):
        from anatomy.bench.memory_estimate import step_estimate

        return getattr(step_estimate, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
