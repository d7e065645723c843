"""A model's configuration in one line, for models too long to write out layer by layer."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Collection
from typing import Any

from anatomy.bench.script.expression import InexpressibleError


def packed(model: Any, own: Collection[str]) -> str:
    """The JSON that `keras.models.model_from_json` reads, without compile settings, zlib and base 85.

    Args:
        own: names of the custom layers that the script defines.

    Raises:
        InexpressibleError: the configuration names an object that is neither Keras's nor in `own`.
    """
    import keras

    whole = {
        "module": type(model).__module__,
        "class_name": type(model).__name__,
        "config": keras.saving.serialize_keras_object(model.get_config()),
        "registered_name": type(model).__name__,
    }
    text = json.dumps(_shortened(whole, own), separators=(",", ":"))
    return base64.b85encode(zlib.compress(text.encode(), 9)).decode()


def _shortened(value: Any, own: Collection[str]) -> Any:
    """Without the shapes layers were built for; custom layers under their plain names."""
    if isinstance(value, list):
        return [_shortened(item, own) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _shortened(item, own) for key, item in value.items() if key != "build_config"}
    name = kept.get("class_name")
    if name in own:
        return kept | {"module": None, "registered_name": name}
    if name == "__lambda__" or not str(kept.get("module") or "keras").startswith("keras"):
        raise InexpressibleError(f"{name} of {kept.get('module')} is not Keras's own")
    return kept
