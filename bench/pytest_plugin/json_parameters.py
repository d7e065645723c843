"""Parameters of items as JSON values, which cross into the fresh process that calls the builder."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Mapping
from enum import Enum
from typing import Any

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import printable

# Longer texts of values are cut in messages and in pytest-benchmark's file.
_LONGEST_TEXT = 80


def json_value(value: Any, name: str) -> Any:
    """The JSON value that the builder gets for a parameter.

    Numpy scalars become numbers, tuples lists, and enums that equal their value (`IntEnum`, `StrEnum`) that value.

    Args:
        value: of the parameter.
        name: of the parameter, for the message.

    Raises:
        UsageError: the parameter, or something in it, is no such value; the message says what to do instead.
    """
    try:
        return _converted(value, name)
    except RecursionError:
        raise UsageError(f"the parameter {name} contains itself; {_REMEDY}") from None


def shown_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters for pytest-benchmark's file: JSON values as they are, the rest as text."""

    def shown(name: str, value: Any) -> Any:
        try:
            return json_value(value, name)
        except UsageError:
            return _text(value)

    return {name: shown(name, value) for name, value in parameters.items()}


_REMEDY = (
    "give a JSON value (a number, text, true, false, null, a list, or a dict with text as keys), since the function is"
    " called in a fresh process, and make the object in the function; or call the `anatomy` fixture with a function"
    " that makes it"
)


def _converted(value: Any, name: str) -> Any:
    if isinstance(value, Enum):
        if value == value.value:
            return _converted(value.value, name)
        raise _refused(name, f"{value!s}, which does not equal its value {_text(value.value)}")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise _refused(name, f"{float(value)}, which JSON does not have")
    # Not isinstance: a named tuple would lose its names.
    if type(value) in (list, tuple):
        return [_converted(item, f"{name}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or isinstance(key, Enum):
                raise _refused(name, f"a dict with the key {_text(key)}, which is no text")
        return {key: _converted(item, f"{name}[{key!r}]") for key, item in value.items()}
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        number = value.item()
        if not isinstance(number, numpy.generic):
            return _converted(number, name)
    raise _refused(name, _what(value))


def _refused(name: str, what: str) -> UsageError:
    return UsageError(printable(f"the parameter {name} is {what}; {_REMEDY}"))


def _what(value: Any) -> str:
    if inspect.isclass(value):
        return f"the class {value.__qualname__}"
    if inspect.isroutine(value):
        return f"the function {value.__qualname__}"
    return f"{_text(value)}, of the type {type(value).__qualname__}"


def _text(value: Any) -> str:
    """Its `repr` on one line, however long or broken that is."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001  # the boundary: a user's __repr__ may raise anything
        return f"<{type(value).__qualname__}>"
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
