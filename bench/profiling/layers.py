"""The layers of a model as rows of a profile, and the marks that lead from an operation's scopes to them.

Names of scopes cannot be trusted: TensorFlow makes one that is opened again unique (`dense` → `dense_1`), which may be
another layer's name. A mark has a number instead: `dense__L3`, however it is made unique.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from anatomy.bench.case import LOOPS, Case
from anatomy.bench.counting.counts import LayerCount, ModelCounts
from anatomy.bench.counting.shapes import item_bytes, size, times
from anatomy.bench.profiling.result import INPUT, LOSS, METRICS, OPTIMIZER, Kind

# Forward passes that a step is worth; see anatomy.reports.utilisation.
PASSES = {"train": 3, "infer": 1}
# What is no layer's but has a mark.
PARTS = (INPUT, LOSS, METRICS, OPTIMIZER)
_MARK = re.compile(r"__L(\d+)(?:_\d+)?$")
# TensorFlow's rule for names of scopes, without what has a meaning in paths.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.]")


@dataclass(frozen=True)
class Row:
    """A layer.

    Attributes:
        name: as `anatomy inspect` prints it, `encoder/conv1`.
        family: `recurrent` or `normalisation` for such a layer and what is within it.
        flops: of one step; null where they could not be counted.
        moved_bytes: inputs, outputs and parameters, once each pass; null where a length is unknown.
    """

    name: str
    type: str
    family: Kind | None
    flops: int | None
    moved_bytes: int | None


class Layers:
    """All rows of a model.

    Args:
        held: the layer objects, each with the name of its row.
    """

    def __init__(self, rows: Sequence[Row], held: Sequence[tuple[str, Any]] = ()) -> None:
        self.rows = {row.name: row for row in rows}
        self._names = [*PARTS, *self.rows]
        numbers = {name: number for number, name in enumerate(self._names)}
        self._of_layer = {id(layer): numbers[name] for name, layer in held}
        # What holds a layer comes before it: the innermost that has a weight is its layer.
        self._of_weight = {id(weight): name for name, layer in held for weight in getattr(layer, "weights", ())}

    def mark(self, name: str) -> str:
        """The scope of a row, or of a part in brackets."""
        return f"{_UNSAFE.sub('_', name).strip('_')}__L{self._names.index(name)}"

    def mark_of(self, layer: Any) -> str | None:
        """The scope of a layer; null for one that is none of the model's."""
        number = self._of_layer.get(id(layer))
        return None if number is None else self.mark(self._names[number])

    def find(self, scopes: Sequence[str]) -> str | None:
        """The row of the innermost mark among nested scopes, outermost first; null where there is none."""
        for scope in reversed(scopes):
            found = _MARK.search(scope)
            if found:
                return self._names[int(found[1])]
        return None

    def of_weight(self, weight: Any) -> str | None:
        """The layer that has a weight; null where none has."""
        return self._of_weight.get(id(weight))

    def family(self, name: str | None) -> Kind | None:
        """What a row is for; null for parts in brackets."""
        row = self.rows.get(name or "")
        return row.family if row else None


def layers_of(model: Any, counts: ModelCounts, case: Case) -> Layers:
    """The rows of a model: what the counter found, and layers around it that have none of their own."""
    passes = PASSES[LOOPS.get(case.mode, case.mode)]
    held = {"/".join(path): layer for path, layer in _walk(model, ())}
    calls: dict[str, list[LayerCount]] = {}
    for count in counts.layers:
        calls.setdefault(count.name, []).append(count)
    rows = []
    for name, found in calls.items():
        macs = [one.macs for one in found]
        flops = None if None in macs else 2 * passes * case.batch_size * sum(macs)  # type: ignore[arg-type]
        moved = _moved_bytes(found, held.get(name), passes, case.batch_size)
        rows.append(Row(name, found[0].type, _family(name, held), flops, moved))
    row_of = {name: _row_of(name, calls) for name in held}
    around = {name: layer for name, layer in held.items() if row_of[name] is None}
    rows += [Row(name, type(layer).__name__, _family(name, held), 0, None) for name, layer in around.items()]
    return Layers(rows, [(row_of[name] or name, layer) for name, layer in held.items()])


def _row_of(name: str, counted: Container[str]) -> str | None:
    """The row of a layer: its own, or that of the layer which was counted with it, as an LSTM with its cell."""
    path = name.split("/")
    ways = ("/".join(path[:end]) for end in range(len(path), 0, -1))
    return next((way for way in ways if way in counted), None)


def _moved_bytes(found: list[LayerCount], layer: Any, passes: int, batch_size: int) -> int | None:
    outputs = [one.output_bytes for one in found]
    if layer is None or None in outputs:
        return None
    tensors = [tensor for node in layer._inbound_nodes[: len(found)] for tensor in node.input_tensors]
    inputs = [times(size(tensor.shape[1:]), item_bytes(tensor.dtype)) for tensor in tensors]
    if None in inputs:
        return None
    weights = {id(weight): weight for weight in layer.weights}.values()
    parameters = sum((size(weight.shape) or 0) * item_bytes(weight.dtype) for weight in weights)
    return passes * (parameters + batch_size * (sum(inputs) + sum(outputs)))  # type: ignore[arg-type]


def _walk(layer: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each layer within `layer`, with its path; what holds others first."""
    for inner in layer._flatten_layers(recursive=False, include_self=False):
        yield (*path, inner.name), inner
        yield from _walk(inner, (*path, inner.name))


def _family(name: str, held: dict[str, Any]) -> Kind | None:
    """Recurrent or normalising by the classes of the layer or of one that holds it."""
    path = name.split("/")
    for end in range(1, len(path) + 1):
        classes = {cls.__name__ for cls in type(held.get("/".join(path[:end]))).__mro__}
        if classes & {"RNN", "Bidirectional"}:
            return "recurrent"
        if any("Normalization" in name for name in classes):
            return "normalisation"
    return None
