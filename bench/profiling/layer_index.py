"""The layers of a model for a profile: the work of each, and the marks that join operations to layers.

Names of scopes cannot be trusted: TensorFlow makes a scope that is opened again unique (`dense` → `dense_1`), which may
be the name of another layer. A mark contains a number instead: `dense__L3_anatomy`, however it is made unique.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras

from anatomy.bench.backends.cudnn_layers import is_on_cudnn
from anatomy.bench.counting.model_counts import LayerCount, ModelCounts
from anatomy.bench.counting.shapes import item_bytes, plus, size, times
from anatomy.bench.profiling.joint_name import joint_name
from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.records.case_profile import INPUT, LOSS, METRICS, OPTIMIZER, Kind

# Parts of a step that belong to no layer and have a mark as well.
PARTS = (INPUT, LOSS, METRICS, OPTIMIZER)
# Ends every mark: a layer of the user's may be named like the rest of one.
_SIGN = "_anatomy"
_MARK = re.compile(rf"__L(\d+){_SIGN}(?:_\d+)?$")
# TensorFlow's rule for names of scopes, less the characters that have a meaning in paths.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.]")


def is_mark(scope: str) -> bool:
    """Whether the name of a scope ends with the mark of a layer or of a part of the step."""
    return _MARK.search(scope) is not None


@dataclass(frozen=True)
class LayerEntry:
    """A layer, or an operation that is a node of the model's graph.

    Attributes:
        name: as `anatomy inspect` prints it, `encoder/conv1`.
        family: `recurrent` or `normalisation` for a layer of that family and whatever is within it.
        flops: FLOPs of one step; `None` if they could not be counted.
        moved_bytes: size of inputs, outputs and the layer's own weights, once per pass; `None` if unknown.
        dtype: in which it computes, by its policy; empty if unknown.
        on_cudnn: whether cuDNN computes it on torch.
    """

    name: str
    type: str
    family: Kind | None
    flops: int | None
    moved_bytes: int | None
    dtype: str = ""
    on_cudnn: bool = False


class LayerPlace(NamedTuple):
    """Where the model contains a layer or an operation; a shared one has several places.

    Attributes:
        path: names of the models and layers around it and its own, joined by `/`.
        entry: name of the entry that its time belongs to.
    """

    path: str
    entry: str
    layer: Any


class LayerIndex:
    """All entries of a model, found by mark, by scope, by layer or by weight.

    Args:
        places: a layer that contains others comes before them.
    """

    def __init__(self, entries: Sequence[LayerEntry], places: Sequence[LayerPlace] = ()) -> None:
        self.entries = {entry.name: entry for entry in entries}
        self._names = [*PARTS, *self.entries]
        # Joint name → the entries that it stands for.
        self.joints: dict[str, tuple[str, ...]] = {}
        self._all_places = places
        self._places: dict[int, list[LayerPlace]] = {}
        for place in places:
            self._places.setdefault(id(place.layer), []).append(place)
        # Inner layers come later: the innermost that has a weight owns it.
        self._of_weight = {id(w): place.entry for place in places for w in getattr(place.layer, "weights", ())}

    def mark(self, name: str) -> str:
        """The name of the scope for an entry, or for one of `PARTS`."""
        return f"{_UNSAFE.sub('_', name).strip('_')}__L{self._names.index(name)}{_SIGN}"

    def joint(self, names: Container[str]) -> str:
        """The name under which several entries have work that cannot be told apart; it becomes an entry itself.

        Its FLOPs are those of all of them; what it moves is not known: what lies between may stay in registers.
        """
        together = [name for name in self._names if name in names]
        name = joint_name(together)
        if name not in self.joints:
            self.joints[name] = tuple(together)
            joined = [self.entries[one] for one in together]
            dtypes = {one.dtype for one in joined}
            self.entries[name] = LayerEntry(
                name,
                f"one fusion of {len(together)} layers",
                None,
                flops=plus(*(one.flops for one in joined)),
                moved_bytes=None,
                dtype=dtypes.pop() if len(dtypes) == 1 else "",
                on_cudnn=any(one.on_cudnn for one in joined),
            )
        return name

    def find(self, scopes: Sequence[str]) -> str | None:
        """The entry of the innermost mark among nested scopes, outermost first; `None` if there is no mark."""
        for scope in reversed(scopes):
            found = _MARK.search(scope)
            if found and int(found[1]) < len(self._names):
                return self._names[int(found[1])]
        return None

    def find_place(self, layer: Any, around: str = "") -> LayerPlace | None:
        """The place of a layer that is called within the layer at the path `around`; `None` if it is not in the model.

        A layer may call a shared one directly, past the model that contains it: the nearest place within `around` is
        taken, else the first place.
        """
        places = self._places.get(id(layer), [])
        inner = [place for place in places if place.path.startswith(f"{around}/" if around else "")]
        nearest = min(inner, key=lambda place: place.path.count("/"), default=None)
        return nearest or next(iter(places), None)

    def entry_at(self, path: str) -> str:
        """The entry of the layer at a path, or of the one around it that it was counted with; `INPUT` without any."""
        found = [place for place in self._all_places if path == place.path or path.startswith(f"{place.path}/")]
        return max(found, key=lambda place: len(place.path)).entry if found else INPUT

    def layer_of_weight(self, weight: Any) -> str | None:
        """The entry whose layer has this weight; `None` if there is none."""
        return self._of_weight.get(id(weight))

    def family(self, name: str | None) -> Kind | None:
        """The family of an entry; `None` for `PARTS`."""
        entry = self.entries.get(name or "")
        return entry.family if entry else None


def build_layer_index(model: Any, counts: ModelCounts, case: Case) -> LayerIndex:
    """The index of a model: an entry per counted layer, and one per uncounted layer around these."""
    contained = [("/".join(path), layer) for path, layer in _walk(model, ())]
    calls: dict[str, list[LayerCount]] = {}
    for count in counts.layers:
        calls.setdefault(count.name, []).append(count)
    places = [LayerPlace(path, _counted_name(path, calls) or path, layer) for path, layer in contained]
    weights = _own_weights(places)
    trains = LOOPS.get(case.mode, case.mode) == "train"
    first = dict(reversed(contained))
    entries = [
        LayerEntry(
            name=name,
            type=found[0].type,
            family=_family(name, first),
            flops=_flops(found, trains, case.batch_size),
            moved_bytes=_moved_bytes(found, weights.get(name, []), trains, case.batch_size),
            dtype=str(getattr(first.get(name), "compute_dtype", "")),
            on_cudnn=is_on_cudnn(first.get(name)),
        )
        for name, found in calls.items()
    ]
    around = {path: layer for path, layer in first.items() if _counted_name(path, calls) is None}
    entries += [LayerEntry(path, type(layer).__name__, _family(path, first), 0, None) for path, layer in around.items()]
    return LayerIndex(entries, places)


def _counted_name(path: str, counted: Container[str]) -> str | None:
    """The layer at `path`, or the one around it that was counted with it, as an LSTM with its cell."""
    parts = path.split("/")
    ways = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((way for way in ways if way in counted), None)


def _flops(found: Sequence[LayerCount], trains: bool, batch_size: int) -> int | None:
    macs = plus(*(one.training_macs if trains and one.macs is not None else one.macs for one in found))
    return None if macs is None else 2 * batch_size * macs


def _moved_bytes(found: Sequence[LayerCount], weights: Sequence[Any], trains: bool, batch_size: int) -> int | None:
    """Size of the inputs and outputs of all calls, and of the weights once per pass, however many calls there are."""
    tensors = plus(*(times(plus(one.output_bytes, one.input_bytes), _passes(one, trains)) for one in found))
    parameters = sum((size(weight.shape) or 0) * item_bytes(weight.dtype) for weight in weights)
    return None if tensors is None else max(_passes(one, trains) for one in found) * parameters + batch_size * tensors


def _passes(count: LayerCount, trains: bool) -> int:
    return count.training_passes if trains else 1


def _own_weights(places: Sequence[LayerPlace]) -> dict[str, list[Any]]:
    """Entry → its weights, without those of entries within it; a shared layer's weights count at each place."""
    found: dict[str, dict[int, Any]] = {}
    for place in places:
        within = [other for other in places if other.path.startswith(f"{place.path}/") and other.entry != place.entry]
        inner = {id(weight) for other in within for weight in getattr(other.layer, "weights", ())}
        own = {id(w): w for w in getattr(place.layer, "weights", ()) if id(w) not in inner}
        found.setdefault(place.entry, {}).update(own)
    return {name: list(weights.values()) for name, weights in found.items()}


def _walk(layer: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each layer within `layer` and each operation of its graph, with its path; a layer comes before its contents."""
    for operation in getattr(layer, "operations", ()) if isinstance(layer, keras.Function) else ():
        if not isinstance(operation, keras.Layer):
            yield (*path, operation.name), operation
    for inner in layer._flatten_layers(recursive=False, include_self=False):
        yield (*path, inner.name), inner
        yield from _walk(inner, (*path, inner.name))


def _family(path: str, contained: Mapping[str, Any]) -> Kind | None:
    """Recurrent or normalisation, by the class of the layer or of one around it."""
    parts = path.split("/")
    for end in range(1, len(parts) + 1):
        classes = {cls.__name__ for cls in type(contained.get("/".join(parts[:end]))).__mro__}
        if classes & {"RNN", "Bidirectional"}:
            return "recurrent"
        if any("Normalization" in name for name in classes):
            return "normalisation"
    return None
