"""How a program is laid out: the imports that it uses in two groups, and lines of at most 120 columns."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence

WIDTH = 120


def program_text(imports: Sequence[str], lines: Sequence[str]) -> str:
    """A program as a formatter would leave it.

    Args:
        imports: statements of what the lines may use; a name that they do not use is left out.
        lines: everything else.
    """
    body = [part for line in lines for part in wrapped(line)]
    used = {node.id for node in ast.walk(ast.parse("\n".join(body))) if isinstance(node, ast.Name)}
    kept = [line for statement in filter(None, imports) if (line := _used_part(statement, used))]
    return "\n".join([*import_block(kept), *body]) + "\n"


def import_block(statements: Sequence[str]) -> list[str]:
    """Import statements, the standard library's first, each group sorted."""
    groups: tuple[list[str], list[str]] = ([], [])
    for statement in sorted(set(statements), key=lambda text: (text.startswith("from "), text)):
        module = statement.split()[1].partition(".")[0]
        groups[module not in sys.stdlib_module_names].append(statement)
    return [line for group in groups if group for line in (*group, "")][:-1]


def split_imports(source: str) -> tuple[list[str], list[str]]:
    """The import statements that a program begins with, and the lines after them."""
    lines = source.splitlines()
    end = next((n for n, line in enumerate(lines) if line and not line.startswith(("import ", "from "))), len(lines))
    while end and not lines[end - 1]:
        end -= 1
    return [line for line in lines[:end] if line], lines[end:]


def wrapped(line: str) -> list[str]:
    """A line, with the arguments of its last call on lines of their own where it is too long."""
    if len(line) <= WIDTH or "(" not in line or not line.rstrip().endswith(")"):
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    opening = _opening_of_last(line)
    head, inner = line[: opening + 1], line[opening + 1 : -1]
    whole = f"{indent}    {inner}"
    if len(whole) <= WIDTH:
        return [head, whole, f"{indent})"]
    return [head, *(f"{indent}    {argument}," for argument in _arguments(inner)), f"{indent})"]


def _opening_of_last(line: str) -> int:
    """The place of the bracket that the last character closes."""
    depth = 0
    for place in range(len(line) - 1, -1, -1):
        depth += (line[place] in ")]}") - (line[place] in "([{")
        if depth == 0:
            return place
    raise ValueError(f"no bracket opens what ends {line!r}")


def _arguments(text: str) -> Iterator[str]:
    """The arguments of a call, cut at the commas outside all brackets and quotes."""
    depth, start, quoted = 0, 0, False
    for place, character in enumerate(text):
        quoted ^= character == '"'
        depth += 0 if quoted else (character in "([{") - (character in ")]}")
        if character == "," and depth == 0 and not quoted:
            yield text[start:place].strip()
            start = place + 1
    yield text[start:].strip()


def _used_part(statement: str, used: set[str]) -> str:
    """An import statement with the names that are used; empty without any."""
    (node,) = ast.parse(statement).body
    assert isinstance(node, ast.Import | ast.ImportFrom)
    node.names = [one for one in node.names if (one.asname or one.name.partition(".")[0]) in used]
    return ast.unparse(node) if node.names else ""
