"""Builders that would download pretrained weights get none, unless the user asks for some."""

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

_PARAMETER = "weights"
# Defaults that name no download: ways to initialise.
_DRAWN = ("", "random", "scratch", "none", "uniform", "normal", "zeros", "ones")
_DRAWN_ENDINGS = ("_uniform", "_normal")

# Of the models that a sentence is about, so many are named.
NAMED = 2

_said: set[str] = set()


def without_download(model: str, builder: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options to call a builder with: `weights=None` where its own default would download some, said once.

    Args:
        model: its name, for the sentence.
        builder: a function or a class.
        options: as the user gave them; `weights` among them wins.
    """
    if _PARAMETER in options:
        return dict(options)
    try:
        parameter = inspect.signature(builder).parameters.get(_PARAMETER)
    except (TypeError, ValueError):
        # A builder written in C has no signature to read.
        return dict(options)
    if parameter is None or not _is_download(parameter.default):
        return dict(options)
    say_once([sentence(model)])
    return {**options, _PARAMETER: None}


def downloads_by_default(definition: ast.AST) -> bool:
    """Whether a function or a class, as its source says, has a parameter `weights` whose default would download."""
    if isinstance(definition, ast.ClassDef):
        methods = [node for node in definition.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
        return any(map(downloads_by_default, methods))
    if not isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    given = definition.args
    places = [*given.posonlyargs, *given.args]
    defaults = dict(zip(reversed([place.arg for place in places]), reversed(given.defaults), strict=False))
    defaults |= {place.arg: value for place, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value}
    found = defaults.get(_PARAMETER)
    return isinstance(found, ast.Constant) and _is_download(found.value)


def sentence(model: str) -> str:
    """What is said of a model that is built without the weights it would download."""
    return (
        f"{model.replace(':', '.') if '/' not in model and '.py:' not in model else model}: weights=None, since speed"
        f" does not depend on them and nothing is downloaded; give {_PARAMETER}=… to load some"
    )


def say_once(sentences: Iterable[str]) -> None:
    """Print each sentence on standard error, once in this process; the same of several models is one sentence."""
    models: dict[str, list[str]] = {}
    for said in sentences:
        if said not in _said:
            _said.add(said)
            model, _, rest = said.partition(": ")
            models.setdefault(rest, []).append(model)
    for rest, names in models.items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        print(f"{', '.join(names[:NAMED])}{more}: {rest}", file=sys.stderr)


def _is_download(default: object) -> bool:
    if not isinstance(default, str):
        return False
    word = default.lower()
    return word not in _DRAWN and not word.endswith(_DRAWN_ENDINGS) and not Path(default).exists()
