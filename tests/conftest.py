"""For the whole test suite."""

from __future__ import annotations

import os

import pytest

# Runs of the tests are no part of anyone's history.
os.environ["ANATOMY_HISTORY"] = "off"

pytest_plugins = ["pytester"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`pytest --benchmark` runs this repository's benchmarks, not its tests beside them."""
    if not config.getoption("--benchmark"):
        return
    benchmarks = [item for item in items if item.get_closest_marker("anatomy")]
    config.hook.pytest_deselected(items=[item for item in items if item not in benchmarks])
    items[:] = benchmarks
