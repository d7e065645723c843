"""Source code laid out as `ruff format` does, within 120 columns."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH = 120


def call(head: str, arguments: Sequence[str], tail: str = ")", indent: int = 0) -> list[str]:
    """`head` + arguments + `tail` on one line, else the arguments on a line of their own, else one a line."""
    space, inner = " " * indent, " " * (indent + 4)
    joined = ", ".join(arguments)
    if len(space + head + joined + tail) <= WIDTH:
        return [space + head + joined + tail]
    if len(inner + joined) <= WIDTH:
        return [space + head, inner + joined, space + tail]
    return [space + head, *(f"{inner}{argument}," for argument in arguments), space + tail]


def code_lines(program: str) -> int:
    """Lines of a program, blank ones and the docstring that it begins with aside."""
    _, _, code = program.split('"""', 2)
    return sum(bool(line.strip()) for line in code.splitlines())
