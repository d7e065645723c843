"""This repository's benchmark items: `pytest --benchmark` or `pytest bench/benchmark_items` measures them."""

from __future__ import annotations

from typing import Any

import pytest

from anatomy.models import build_any, parse_model

# Each of the ten architectures, at a size that all backends compile and measure within a few seconds on two cores.
ARCHITECTURES = (
    "mlp",
    "lstm",
    "alexnet:input_shape=67x67x3,classes=10",
    "vgg:depth=11,input_shape=32x32x3,classes=10",
    "googlenet:input_shape=32x32x3,classes=10",
    "resnet:depth=8",
    "wide_resnet:depth=10,width=1",
    "unet:depth=3,base_filters=8,input_shape=32x32x1",
    "rcnn:words=10,embedding_dim=32,lstm_units=32,dense_units=32",
    "text_cnn:vocabulary=2000,embedding_dim=32,length=150",
)


@pytest.mark.parametrize("model", ARCHITECTURES)
@pytest.mark.anatomy(mode="infer", batch_size=8)
def test_inference(model: str) -> Any:
    """Build one architecture for inference."""
    spec = parse_model(model)
    return build_any(spec.model, spec.options)


@pytest.mark.parametrize("model", ["mlp", "lstm:timesteps=4,units=8,layers=1", "resnet:depth=8"])
@pytest.mark.anatomy(mode="train", batch_size=8)
def test_training(model: str) -> Any:
    """Build one dense, one recurrent and one convolutional network for training."""
    spec = parse_model(model)
    return build_any(spec.model, spec.options)
