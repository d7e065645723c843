"""Five steps of training leave the weights that Keras's own steps leave, beside the largest change of a weight."""

from __future__ import annotations

import pytest

from tests.bench.native.comparisons import differing


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_training(backend: str) -> None:
    assert differing(backend, "trained_models", 1e-3) == {}
