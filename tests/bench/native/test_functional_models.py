"""Programs in JAX and in TensorFlow compute what the Keras model does: the zoo, every kind of layer, applications."""

from __future__ import annotations

import pytest

from tests.bench.native.comparisons import differing
from tests.marks import extended_but

BACKENDS = pytest.mark.parametrize("backend", extended_but(["jax", "tensorflow"], "jax"))


@pytest.mark.backends
@BACKENDS
def test_the_zoo(backend: str) -> None:
    assert differing(backend, "zoo_models", 1e-5) == {}


@pytest.mark.backends
@BACKENDS
def test_layers(backend: str) -> None:
    assert differing(backend, "layer_models", 1e-5) == {}


@pytest.mark.slow
@BACKENDS
def test_applications(backend: str) -> None:
    assert differing(backend, "application_models", 1e-5) == {}
