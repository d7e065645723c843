"""What there is one of per backend is there for each of them."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from anatomy.bench.native.native_backend import STEPS
from anatomy.bench.records.case import BACKENDS, KERAS_BACKENDS, NATIVE_BACKENDS, KerasBackend
from anatomy.bench.script.preamble import _FRAMEWORKS
from anatomy.models.frameworks import BACKEND_FACTS
from anatomy.reports.chart import COLOURS, SYMBOLS, backend_legend
from tests.factories import make_record


@pytest.mark.parametrize("backend", KERAS_BACKENDS)
def test_it_has_a_step_and_a_tracer(backend: KerasBackend) -> None:
    assert find_spec(f"anatomy.bench.backends.{backend}_step")
    assert find_spec(f"anatomy.bench.profiling.{backend}_trace")


def test_a_native_one_has_a_step() -> None:
    assert tuple(STEPS) == NATIVE_BACKENDS
    assert all(find_spec(f"anatomy.bench.native.{module}") for module, _ in STEPS.values())


def test_it_is_in_each_table() -> None:
    for table in (COLOURS, SYMBOLS, BACKEND_FACTS):
        assert tuple(table) == BACKENDS
    assert tuple(_FRAMEWORKS) == KERAS_BACKENDS
    legend = backend_legend([make_record(case={"backend": backend, "mode": "infer"}) for backend in BACKENDS])
    assert [entry.colour for entry in legend] == list(COLOURS.values())
    assert len({(entry.path, entry.colour) for entry in legend}) == len(BACKENDS)
