"""The rows of a model: what the counter found, what holds it, and the work and the bytes of each in a step."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import keras

from anatomy.bench.counting.model_counts import LayerCount, ModelCounts
from anatomy.bench.counting.shapes import item_bytes, plus, size, times
from anatomy.bench.profiling.layer_index import Layers, Place, Row
from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.records.case_profile import Kind

Held = Sequence[tuple[str, Any]]


def layers_of(model: Any, counts: ModelCounts, case: Case) -> Layers:
    """The rows of a model: what the counter found, and layers around it that have none of their own."""
    held = [("/".join(path), layer) for path, layer in _walk(model, ())]
    calls: dict[str, list[LayerCount]] = {}
    for count in counts.layers:
        calls.setdefault(count.name, []).append(count)
    places = [Place(path, _row_of(path, calls) or path, layer) for path, layer in held]
    weights = _own_weights(places)
    trains = LOOPS.get(case.mode, case.mode) == "train"
    first = dict(reversed(held))
    rows = [
        Row(
            name=name,
            type=found[0].type,
            family=_family(name, first),
            flops=_flops(found, trains, case.batch_size),
            moved_bytes=_moved_bytes(found, weights.get(name, []), trains, case.batch_size),
        )
        for name, found in calls.items()
    ]
    around = {path: layer for path, layer in first.items() if _row_of(path, calls) is None}
    rows += [Row(path, type(layer).__name__, _family(path, first), 0, None) for path, layer in around.items()]
    return Layers(rows, places)


def _row_of(path: str, counted: Container[str]) -> str | None:
    """The row of a layer: its own, or that of the layer which was counted with it, as an LSTM with its cell."""
    parts = path.split("/")
    ways = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((way for way in ways if way in counted), None)


def _flops(found: Sequence[LayerCount], trains: bool, batch_size: int) -> int | None:
    macs = plus(*(times(one.macs, _passes(one, trains)) for one in found))
    return None if macs is None else 2 * batch_size * macs


def _moved_bytes(found: Sequence[LayerCount], weights: Sequence[Any], trains: bool, batch_size: int) -> int | None:
    """Of all calls; weights once each pass, whatever the number of calls."""
    tensors = plus(*(times(plus(one.output_bytes, one.input_bytes), _passes(one, trains)) for one in found))
    parameters = sum((size(weight.shape) or 0) * item_bytes(weight.dtype) for weight in weights)
    return None if tensors is None else max(_passes(one, trains) for one in found) * parameters + batch_size * tensors


def _passes(count: LayerCount, trains: bool) -> int:
    return count.training_passes if trains else 1


def _own_weights(places: Sequence[Place]) -> dict[str, list[Any]]:
    """The weights of each row, those of rows within it left out; of a shared layer at each of its places."""
    found: dict[str, dict[int, Any]] = {}
    for place in places:
        within = [other for other in places if other.path.startswith(f"{place.path}/") and other.row != place.row]
        inner = {id(weight) for other in within for weight in getattr(other.layer, "weights", ())}
        own = {id(w): w for w in getattr(place.layer, "weights", ()) if id(w) not in inner}
        found.setdefault(place.row, {}).update(own)
    return {row: list(weights.values()) for row, weights in found.items()}


def _walk(layer: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each layer within `layer` with its path, and each operation of its graph; what holds others first."""
    for operation in getattr(layer, "operations", ()) if isinstance(layer, keras.Function) else ():
        if not isinstance(operation, keras.Layer):
            yield (*path, operation.name), operation
    for inner in layer._flatten_layers(recursive=False, include_self=False):
        yield (*path, inner.name), inner
        yield from _walk(inner, (*path, inner.name))


def _family(path: str, held: Mapping[str, Any]) -> Kind | None:
    """Recurrent or normalising by the classes of the layer or of one that holds it."""
    parts = path.split("/")
    for end in range(1, len(parts) + 1):
        classes = {cls.__name__ for cls in type(held.get("/".join(parts[:end]))).__mro__}
        if classes & {"RNN", "Bidirectional"}:
            return "recurrent"
        if any("Normalization" in name for name in classes):
            return "normalisation"
    return None
