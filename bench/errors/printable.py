"""Text from outside made printable: valid UTF-8 without control characters, and errors on one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from unicodedata import category

from anatomy.bench.errors.anatomy_error import AnatomyError
from anatomy.models.returned_object import NotAModelError

if TYPE_CHECKING:
    from pydantic import ValidationError

_KEPT = "\n\t"
# U+2028 and U+2029 end a line, too.
_BREAKS = ("Zl", "Zp")
# Control sequences (colours), operating system commands (links) and the shorter ones, ECMA-48.
_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]",
)


def printable(text: str) -> str:
    r"""The text with lone surrogates and control characters as escapes: `\udcff`, `\x1b`; newlines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(
        c if c in _KEPT or (category(c)[0] != "C" and category(c) not in _BREAKS) else ascii(c)[1:-1] for c in text
    )


def well_formed(text: str) -> str:
    """The text with lone surrogates and control characters as escapes; marks that shape or order a script stay.

    For names that must stay what they were given as: a file may have such marks in its name.
    """
    if text.isprintable():
        return text
    escaped = ("Cs", "Cc", *_BREAKS)
    return "".join(c if c in _KEPT or category(c) not in escaped else ascii(c)[1:-1] for c in text)


def printable_values(value: Any, made: Callable[[str], str] = printable) -> Any:
    """A JSON value with every string in it, keys included, made printable."""
    if isinstance(value, str):
        return made(value)
    if isinstance(value, dict):
        return {made(str(name)): printable_values(item, made) for name, item in value.items()}
    if isinstance(value, list):
        return [printable_values(item, made) for item in value]
    return value


def one_line(error: BaseException, limit: int = 600) -> str:
    """Class and message of an error on one line: `ValueError: 3 is no batch size`; a long one ends at a word.

    Of a `NotImplementedError` and of an error of Anatomy's the message alone, which is written for the user.
    """
    words = " ".join(printable(without_styles(message_of(error))).split())
    if words and isinstance(error, NotImplementedError | AnatomyError | NotAModelError):
        return shortened(words, limit)
    return shortened(f"{type(error).__name__}: {words}" if words else type(error).__name__, limit)


def message_of(error: BaseException) -> str:
    """`str(error)`, or what that raised: a user's exception may be wrong itself."""
    try:
        return str(error)
    except BaseException as another:  # noqa: BLE001  # the boundary: the first error is what matters
        return f"(its message cannot be had: {type(another).__name__})"


def without_styles(text: str) -> str:
    """The text without a terminal's escape sequences, as Keras and others colour their messages with."""
    return _ESCAPE_SEQUENCE.sub("", text)


def shortened(text: str, limit: int) -> str:
    """The text, at most `limit` characters of it: as many whole words as there is place for, and `…`."""
    if len(text) <= limit:
        return text
    kept = text[:limit]
    space = kept.rfind(" ")
    # A word that is as long as half of the place is cut: without it little would be left.
    return (kept[:space] if space >= limit // 2 else kept[: limit - 1]) + "…"


def without_middle(text: str, limit: int) -> str:
    """The text without its middle, where it is longer than `limit` characters: names differ at either end."""
    if len(text) <= limit:
        return text
    front = (limit - 1) // 2
    return text[:front] + "…" + text[len(text) - (limit - 1 - front) :]


def first_mistake(error: ValidationError) -> str:
    """The first finding of a validation: `settings.seconds: Input should be greater than 0 (got -1)`."""
    first = error.errors(include_url=False)[0]
    given = printable(repr(first["input"]))
    shown = f" (got {given})" if len(given) <= 80 and first["type"] != "missing" else ""
    return printable(": ".join(part for part in (".".join(map(str, first["loc"])), first["msg"]) if part)) + shown
