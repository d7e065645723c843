"""Steps of native PyTorch compute what the Keras model does on torch: the zoo, every kind of layer, training."""

from __future__ import annotations

import pytest

from tests.bench.native.comparisons import differing

# What torch has no module for, or Keras itself does not compute on torch.
REFUSED = {"gru with reset before", "layer norm of axes"}
# Its probabilities are below the smallest that Keras computes a loss of on torch; the program has the loss on logits.
SATURATED = {f"{name}:input_shape=67x67x3,classes=10" for name in ("alexnet", "alexnet-one-tower")}

# Keras's own step on PyTorch fails: there is nothing to compare with.
FAILS_IN_KERAS = (
    "unet:depth=2,base_filters=4,input_shape=24x24x1,padding=valid,upsampling=transpose,classes=2,spatial_dropout=0.2"
)


def _differing(catalogue: str, tolerance: float) -> dict:
    found = differing("torch", catalogue, tolerance, "compare_torch_steps")
    return {name: fact for name, fact in found.items() if name not in REFUSED}


@pytest.mark.backends
def test_the_zoo_in_torch() -> None:
    assert _differing("zoo_models", 1e-5) == {}


@pytest.mark.backends
def test_layers_in_torch() -> None:
    assert _differing("layer_models", 1e-5) == {}


@pytest.mark.backends
@pytest.mark.extended
def test_training_in_torch() -> None:
    found = _differing("trained_models", 1e-3)
    assert found.pop(FAILS_IN_KERAS) == {"error": "RuntimeError: grad_input must be contiguous"}
    assert set(found) <= SATURATED


@pytest.mark.slow
def test_applications_in_torch() -> None:
    # Keras has no NASNet on torch.
    assert set(_differing("application_models", 1e-5)) <= {"NASNetMobile"}
