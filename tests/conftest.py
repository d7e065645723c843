"""For the whole test suite: which tests start processes, and that no other one does."""

from __future__ import annotations

import atexit
import functools
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import typer.testing

# The tree of commands is built once, not at each call of one.
typer.testing._get_command = functools.cache(typer.main.get_command)  # type: ignore[attr-defined]

# Runs of the tests are no part of anyone's history.
os.environ["ANATOMY_HISTORY"] = "off"
# They measure beside one another, and nobody's run waits for them.
os.environ["ANATOMY_WHEN_BUSY"] = "share"
_runtime = tempfile.TemporaryDirectory(prefix="anatomy-tests-")
atexit.register(_runtime.cleanup)
os.environ["XDG_RUNTIME_DIR"] = _runtime.name

# The lane of seconds, which CONTRIBUTING.md has first.
SECONDS_LANE = "not process and not long"

pytest_plugins = ["pytester"]

# What starts a fork server, a browser, a database or another program that is not there at once.
STARTING_FIXTURES = frozenset({"measure", "browser", "postgres", "board", "cluster", "parent"})
STARTING_MARKERS = ("backends", "extended", "slow")
TESTS = Path(__file__).parent

_guarded = False


def pytest_configure(config: pytest.Config) -> None:
    """Let properties take their time, and fewer examples in the lane of seconds."""
    try:
        from hypothesis import settings
    except ImportError:
        # The benchmark items need no package of the tests.
        return
    # How long an example takes says more of the machine's other work than of the test.
    settings.register_profile("anatomy", deadline=None)
    settings.register_profile("seconds", deadline=None, max_examples=20)
    settings.load_profile("seconds" if config.option.markexpr == SECONDS_LANE else "anatomy")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts processes, before `-m` selects."""
    for item in items:
        fixtures = STARTING_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if fixtures or any(map(item.get_closest_marker, STARTING_MARKERS)):
            item.add_marker("process")


def pytest_collection_finish() -> None:
    """Leave out of every later garbage collection what the imports have made: Keras collects whenever it is reset."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Plugins that import at the end ask the collector what refers to their objects."""
    gc.unfreeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test without the mark starts no other Python; this file is also loaded for the benchmark items, which do."""
    global _guarded
    _guarded = item.path.is_relative_to(TESTS) and item.get_closest_marker("process") is None
    try:
        return (yield)
    finally:
        _guarded = False


def _refuse_python(event: str, arguments: tuple[Any, ...]) -> None:
    starts = event == "os.fork" or (
        event == "subprocess.Popen" and Path(os.fsdecode(arguments[0])).name.startswith("python")
    )
    if _guarded and starts:
        raise RuntimeError("this test starts another Python: mark it `process`, or call what it tests")


sys.addaudithook(_refuse_python)
