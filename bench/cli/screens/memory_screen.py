"""The part of `anatomy inspect` that says what a step takes in memory, and whether that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.memory_estimate import MemoryEstimate
    from anatomy.bench.memory_estimate.memory_fit import Fit

_MEBIBYTE = 2**20


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
