"""The source of custom layers with what it needs from its module, without docstrings."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType

from anatomy.bench.script.expression import InexpressibleError

# A script saves nothing, and Keras finds the shape of an output by tracing the layer.
_LEFT_OUT = ("get_config", "compute_output_shape")


@dataclass
class Sources:
    """Imports and definitions of a script, each once, in the order they are needed."""

    imports: list[str] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)


def sources_of(classes: Sequence[type]) -> Sources:
    """Collect the definitions of `classes`, all at the top level of their modules.

    Raises:
        InexpressibleError: a definition needs a name whose origin is not in its module's source, or
            that comes from this package.
    """
    found = Sources()
    for kind in classes:
        module = inspect.getmodule(kind)
        if module is None:
            raise InexpressibleError(f"{kind.__qualname__} belongs to no module")
        _add(kind.__name__, module, found)
    return found


def _add(name: str, module: ModuleType, found: Sources) -> None:
    """Add the statement of `module` that defines `name`, after what that statement needs."""
    text = inspect.getsource(module)
    statement = next((s for s in ast.parse(text).body if name in _defined_by(s)), None)
    if statement is None:
        raise InexpressibleError(f"{module.__name__} does not define {name} at its top level")
    if isinstance(statement, ast.Import | ast.ImportFrom):
        if isinstance(statement, ast.ImportFrom) and (statement.level or str(statement.module).startswith("anatomy")):
            raise InexpressibleError(f"{module.__name__} imports {name} from its own package")
        line = ast.unparse(statement)
        # The script imports Keras itself, after it has chosen the backend.
        if line != "import keras" and line not in found.imports:
            found.imports.append(line)
        return
    definition = _trimmed(statement, text.splitlines())
    if definition in found.definitions:
        return
    for needed in sorted(_names_in(ast.parse(definition)) & set(vars(module)) - {name}):
        _add(needed, module, found)
    found.definitions.append(definition)


def _defined_by(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [alias.asname or alias.name for alias in names]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
    return []


def _names_in(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _trimmed(statement: ast.stmt, lines: list[str]) -> str:
    """The lines of a statement without docstrings, decorators of classes, annotations of functions, and what saves."""
    replaced: dict[int, str | None] = {}
    left_out = {*_LEFT_OUT, *_needed_only_by(statement, _LEFT_OUT)}
    for node in ast.walk(statement):
        if not isinstance(node, ast.ClassDef | ast.FunctionDef):
            continue
        body = node.body[0]
        last = node.end_lineno or node.lineno
        if node.name in left_out:
            replaced |= dict.fromkeys(range(node.lineno, last + 1))
            continue
        if ast.get_docstring(node) is not None:
            replaced |= dict.fromkeys(range(body.lineno, (body.end_lineno or body.lineno) + 1))
        if isinstance(node, ast.FunctionDef):
            replaced |= dict.fromkeys(range(node.lineno, body.lineno))
            replaced[node.lineno] = f"{' ' * node.col_offset}def {node.name}({_unannotated(node.args)}):"
    numbers = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    kept = [replaced.get(number, lines[number - 1]) for number in numbers]
    text = "\n".join(re.sub(r"\s*# type: ignore.*$", "", line) for line in kept if line is not None)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r":\n\n+", ":\n", text)).rstrip()


def _unannotated(arguments: ast.arguments) -> str:
    for argument in ast.walk(arguments):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return ast.unparse(arguments)


def _needed_only_by(statement: ast.stmt, left_out: Sequence[str]) -> list[str]:
    """Private methods that no other method than those left out refers to."""
    methods = [node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.FunctionDef)]
    used = {
        node.attr
        for method in methods
        if method.name not in left_out
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute)
    }
    return [m.name for m in methods if m.name.startswith("_") and not m.name.endswith("__") and m.name not in used]
