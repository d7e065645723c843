"""Steps in the framework's own layers compute what Keras's do: the zoo, every kind of layer, training, applications."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench.native.comparisons import differing
from tests.marks import extended_but, slow_but

FRAMEWORKS = ["jax", "tensorflow", "torch"]
# What torch has no module for, or Keras itself does not compute on torch.
REFUSED_BY_TORCH = {"gru with reset before", "layer norm of axes", "NASNetMobile"}
# Keras's own step on PyTorch fails: there is nothing to compare with.
FAILS_IN_KERAS = (
    "unet:depth=2,base_filters=4,input_shape=24x24x1,padding=valid,upsampling=transpose,classes=2,spatial_dropout=0.2"
)


def found(backend: str, catalogue: str, tolerance: float) -> dict[str, Any]:
    """The models that differ, but for those that torch refuses."""
    refused = REFUSED_BY_TORCH if backend == "torch" else set()
    return {name: fact for name, fact in differing(backend, catalogue, tolerance).items() if name not in refused}


@pytest.mark.backends
@pytest.mark.parametrize("backend", extended_but(FRAMEWORKS, "jax"))
def test_the_zoo(backend: str) -> None:
    assert found(backend, "zoo_models", 1e-5) == {}


@pytest.mark.backends
@pytest.mark.extended
@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_layers(backend: str) -> None:
    assert found(backend, "layer_models", 1e-5) == {}


# Five steps: the weights that Keras's own steps leave, beside the largest change of a weight.
@pytest.mark.extended
@pytest.mark.parametrize("backend", slow_but(FRAMEWORKS, "torch"))
def test_training(backend: str) -> None:
    assert found(backend, "trained_models", 1e-3) == {}


@pytest.mark.slow
@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_training_of_the_zoo(backend: str) -> None:
    differing_ones = found(backend, "trained_zoo", 1e-3)
    if backend == "torch":
        assert differing_ones.pop(FAILS_IN_KERAS) == {"error": "RuntimeError: grad_input must be contiguous"}
    assert differing_ones == {}


@pytest.mark.slow
@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_applications(backend: str) -> None:
    assert found(backend, "application_models", 1e-5) == {}
