"""The source of the functions that a program uses, with those that they use."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Sequence
from types import ModuleType


def functions_used(module: ModuleType, program: Sequence[str]) -> list[str]:
    """Lines that define the functions of `module` that `program` refers to, each after those that it needs."""
    defined = {name: thing for name, thing in vars(module).items() if _is_own(thing, module)}
    order: dict[str, str] = {}

    def add(name: str) -> None:
        if name in order:
            return
        source = inspect.getsource(defined[name]).rstrip()
        for needed in _names_in(source):
            if needed in defined and needed != name:
                add(needed)
        order[name] = source

    for name in _names_in("\n".join(program)):
        if name in defined:
            add(name)
    return [line for source in order.values() for line in ("", "", *source.splitlines())]


def _is_own(thing: object, module: ModuleType) -> bool:
    return (inspect.isfunction(thing) or inspect.isclass(thing)) and thing.__module__ == module.__name__


def _names_in(source: str) -> Iterator[str]:
    """Names in the order in which they stand in the code."""
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
    yield from dict.fromkeys(node.id for node in sorted(nodes, key=lambda n: (n.lineno, n.col_offset)))
