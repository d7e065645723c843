"""What was changed in a model between the two sides: layers added and removed, settings, shapes of weights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from anatomy.bench.records.layer_outline import LayerOutline

MOST_LINES = 8


def structural_changes(base: Sequence[LayerOutline], candidate: Sequence[LayerOutline]) -> list[str]:
    """Changes in words, those of layers and settings before shapes that follow from them; empty where there are none.

    Args:
        base, candidate: layers in the model's order.
    """
    layers, shapes = [], []
    matcher = SequenceMatcher(None, [_token(one) for one in base], [_token(one) for one in candidate], autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
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
    return [*found[:MOST_LINES], f"and {rest} more layers changed"] if rest > 0 else found


def _token(layer: LayerOutline) -> str:
    """What tells the layer from others: its path, with the class in place of a name that Keras made up.

    Such names are numbered, and shift with the layers before; a name that the user gave stays where the class changes.
    """
    around, _, own = layer.name.rpartition("/")
    made_up = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", layer.type).lower()
    return f"{re.sub(r'_[0-9]+(?=/|$)', '', around)}/{made_up if _is_made_up(own, made_up) else own}"


def _is_made_up(name: str, by_class: str) -> bool:
    # Keras writes conv2d_1 for Conv2D, and conv2d for the first.
    stem = re.sub(r"_[0-9]+$", "", name).replace("_", "")
    return stem == by_class.replace("_", "")


def _changed_settings(mine: LayerOutline, other: LayerOutline) -> str:
    of_class = f"{mine.type} → {other.type}" if mine.type != other.type else ""
    # Two classes have unlike arguments.
    settings = "" if of_class else _changed(mine.settings, other.settings)
    return of_class or settings


def _changed(mine: dict[str, str], other: dict[str, str]) -> str:
    names = dict.fromkeys((*mine, *other))
    pairs = {name: (mine.get(name, "none"), other.get(name, "none")) for name in names}
    return ", ".join(f"{name} {before} → {after}" for name, (before, after) in pairs.items() if before != after)
