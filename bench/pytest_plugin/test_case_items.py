"""Marked methods of `unittest.TestCase`, which pytest does not parametrise: an item for each combination of axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from unittest import TestCase

import pytest

Node = pytest.Item | pytest.Collector


def parametrise_marked(collector: pytest.Class) -> None:
    """Let a collector of a `TestCase` make items of its marked methods as it would of a plain class."""
    if issubclass(collector.obj, TestCase):
        collector.collect = _collecting(collector, collector.collect)  # type: ignore[method-assign]


def _collecting(collector: pytest.Class, collect: Callable[[], Iterable[Node]]) -> Callable[[], Iterator[Node]]:
    def items() -> Iterator[Node]:
        for item in collect():
            if isinstance(item, pytest.Function) and item.get_closest_marker("anatomy") is not None:
                # What `pytest.Class` itself calls for a method: it runs the hook that parametrises.
                yield from collector._genfunctions(item.name, getattr(collector.obj, item.name))
            else:
                yield item

    return items


def why_skipped(item: pytest.Function) -> str | None:
    """The reason of `@unittest.skip` on a method or its class; pytest sees that only in items of its own."""
    for holder in (item.cls, item.function):
        if getattr(holder, "__unittest_skip__", False):
            return str(getattr(holder, "__unittest_skip_why__", ""))
    return None
