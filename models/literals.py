"""Values of options as text: `64x64x3`, `true`, `none`, `0.5`, `valid`, and JSON for all others."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

_WORDS = {"true": True, "false": False, "none": None}
_INT = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LIST = re.compile(r"[0-9]+(x[0-9]+)+")
_JSON_STARTS = ('"', "[", "{")


def parse_value(text: str) -> Any:
    """Parse a value; text that is no other value is a string.

    Raises:
        ValueError: the text starts like JSON but is not.
    """
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INT.fullmatch(text):
        return int(text)
    if _LIST.fullmatch(text):
        return [int(part) for part in text.split("x")]
    if _FLOAT.fullmatch(text):
        return float(text)
    if text.startswith(_JSON_STARTS):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"{text} starts like JSON but is not: {error}") from error
    return text


def format_value(value: Any) -> str:
    """Return the shortest text that `parse_value` reads as `value`.

    Raises:
        ValueError: `value` is not a JSON value.
    """
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, list) and len(value) > 1 and all(type(v) is int and v >= 0 for v in value):
        return "x".join(map(str, value))
    if isinstance(value, str) and _is_plain(value):
        return value
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected a JSON value, got {value!r}: {error}") from error


def split_options(text: str) -> Iterator[str]:
    """Yield the parts of `text` between commas that are not inside quotes or brackets."""
    start = depth = 0
    quoted = escaped = False
    for position, character in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            escaped, quoted = character == "\\", character != '"'
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth == 0:
            yield text[start:position]
            start = position + 1
    yield text[start:]


def _is_plain(text: str) -> bool:
    """Whether a string needs no quotes."""
    if not text or text != text.strip() or any(c in '",[]{}' for c in text):
        return False
    return bool(parse_value(text) == text)
