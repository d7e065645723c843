"""Layers, parameters, MACs and activations of a model on a terminal: `anatomy inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anatomy.bench.records.shape_text import shape_text

if TYPE_CHECKING:
    from anatomy.bench.counting import ModelCounts


def print_counts(name: str, counts: ModelCounts) -> None:
    """Print a row per layer, then the figures of the whole model."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    figures = Table.grid(padding=(0, 2))
    figures.add_column()
    figures.add_column(justify="right")
    for head, figure in _figures(counts).items():
        figures.add_row(head, figure)
    layers = Table("layer", "type", "output", box=None, pad_edge=False)
    layers.add_column("parameters", justify="right")
    layers.add_column("MACs", justify="right")
    for layer in counts.layers:
        shown = layer.name if layer.call == 1 else f"{layer.name} (call {layer.call})"
        macs = "not counted" if layer.macs is None else f"{layer.macs:,}"
        layers.add_row(shown, layer.type, shape_text(layer.output_shape), f"{layer.parameters:,}", macs)
    console.print(name, style="bold")
    console.print(layers)
    console.print()
    console.print(figures)
    for layer in counts.uncounted:
        console.print(f"Not counted: {layer.name} ({layer.type}): {layer.note}", markup=False)


def _figures(counts: ModelCounts) -> dict[str, str]:
    """The header figures as text; what depends on layers that could not be counted is not known."""

    def total(figure: int) -> str:
        known = f"{figure:,}"
        return known if not counts.uncounted else f"not known, ≥ {known}" if figure else "not known"

    formula = {"MACs, every open length n": counts.macs_formula} if counts.macs_formula else {}
    return {
        "input": shape_text(counts.input_shape),
        "output": shape_text(counts.output_shape),
        "parameters": f"{counts.parameters:,}",
        "trainable parameters": f"{counts.trainable_parameters:,}",
        "MACs": total(counts.macs),
        **formula,
        "FLOPs": total(counts.flops),
        "units": total(counts.units),
        "weight layers": f"{counts.weight_layers:,}",
        "depth": f"{counts.depth:,}",
        "activations (bytes)": total(counts.activation_bytes),
    }
