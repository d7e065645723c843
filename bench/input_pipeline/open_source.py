"""The source of a name: `jpeg`, `text`, or a function of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anatomy.bench.input_pipeline.source import InputForm, Source

EXPECTED = "items and their steps, (items, {name: function, …}), the last of which returns x or (x, y) of an example"


def open_source(name: str, form: InputForm) -> Source:
    """Open the source that a case names.

    Args:
        form: what the model takes of an example.

    Raises:
        NotImplementedError: it does not give what the model takes.
        ValueError: the function does not return items and steps.
    """
    if name == "jpeg":
        from anatomy.bench.input_pipeline.jpeg_files import jpeg_source

        return jpeg_source(form)
    if name == "text":
        from anatomy.bench.input_pipeline.text_files import text_source

        return text_source(form)
    return _users(name)


def _users(name: str) -> Source:
    from anatomy.models.find_object import find_object

    returned = find_object(name)()
    match returned:
        case (items, steps) if _are_items(items) and _are_steps(steps):
            return Source(items, steps)
    raise ValueError(f"{name} returned {type(returned).__name__}; expected {EXPECTED}")


def _are_items(items: Any) -> bool:
    return hasattr(items, "__len__") and hasattr(items, "__getitem__") and len(items) > 0


def _are_steps(steps: Any) -> bool:
    return isinstance(steps, Mapping) and len(steps) > 0 and all(map(callable, steps.values()))
