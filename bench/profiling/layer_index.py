"""The rows of a profile, and the marks that lead from an operation's scopes to them.

Names of scopes cannot be trusted: TensorFlow makes one that is opened again unique (`dense` → `dense_1`), which may be
another layer's name. A mark has a number instead: `dense__L3_anatomy`, however it is made unique.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from anatomy.bench.records.case_profile import INPUT, LOSS, METRICS, OPTIMIZER, Kind

# What is no layer's but has a mark.
PARTS = (INPUT, LOSS, METRICS, OPTIMIZER)
# The sign at the end is for the layers of a user that happen to be named so.
_SIGN = "_anatomy"
_MARK = re.compile(rf"__L(\d+){_SIGN}(?:_\d+)?$")
# TensorFlow's rule for names of scopes, without what has a meaning in paths.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.]")


@dataclass(frozen=True)
class Row:
    """A layer, or an operation that is a node of the model's graph.

    Attributes:
        name: as `anatomy inspect` prints it, `encoder/conv1`.
        family: `recurrent` or `normalisation` for such a layer and what is within it.
        flops: of one step; null where they could not be counted.
        moved_bytes: inputs, outputs and its own weights, once each pass; null where they are not known.
    """

    name: str
    type: str
    family: Kind | None
    flops: int | None
    moved_bytes: int | None


class Place(NamedTuple):
    """Where the model holds a layer or an operation; one that is shared has several.

    Attributes:
        path: names of what holds it and its own, joined by `/`.
        row: name of the row that its time belongs to.
    """

    path: str
    row: str
    layer: Any


class Layers:
    """All rows of a model, and what leads to them.

    Args:
        places: what holds others comes before them.
    """

    def __init__(self, rows: Sequence[Row], places: Sequence[Place] = ()) -> None:
        self.rows = {row.name: row for row in rows}
        self._names = [*PARTS, *self.rows]
        self._places: dict[int, list[Place]] = {}
        for place in places:
            self._places.setdefault(id(place.layer), []).append(place)
        # The innermost that has a weight is its layer.
        self._of_weight = {id(w): place.row for place in places for w in getattr(place.layer, "weights", ())}

    def mark(self, name: str) -> str:
        """The scope of a row, or of a part in brackets."""
        return f"{_UNSAFE.sub('_', name).strip('_')}__L{self._names.index(name)}{_SIGN}"

    def place_of(self, layer: Any, around: str = "") -> Place | None:
        """Where a layer is when it is called within the one at path `around`; null for one that is none of the model's.

        What shares a layer may call it past what holds it; then the first place within `around` is meant, or the first.
        """
        places = self._places.get(id(layer), [])
        inner = [place for place in places if place.path.startswith(f"{around}/" if around else "")]
        nearest = min(inner, key=lambda place: place.path.count("/"), default=None)
        return nearest or next(iter(places), None)

    def find(self, scopes: Sequence[str]) -> str | None:
        """The row of the innermost mark among nested scopes, outermost first; null where there is none."""
        for scope in reversed(scopes):
            found = _MARK.search(scope)
            if found and int(found[1]) < len(self._names):
                return self._names[int(found[1])]
        return None

    def of_weight(self, weight: Any) -> str | None:
        """The layer that has a weight; null where none has."""
        return self._of_weight.get(id(weight))

    def family(self, name: str | None) -> Kind | None:
        """What a row is for; null for parts in brackets."""
        row = self.rows.get(name or "")
        return row.family if row else None
