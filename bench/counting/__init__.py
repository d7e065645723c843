"""Counting: what a model holds and computes, from shapes alone.

`docs/counting.md` defines every figure.
"""

from typing import Any

from anatomy.bench.counting.abstract_model import abstract_model
from anatomy.bench.counting.model_counts import LayerCount, ModelCounts, count_to_dict

__all__ = ["LayerCount", "ModelCounts", "abstract_model", "count_model", "count_to_dict", "inspect"]


def __getattr__(name: str) -> Any:
    """Import what needs Keras only when it is asked for."""
    if name == "count_model":
        from anatomy.bench.counting.counter import count_model

        return count_model
    if name == "inspect":
        from anatomy.bench.counting.inspection import inspect

        return inspect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
