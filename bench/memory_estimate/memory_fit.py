"""Whether a step may fit into the memory that there is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from anatomy.bench.machine.free_memory import FreeMemory, free_memory

if TYPE_CHECKING:
    from anatomy.bench.counting.counter import InputShape
    from anatomy.bench.memory_estimate.least_memory import LeastMemory, StepMode


@dataclass(frozen=True)
class Fit:
    """Whether a step may fit.

    Attributes:
        limit_bytes: what there is.
        limit: of what, in words.
        framework_bytes: what Keras and the backend take on the host by themselves, measured in this process; 0 where
            the limit is a GPU's.
        needed_bytes: the least that the step takes, and the framework.
        largest_batch_size: no larger batch fits; 0 where not even one example does, `None` where the model's batch size
            is fixed.
    """

    limit_bytes: int
    limit: str
    framework_bytes: int
    needed_bytes: int
    largest_batch_size: int | None

    @property
    def may_fit(self) -> bool:
        """Whether the least that it takes is within the limit."""
        return self.needed_bytes <= self.limit_bytes


def find_fit(
    model: str,
    mode: StepMode,
    batch_size: int,
    input_shape: InputShape | None,
    dtype: str | None,
    limit_bytes: int | None,
    framework_bytes: int,
) -> tuple[LeastMemory, Fit]:
    """The least that one step takes, beside the memory that there is.

    Args:
        input_shape: of one example, where the model leaves lengths open; see `count_model`.
        dtype: a Keras dtype policy; the one in effect unless given.
        limit_bytes: what it must fit in; `None` for what is free on the GPU, or here.
        framework_bytes: resident memory of this process after it had imported Keras, before the model's module.

    Raises:
        ValueError: the model or an option is wrong.
    """
    from anatomy.bench.memory_estimate.least_memory import least_memory

    step = least_memory(model, mode, batch_size, input_shape, dtype)
    limit = free_memory() if limit_bytes is None else FreeMemory(limit_bytes, "--memory-limit")
    framework_bytes = 0 if limit.on_gpu else framework_bytes
    where = limit.place if limit_bytes is not None else f"free on {limit.place}"
    largest = None if step.fixed_batch else step.largest_batch(limit.free_bytes - framework_bytes)
    return step, Fit(limit.free_bytes, where, framework_bytes, step.at(batch_size) + framework_bytes, largest)


def memory_to_dict(step: LeastMemory, batch_size: int, fit: Fit) -> dict[str, Any]:
    """The published JSON object: the parts at a batch size, their least sum, and under `fit` whether it may fit."""
    return {
        "mode": step.mode,
        "batch_size": batch_size,
        "dtype": step.dtype,
        "optimizer": step.optimizer,
        "parameter_bytes": step.parameter_bytes,
        "gradient_bytes": step.gradient_bytes,
        "optimizer_bytes": step.optimizer_bytes,
        "batch_bytes": batch_size * step.example_bytes,
        "activation_bytes": batch_size * step.activation_bytes,
        "least_bytes": step.at(batch_size),
        "fit": asdict(fit) | {"may_fit": fit.may_fit},
    }
