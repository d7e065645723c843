"""Reads a large JSON object piece by piece: a trace of a gigabyte is never in memory as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

# Characters read at a time, and the longest single value: one event, or one entry of the file's head.
_PIECE, LONGEST_VALUE = 1 << 20, 64 << 20
# `-Infinity`; and an escape within a text.
_LONGEST_WORD = 12
_SPACE = " \t\r\n"


class JsonStreamError(ValueError):
    """No JSON, or not all of it. `ended` says whether the text just stops; `line` counts from 1."""

    def __init__(self, message: str, line: int, *, ended: bool) -> None:
        super().__init__(message)
        self.line = line
        self.ended = ended


class JsonStream:
    """A cursor on JSON text that is read as needed.

    Numbers with a point are given as their text, since a time in microseconds has more digits than a float.

    Args:
        read: gives up to so many characters; none at the end.
    """

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read = read
        self._text = ""
        self._at = 0
        self._lines = 1
        self._ended = False
        self._decode = json.JSONDecoder(parse_float=str, parse_constant=str, strict=False).raw_decode

    @property
    def line(self) -> int:
        """The line that is read next, from 1."""
        return self._lines + self._text.count("\n", 0, self._at)

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def take(self, expected: str) -> str:
        """Go past the next character, which must be one of `expected`.

        Raises:
            JsonStreamError: it is another one, or the text ends.
        """
        found = self.peek()
        if not found or found not in expected:
            raise self._error(f"expected {' or '.join(expected)}")
        self._at += 1
        return found

    def value(self) -> Any:
        """The next value as a whole.

        Raises:
            JsonStreamError: there is none.
        """
        self.peek()
        while True:
            try:
                found, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut_off = self._may_go_on(error)
                if not cut_off or len(self._text) - self._at > LONGEST_VALUE or not self._more():
                    raise JsonStreamError(error.msg, self.line, ended=cut_off and self._ended) from error
            except RecursionError as error:
                raise JsonStreamError("values nested too deep", self.line, ended=False) from error
            except ValueError as error:
                # A whole number of more digits than Python converts.
                raise JsonStreamError(str(error), self.line, ended=False) from error
            else:
                # A number may go on in the next piece.
                if end < len(self._text) or not self._more():
                    self._at = end
                    return found

    def items(self) -> Iterator[Any]:
        """The values of the array that begins here."""
        self.take("[")
        while self.peek() != "]":
            yield self.value()
            if self.peek() != "]":
                self.take(",")
        self.take("]")

    def keys(self) -> Iterator[str]:
        """The keys of the object that begins here; after each, the caller takes its value."""
        self.take("{")
        while self.peek() != "}":
            key = self.value()
            if not isinstance(key, str):
                raise self._error("expected a key in quotes")
            self.take(":")
            yield key
            if self.peek() != "}":
                self.take(",")
        self.take("}")

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        """Whether the fault is that the text stops here: within a text, or within a word or number."""
        return error.msg.startswith("Unterminated") or len(self._text.rstrip()) - error.pos <= _LONGEST_WORD

    def _more(self) -> bool:
        """Read on; whether there was more. What lies before the cursor is let go."""
        if self._ended:
            return False
        self._lines += self._text.count("\n", 0, self._at)
        # As much again as is held: a long value is not decoded anew for each piece.
        piece = self._read(max(_PIECE, len(self._text) - self._at))
        self._text, self._at = self._text[self._at :] + piece, 0
        self._ended = not piece
        return not self._ended

    def _error(self, message: str) -> JsonStreamError:
        return JsonStreamError(message, self.line, ended=not self.peek())
