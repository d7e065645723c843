"""The part of `anatomy inspect` that says what a step takes in memory at least, and whether that may fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.memory_estimate.least_memory import LeastMemory
    from anatomy.bench.memory_estimate.memory_fit import Fit

_MEBIBYTE = 2**20


def print_memory(console: Console, step: LeastMemory, batch_size: int, fit: Fit) -> None:
    """The parts, their least sum, and whether it may fit."""
    from rich.table import Table

    head = f"Memory of a step, at least: {step.mode}, batch {batch_size}, {step.dtype}"
    console.print(f"\n{head}", style="bold", markup=False)
    figures = Table.grid(padding=(0, 2))
    figures.add_column()
    figures.add_column(justify="right")
    for name, size_bytes in _parts(step, batch_size).items():
        figures.add_row(name, f"{size_bytes / _MEBIBYTE:,.2f} MiB")
    console.print(figures)
    console.print(verdict(batch_size, fit), markup=False, soft_wrap=True, style=None if fit.may_fit else "red")


def verdict(batch_size: int, fit: Fit) -> str:
    """Whether it may fit, in two sentences."""
    framework = f" ({_gibibytes(fit.framework_bytes)} of it Keras and its backend)" if fit.framework_bytes else ""
    needed = f"batch {batch_size} needs {_gibibytes(fit.needed_bytes)} at least{framework}"
    there = f"{_gibibytes(fit.limit_bytes)} {fit.limit}"
    # Work spaces and allocators come on top; merged layers and tensors that are computed anew save some of it.
    said = (
        f"May fit: {needed}, and there is {there}." if fit.may_fit else f"Will hardly fit: {needed}, more than {there}."
    )
    if fit.largest_batch_size is None:
        return f"{said} The model's batch size is fixed."
    if not fit.largest_batch_size:
        return f"{said} Hardly one example will."
    return f"{said} Above {fit.largest_batch_size:,} it hardly will; `anatomy run --batch-size max` tries what does."


def _parts(step: LeastMemory, batch_size: int) -> dict[str, int]:
    parts = {"parameters": step.parameter_bytes}
    if step.mode == "train":
        parts |= {"gradients": step.gradient_bytes, f"optimizer state ({step.optimizer})": step.optimizer_bytes}
    kept = "activations that gradients need" if step.mode == "train" else "activations of the largest layer"
    parts |= {"batch": batch_size * step.example_bytes, kept: batch_size * step.activation_bytes}
    return parts | {"at least, at once": step.at(batch_size)}


def _gibibytes(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.2f} GiB"
