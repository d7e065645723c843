"""The part of `anatomy inspect` that says what a step takes in memory, and whether that fits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.counting.counter import InputShape
    from anatomy.bench.memory_estimate import MemoryEstimate, StepMode

MODES = ("train", "infer")
_MEBIBYTE = 2**20


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


def estimate(
    model: str,
    mode: StepMode,
    batch_size: int,
    input_shape: InputShape | None,
    dtype: str | None,
    memory_limit: str | None,
) -> tuple[MemoryEstimate, Fit]:
    """The estimate of one step, beside the memory that there is.

    Raises:
        ValueError: the model, an option or a size is wrong.
    """
    import keras

    from anatomy.bench.machine.free_memory import FreeMemory, free_memory
    from anatomy.bench.machine.peak_memory import resident_bytes
    from anatomy.bench.memory_estimate import step_memory
    from anatomy.bench.memory_estimate.step_estimate import LARGEST_BATCH
    from anatomy.bench.suites.units import parse_bytes

    # Keras runs torch layer by layer unless told otherwise.
    eager = keras.config.backend() == "torch"
    framework_bytes = resident_bytes()
    step = step_memory(model, mode, batch_size, input_shape, dtype)
    found = step.at(batch_size)
    limit = FreeMemory(parse_bytes(memory_limit), "--memory-limit") if memory_limit else free_memory()
    framework_bytes = 0 if limit.on_gpu else framework_bytes
    largest, why = None, ""
    if step.fixed_batch is None:
        largest = step.largest_batch(limit.free_bytes - framework_bytes, eager=eager)
    else:
        why = f"the model's batch size is fixed to {step.fixed_batch}"
    where = limit.place if memory_limit else f"free on {limit.place}"
    needed_bytes = found.peak_where(eager=eager) + framework_bytes
    return found, Fit(limit.free_bytes, where, framework_bytes, needed_bytes, largest, largest == LARGEST_BATCH, why)


def memory_to_dict(found: MemoryEstimate, fit: Fit) -> dict[str, Any]:
    """The published JSON object: the estimate, and under `fit` whether it fits."""
    return found.to_dict() | {"fit": asdict(fit) | {"fits": fit.fits}}


def print_memory(console: Console, found: MemoryEstimate, fit: Fit) -> None:
    """A table by layer, the totals, where the peak is, and whether it fits."""
    from rich.table import Table

    trains = found.mode == "train"
    layers = Table("layer", "type", box=None, pad_edge=False, title=None)
    heads = ("parameters", "gradients", "optimizer", "activations") if trains else ("parameters", "activations")
    for head in heads:
        layers.add_column(f"{head} MiB", justify="right")
    for layer in found.layers:
        cells = [_mebibytes(layer.parameter_bytes), _mebibytes(layer.activation_bytes)]
        if trains:
            cells[1:1] = [_mebibytes(layer.gradient_bytes), _mebibytes(layer.optimizer_bytes)]
        layers.add_row(layer.name, layer.type, *cells)
    console.print(f"\nMemory of a step, estimated: {found.mode}, batch {found.batch_size}, {found.dtype}", style="bold")
    console.print(layers)
    console.print()
    figures = Table.grid(padding=(0, 2))
    figures.add_column()
    figures.add_column(justify="right")
    for name, size_bytes in _totals(found).items():
        figures.add_row(name, f"{_mebibytes(size_bytes)} MiB")
    console.print(figures)
    for layer_name in found.unseen:
        console.print(f"Not seen: the tensors inside {layer_name}; the estimate lacks them", markup=False)
    console.print(verdict(found, fit), markup=False, soft_wrap=True, style=None if fit.fits else "red")


def verdict(found: MemoryEstimate, fit: Fit) -> str:
    """Whether it fits, in one sentence or two."""
    framework = f" ({_gibibytes(fit.framework_bytes)} of it Keras and its backend)" if fit.framework_bytes else ""
    needed = f"batch {found.batch_size} needs about {_gibibytes(fit.needed_bytes)}{framework}"
    there = f"{_gibibytes(fit.limit_bytes)} {fit.limit}"
    # Work spaces and allocators come on top, so that what fits by the estimate may not; fusion seldom saves as much.
    said = f"May fit: {needed}, and there is {there}." if fit.fits else f"Will not fit: {needed}, more than {there}."
    if fit.why_not_known:
        return f"{said} The largest batch that fits is not known: {fit.why_not_known}."
    if fit.largest_batch_size is None:
        return f"{said} Not even one example will."
    if fit.largest_batch_size_is_cap:
        return f"{said} By this estimate up to {fit.largest_batch_size:,} at least may fit; no larger batch is tried."
    return (
        f"{said} Above {fit.largest_batch_size:,} it will not, by this estimate; `anatomy run --batch-size max` tries."
    )


def _totals(found: MemoryEstimate) -> dict[str, int]:
    peak = found.peak
    where = f"{peak.phase} of {peak.layer}" if peak.layer else peak.phase
    totals = {"parameters": found.parameter_bytes}
    if found.mode == "train":
        totals |= {"gradients": found.gradient_bytes, f"optimizer state ({found.optimizer})": found.optimizer_bytes}
    kept = "activations kept for the backward pass" if found.mode == "train" else "activations, largest live set"
    totals |= {"batch": found.batch_bytes, kept: found.activation_bytes, f"peak, {where}": found.peak_bytes}
    return totals | {"peak where Keras runs layer by layer (torch; JAX with --jit off)": found.eager_peak_bytes}


def _mebibytes(size_bytes: int | None) -> str:
    return "not told apart" if size_bytes is None else f"{size_bytes / _MEBIBYTE:,.2f}"


def _gibibytes(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.2f} GiB"
