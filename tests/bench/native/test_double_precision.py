"""Training is compared in float64 where float32's rounding would decide."""

from __future__ import annotations

import pytest

from tests.bench.native.comparisons import false_facts


@pytest.mark.backends
@pytest.mark.extended
@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_both_sides_compute_in_float64(backend: str) -> None:
    assert false_facts("double_precision_facts", backend) == []
