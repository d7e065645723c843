"""Counts of a model that leaves lengths open: what depends on them is `None`, the rest is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from anatomy.bench.counting.model_counts import OPEN_LENGTH, LayerCount, ModelCounts
from anatomy.bench.counting.untraceable import CLOSED, true_reason

# Two lengths that are tried for all that are open: what both give alike does not depend on them. Images are halved
# several times, tables of positions are short.
LENGTHS = ((64, 96), (224, 256), (16, 32), (8, 12), (2, 3))


def count_open(count: Callable[[int | None], ModelCounts]) -> ModelCounts:
    """Count with the lengths open, or, where a layer needs them, twice with lengths of our own.

    Args:
        count: counts the model with a length for all that are open, or with `None`.

    Raises:
        ValueError: the model runs with none of these lengths.
    """
    try:
        found = count(None)
    except Exception as error:  # noqa: BLE001  # on shapes, a user's model may raise anything
        found, failure = None, error
    if found is not None and not _closed(found):
        return found
    for pair in LENGTHS:
        merged = _count_both(count, pair)
        if merged is not None and (found is None or _closed(merged) < _closed(found)):
            return merged
    if found is None:
        raise ValueError(f"{true_reason(failure)}; the model leaves lengths open: give --input-shape") from failure
    return found


def _count_both(count: Callable[[int | None], ModelCounts], lengths: Sequence[int]) -> ModelCounts | None:
    """What two lengths give alike; `None` where the model runs with one of them only, or differently."""
    try:
        one, other = (count(length) for length in lengths)
    except Exception:  # noqa: BLE001  # on shapes, a user's model may raise anything
        return None
    if [_call(layer) for layer in one.layers] != [_call(layer) for layer in other.layers]:
        return None
    return replace(
        one,
        depth=max(one.depth, other.depth),
        output_shape=_alike(one.output_shape, other.output_shape),
        layers=tuple(map(_merged, one.layers, other.layers)),
    )


def _merged(one: LayerCount, other: LayerCount) -> LayerCount:
    known = one.macs == other.macs
    return replace(
        one,
        output_shape=_alike(one.output_shape, other.output_shape),
        macs=one.macs if known else None,
        product_macs=one.product_macs if known else 0,
        training_macs=one.training_macs if known else 0,
        units=_alike(one.units, other.units),
        output_bytes=_alike(one.output_bytes, other.output_bytes),
        input_bytes=_alike(one.input_bytes, other.input_bytes),
        passed_bytes=_alike(one.passed_bytes, other.passed_bytes),
        kept_bytes=_alike(one.kept_bytes, other.kept_bytes),
        note=one.note if known else OPEN_LENGTH,
    )


def _alike(one: Any, other: Any) -> Any:
    """The value, or the structure of values, with `None` wherever two differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: _alike(one[name], other[name]) for name in one}
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        return [_alike(*values) for values in zip(one, other, strict=True)]
    return one if one == other else None


def _call(layer: LayerCount) -> tuple[str, str, int]:
    return layer.name, layer.type, layer.call


def _closed(counts: ModelCounts) -> int:
    """How many layers could not be seen through."""
    return sum(CLOSED in layer.note for layer in counts.uncounted)
