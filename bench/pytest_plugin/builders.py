"""The builder of an item: how a fresh process finds it, and what it is called with."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.pytest_plugin.json_parameters import json_value

# The parameter of an item that holds its combination of axes.
CASE = "_anatomy_case"


def options_of(item: pytest.Function) -> dict[str, Any]:
    """Arguments of a marked function: the parameters of its item.

    Raises:
        UsageError: it takes a fixture, or a parameter that is no JSON value.
    """
    parameters = {name: value for name, value in item.callspec.params.items() if name != CASE}
    takes = item._fixtureinfo.argnames
    # A parameter may go through a fixture, which need not return it as it is.
    through = {name for name in takes if name not in parameters or item.funcargs[name] is not parameters[name]}
    if fixtures := through | set(parameters).difference(takes):
        raise UsageError(_no_fixtures(sorted(fixtures)))
    return {name: json_value(parameters[name], name) for name in takes}


def _no_fixtures(names: list[str]) -> str:
    if "anatomy" in names:
        return "a marked function is measured itself; take the marker off a test that calls the `anatomy` fixture"
    return (
        f"the fixture{'s' if len(names) > 1 else ''} {', '.join(names)} cannot be had in the fresh process that calls"
        " the function; make the values in the function or give them by @pytest.mark.parametrize, or take the marker"
        " off and call the `anatomy` fixture"
    )


def reference_of(item: pytest.Function) -> str:
    """`test_x.py:function` or `test_x.py:Class.method` of a marked function; see `_place` for the path."""
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    return f"{_place(item)}:{'.'.join([*classes, item.originalname])}"


def reference_to(function: Callable[..., Any], item: pytest.Item) -> str:
    """The reference to a function that a test hands to the `anatomy` fixture: `test_x.py:function`, or by its module.

    Raises:
        UsageError: no other process could find it.
    """
    if not inspect.isroutine(function):
        raise UsageError(
            f"expected a name of the zoo, package.module:function or a function, got {type(function).__qualname__};"
            " give a function of the test's module that returns the model"
        )
    name = _qualified_name(function)
    if _found(getattr(item, "module", None), name, function):
        return f"{_place(item)}:{name}"
    if _found(sys.modules.get(function.__module__), name, function):
        return f"{function.__module__}:{name}"
    raise UsageError(
        f"{name}: the fresh process that calls it cannot find it there; define it at the top level of the test's module"
    )


def _qualified_name(function: Callable[..., Any]) -> str:
    owner = getattr(function, "__self__", None)
    if owner is None:
        return function.__qualname__
    # Of an inherited method, the class that has inherited it: that one is set up.
    return f"{(owner if inspect.isclass(owner) else type(owner)).__qualname__}.{function.__name__}"


def _found(module: Any, name: str, function: Callable[..., Any]) -> bool:
    """Whether the module has the function, or the method that it binds, under this name."""
    found = reduce(lambda holder, part: getattr(holder, part, None), name.split("."), module)
    return found is not None and found in (function, getattr(function, "__func__", None))


def _place(item: pytest.Item) -> str:
    """The item's file, relative to pytest's root, since it is part of the case's key."""
    root = item.config.rootpath
    return (item.path.relative_to(root) if item.path.is_relative_to(root) else item.path).as_posix()
