"""Shapes of tensors as text."""

from __future__ import annotations


def shape_text(shape: object) -> str:
    """Return `224×224×3` for `[224, 224, 3]`; several shapes are joined by commas, an open axis is `?`."""
    if isinstance(shape, dict):
        return ", ".join(f"{name} {shape_text(one)}" for name, one in shape.items())
    if isinstance(shape, list) and any(isinstance(part, list | dict) for part in shape):
        return ", ".join(map(shape_text, shape))
    if isinstance(shape, list):
        return "×".join("?" if length is None else str(length) for length in shape) or "scalar"
    return str(shape)
