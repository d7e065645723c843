"""What was changed in a model between the two sides: layers added and removed, settings, shapes of weights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from anatomy.bench.records.layer_outline import LayerOutline

MOST_LINES = 8
# Layers of one side times those of the other: beyond, a search takes seconds.
MOST_COMPARED = 1_000_000


def structural_changes(base: Sequence[LayerOutline], candidate: Sequence[LayerOutline]) -> list[str]:
    """Changes in words, those of layers and settings before shapes that follow from them; empty where there are none.

    Args:
        base, candidate: layers in the model's order.
    """
    layers, shapes = [], []
    for tag, start, end, other_start, other_end in _aligned(
        [_token(one) for one in base], [_token(one) for one in candidate]
    ):
        if tag != "equal":
            layers += [f"− {one.name} ({one.type})" for one in base[start:end]]
            layers += [f"+ {one.name} ({one.type})" for one in candidate[other_start:other_end]]
            continue
        for mine, other in zip(base[start:end], candidate[other_start:other_end], strict=True):
            if changed := _changed_settings(mine, other):
                layers.append(f"{other.name}: {changed}")
            elif changed := _changed(mine.weights, other.weights):
                shapes.append(f"{other.name}: weights {changed}")
    found = layers + shapes
    rest = len(found) - MOST_LINES
    return [*found[:MOST_LINES], f"and {rest} more changes"] if rest > 0 else found


def _aligned(base: Sequence[str], candidate: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """As of `SequenceMatcher.get_opcodes`; what both begin and end with is not searched, which takes long."""
    head = _alike(base, candidate)
    tail = _alike(base[head:][::-1], candidate[head:][::-1])
    ours, theirs = base[head : len(base) - tail], candidate[head : len(candidate) - tail]
    if len(ours) * len(theirs) > MOST_COMPARED:
        middle = [("replace", 0, len(ours), 0, len(theirs))]
    else:
        middle = list(SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes())
    moved = [(tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in middle]
    end, other_end = len(base) - tail, len(candidate) - tail
    return [("equal", 0, head, 0, head), *moved, ("equal", end, len(base), other_end, len(candidate))]


def _alike(first: Sequence[str], second: Sequence[str]) -> int:
    """How many of both are equal from the beginning."""
    pairs = zip(first, second, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def _token(layer: LayerOutline) -> str:
    """What tells the layer from others: its path, with the class in place of a name that Keras made up.

    Such names are numbered, and shift with the layers before; a name that the user gave stays where the class changes.
    """
    around, _, own = layer.name.rpartition("/")
    made_up = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", layer.type).lower()
    return f"{re.sub(r'_[0-9]+(?=/|$)', '', around)}/{_without_number(own, made_up)}"


def _without_number(name: str, by_class: str) -> str:
    """A name that Keras made up without its number; one of the user's as it is.

    Keras writes conv2d_1 for Conv2D, conv2d for the first, and forward_lstm_1 within a Bidirectional.
    """
    stem = re.sub(r"_[0-9]+$", "", name)
    plain = re.sub(r"^(forward|backward)_", "", stem).replace("_", "")
    return stem if plain == by_class.replace("_", "") else name


def _changed_settings(mine: LayerOutline, other: LayerOutline) -> str:
    of_class = f"{mine.type} → {other.type}" if mine.type != other.type else ""
    # Two classes have unlike arguments.
    settings = "" if of_class else _changed(mine.settings, other.settings)
    return of_class or settings


def _changed(mine: dict[str, str], other: dict[str, str]) -> str:
    names = dict.fromkeys((*mine, *other))
    pairs = {name: (mine.get(name, "none"), other.get(name, "none")) for name in names}
    return ", ".join(f"{name} {before} → {after}" for name, (before, after) in pairs.items() if before != after)
