"""What there is one of per backend is there for each of them."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from anatomy.bench.records.case import BACKENDS, Backend
from anatomy.bench.script.preamble import _FRAMEWORKS
from anatomy.models.frameworks import BACKEND_FACTS
from anatomy.reports.chart import COLOURS, SYMBOL_PATHS, SYMBOLS


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_has_a_step_and_a_tracer(backend: Backend) -> None:
    assert find_spec(f"anatomy.bench.backends.{backend}_step")
    assert find_spec(f"anatomy.bench.profiling.{backend}_trace")


def test_it_is_in_each_table() -> None:
    for table in (COLOURS, SYMBOLS, BACKEND_FACTS, _FRAMEWORKS):
        assert tuple(table) == BACKENDS
    assert {SYMBOL_PATHS[symbol] for symbol in SYMBOLS.values()} == set(SYMBOL_PATHS.values())
