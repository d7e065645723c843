"""Text from outside made printable: valid UTF-8 without control characters, and errors on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unicodedata import category

if TYPE_CHECKING:
    from pydantic import ValidationError

_KEPT = "\n\t"


def printable(text: str) -> str:
    r"""The text with lone surrogates and control characters as escapes: `\udcff`, `\x1b`; newlines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(c if c in _KEPT or category(c)[0] != "C" else ascii(c)[1:-1] for c in text)


def printable_values(value: Any) -> Any:
    """A JSON value with every string in it, keys included, made printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(str(name)): printable_values(item) for name, item in value.items()}
    if isinstance(value, list):
        return [printable_values(item) for item in value]
    return value


def one_line(error: BaseException, limit: int = 300) -> str:
    """Class and message of an error on one line, cut at `limit` characters: `ValueError: 3 is no batch size`."""
    words = " ".join(printable(str(error)).split())
    text = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"


def first_mistake(error: ValidationError) -> str:
    """The first finding of a validation: `settings.seconds: Input should be greater than 0 (got -1)`."""
    first = error.errors(include_url=False)[0]
    given = printable(repr(first["input"]))
    shown = f" (got {given})" if len(given) <= 80 and first["type"] != "missing" else ""
    return printable(": ".join(part for part in (".".join(map(str, first["loc"])), first["msg"]) if part)) + shown
