"""Whether a step fits into the memory that there is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from anatomy.bench.machine.free_memory import FreeMemory, free_memory
from anatomy.bench.machine.peak_memory import resident_bytes
from anatomy.bench.memory_estimate.estimate import MemoryEstimate, StepMode

if TYPE_CHECKING:
    from anatomy.bench.counting.counter import InputShape


@dataclass(frozen=True)
class Fit:
    """Whether a step fits.

    Attributes:
        limit_bytes: what there is.
        limit: of what, in words.
        framework_bytes: what Keras and the backend take on the host by themselves, measured in this process; 0 where
            the limit is a GPU's.
        needed_bytes: the estimate's peak, on torch that of a step run layer by layer, and the framework.
        largest_batch_size: that the estimate says fits; null where none does, or where it is not known.
        largest_batch_size_is_cap: whether it is as large as the search goes (`LARGEST_BATCH`), so that larger ones may
            fit too.
        why_not_known: why it is not; empty where it is.
    """

    limit_bytes: int
    limit: str
    framework_bytes: int
    needed_bytes: int
    largest_batch_size: int | None
    largest_batch_size_is_cap: bool = False
    why_not_known: str = ""

    @property
    def fits(self) -> bool:
        """Whether the limit is kept."""
        return self.needed_bytes <= self.limit_bytes


def estimate_fit(
    model: str,
    mode: StepMode,
    batch_size: int,
    input_shape: InputShape | None,
    dtype: str | None,
    limit_bytes: int | None,
) -> tuple[MemoryEstimate, Fit]:
    """The estimate of one step, beside the memory that there is.

    Args:
        input_shape: of one example, where the model leaves lengths open; see `count_model`.
        dtype: a Keras dtype policy; the one in effect unless given.
        limit_bytes: what it must fit in; `None` for what is free on the GPU, or here.

    Raises:
        ValueError: the model or an option is wrong.
    """
    import keras

    from anatomy.bench.memory_estimate.step_estimate import LARGEST_BATCH, step_memory

    # Keras runs torch layer by layer unless told otherwise.
    eager = keras.config.backend() == "torch"
    framework_bytes = resident_bytes()
    step = step_memory(model, mode, batch_size, input_shape, dtype)
    found = step.at(batch_size)
    limit = free_memory() if limit_bytes is None else FreeMemory(limit_bytes, "--memory-limit")
    framework_bytes = 0 if limit.on_gpu else framework_bytes
    largest, why = None, ""
    if step.fixed_batch is None:
        largest = step.largest_batch(limit.free_bytes - framework_bytes, eager=eager)
    else:
        why = f"the model's batch size is fixed to {step.fixed_batch}"
    where = limit.place if limit_bytes is not None else f"free on {limit.place}"
    needed_bytes = found.peak_where(eager=eager) + framework_bytes
    return found, Fit(limit.free_bytes, where, framework_bytes, needed_bytes, largest, largest == LARGEST_BATCH, why)


def memory_to_dict(found: MemoryEstimate, fit: Fit) -> dict[str, Any]:
    """The published JSON object: the estimate, and under `fit` whether it fits."""
    return found.to_dict() | {"fit": asdict(fit) | {"fits": fit.fits}}
