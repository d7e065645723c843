"""What a Python file binds and imports at its top level, from its text alone: the file is not run."""

import ast
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Calls and names by which a module makes names, or modules, that its text does not show.
_OPENING = frozenset({"globals", "locals", "vars", "exec", "eval", "setattr", "__getattr__", "__path__"})
_FINDING = frozenset({"path", "modules", "meta_path", "path_hooks", "addsitedir"})


@dataclass(frozen=True)
class Import:
    """An import that always happens when the module does.

    Attributes:
        line: in the file.
        module: as written, without the dots of a relative import.
        level: number of those dots.
        names: `from … import` these; empty for `import module`.
    """

    line: int
    module: str
    level: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceFile:
    """A file as it is written.

    Attributes:
        path: where it is.
        names: name bound at the top level → the statement that binds it last.
        again: names that are bound more than once: which binding holds, only running it can tell.
        constants: names bound once, to a plain value: name → the value's type.
        is_open: whether there may be further names: a star import, `__getattr__`, `globals()`.
        imports: that always happen, in order, up to the first statement that changes where modules are looked for.
    """

    path: Path
    names: dict[str, ast.stmt] = field(default_factory=dict)
    again: frozenset[str] = frozenset()
    constants: dict[str, str] = field(default_factory=dict)
    is_open: bool = False
    imports: tuple[Import, ...] = ()

    @property
    def builders(self) -> list[str]:
        """Functions and classes that it defines for others, in order."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return [name for name, node in self.names.items() if isinstance(node, kinds) and not name.startswith("_")]


def read_source(path: Path) -> SourceFile:
    """Read a file.

    Raises:
        SyntaxError: it is no Python of this version.
        ValueError: it has null bytes.
        OSError: it cannot be read.
    """
    text = path.read_bytes()
    with warnings.catch_warnings():
        # The file's own invalid escapes and the like are for those who run it.
        warnings.simplefilter("ignore")
        compile(text, str(path), "exec", dont_inherit=True)
        tree = ast.parse(text, str(path))
    names: dict[str, ast.stmt] = {}
    bindings: Counter[str] = Counter()
    for statement in _at_top(tree.body):
        for name in _bound(statement):
            names.pop(name, None)
            names[name] = statement
            bindings[name] += 1
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    star = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in _at_top(tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            bindings.update(node.names)
            names = {**dict.fromkeys(node.names, node), **names}
    again = frozenset(name for name, count in bindings.items() if count > 1)
    constants = {name: kind for name, node in names.items() if name not in again and (kind := _plain_type(node))}
    return SourceFile(
        path, names, again, constants, star or bool(_OPENING & {*used, *names}), tuple(_imports(tree.body))
    )


def _at_top(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of the module's own scope, those in branches and loops included."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from _at_top(getattr(statement, part, []))
        for branch in (*getattr(statement, "handlers", []), *getattr(statement, "cases", [])):
            yield from _at_top(branch.body)


def _bound(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    if isinstance(statement, ast.Import | ast.ImportFrom):
        for alias in statement.names:
            yield alias.asname or (
                alias.name if isinstance(statement, ast.ImportFrom) else alias.name.partition(".")[0]
            )
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name


def _plain_type(statement: ast.stmt) -> str:
    """The type of the plain value that a statement assigns to one name; empty for all others."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return ""
    kinds = {ast.Dict: "dict", ast.List: "list", ast.Set: "set"}
    if isinstance(statement.value, ast.Constant):
        return type(statement.value.value).__name__
    return kinds.get(type(statement.value), "")


def _imports(body: Sequence[ast.stmt]) -> Iterator[Import]:
    for statement in body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield Import(statement.lineno, alias.name)
        elif isinstance(statement, ast.ImportFrom):
            names = tuple(alias.name for alias in statement.names)
            yield Import(statement.lineno, statement.module or "", statement.level, names)
        elif _changes_the_search(statement):
            return


def _changes_the_search(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    return any(isinstance(node, ast.Attribute) and node.attr in _FINDING for node in ast.walk(statement))
