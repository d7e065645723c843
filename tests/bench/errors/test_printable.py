"""Errors on one line: without a terminal's colours, and not cut within a word."""

import pytest

from anatomy.bench.errors.printable import one_line, shortened, without_styles


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[1mException\x1b[0m: \x1b[38;5;1mno\x1b[m", "Exception: no"),
        ("\x9b31mred", "red"),
        ("\x1b]8;;https://keras.io\x1b\\link\x1b]8;;\x07 \x1b(Bx", "link x"),
        ("[1m stays, and é", "[1m stays, and é"),
    ],
)
def test_styles_are_taken_out(text: str, plain: str) -> None:
    assert without_styles(text) == plain


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("one two three", 13, "one two three"),
        ("one two three", 12, "one two…"),
        ("one two three", 8, "one two…"),
        ("a onlyoneword", 10, "a onlyone…"),
    ],
)
def test_what_is_long_ends_at_a_word(text: str, limit: int, short: str) -> None:
    assert shortened(text, limit) == short


def test_an_error_is_one_line_of_600_characters_at_most() -> None:
    line = one_line(ValueError("\x1b[1m" + "words \n" * 500 + "\x1b[0m"))
    assert line.startswith("ValueError: words words")
    assert line.endswith("words…")
    assert 590 < len(line) <= 600
    assert one_line(ValueError("a \x00 b")) == "ValueError: a \\x00 b"
    assert one_line(KeyError()) == "KeyError"
    assert one_line(NotImplementedError("OpenVINO trains no models")) == "OpenVINO trains no models"
    assert one_line(NotImplementedError()) == "NotImplementedError"
