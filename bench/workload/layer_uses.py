"""Which values the layers of Keras take: rows of a table, members of a vocabulary, a scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from anatomy.bench.workload.input_values import InputValues, Kind, integers_below, table_ids
from anatomy.bench.workload.value_arithmetic import WIDE

# Of a text that a layer splits into words.
_WORDS = 20


def asked_by_layer(layer: Any) -> InputValues | None:
    """What a layer asks of its inputs; `None` if it says nothing."""
    return next((ask(layer) for kind, ask in _LAYERS.items() if isinstance(layer, kind)), None)


def _of_embedding(layer: Any) -> InputValues:
    what = f"{type(layer).__name__} {layer.name!r} of {layer.input_dim} rows"
    ids = table_ids(layer.input_dim, what, low=int(layer.mask_zero), padded=layer.mask_zero)
    return replace(ids, rows=layer.input_dim)


def _of_rescaling(layer: Any) -> InputValues | None:
    """The range that is brought to 0…1, or to -1…1 where the offset is about -1."""
    scale, offset = (np.asarray(value, float) for value in (layer.scale, layer.offset))
    if scale.size != 1 or not 0 < float(scale) < 1:
        return None
    reach = 2.0 if offset.size == 1 and float(offset) <= -0.75 else 1.0
    return InputValues(
        "uniform", f"Rescaling {layer.name!r} by {float(scale):.4g}", high=round(reach / float(scale), 6)
    )


def _of_normalization(layer: Any) -> InputValues | None:
    if getattr(layer, "mean", None) is None:
        return None
    mean, variance = (np.asarray(keras.ops.convert_to_numpy(value))[0] for value in (layer.mean, layer.variance))
    what = f"Normalization {layer.name!r}"
    if layer.invert:
        return InputValues("normal", what)
    return InputValues("normal", what, mean=mean, deviation=np.sqrt(variance))


def _of_categories(layer: Any) -> InputValues | None:
    if not layer.num_tokens:
        return None
    return table_ids(layer.num_tokens, f"CategoryEncoding {layer.name!r} of {layer.num_tokens}")


def _of_lookup(layer: Any) -> InputValues | None:
    vocabulary = list(layer.get_vocabulary(include_special_tokens=False))
    if not vocabulary:
        return None
    kind: Kind = "strings" if isinstance(vocabulary[0], str | bytes) else "members"
    splits = isinstance(layer, keras.layers.TextVectorization)
    what = f"vocabulary of {type(layer).__name__} {layer.name!r}"
    return InputValues(kind, what, choices=vocabulary, words=_WORDS if splits else 1)


def _of_bins(layer: Any) -> InputValues | None:
    edges = list(layer.bin_boundaries or [])
    if not edges:
        return None
    width = (edges[-1] - edges[0]) / len(edges) or 1.0
    return InputValues(
        "uniform", f"bins of Discretization {layer.name!r}", low=edges[0] - width, high=edges[-1] + width
    )


def _of_hashing(layer: Any) -> InputValues:
    return integers_below(WIDE * layer.num_bins, f"{type(layer).__name__} {layer.name!r} takes any value")


# Layer class → the values that it takes. Later, more general classes come last.
_LAYERS: dict[Any, Callable[[Any], InputValues | None]] = {
    keras.layers.Embedding: _of_embedding,
    keras.layers.Rescaling: _of_rescaling,
    keras.layers.Normalization: _of_normalization,
    keras.layers.CategoryEncoding: _of_categories,
    keras.layers.IntegerLookup: _of_lookup,
    keras.layers.StringLookup: _of_lookup,
    keras.layers.TextVectorization: _of_lookup,
    keras.layers.Discretization: _of_bins,
    keras.layers.Hashing: _of_hashing,
    keras.layers.HashedCrossing: _of_hashing,
}
