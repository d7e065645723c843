"""The zoo, small: by the text that builds each."""

from __future__ import annotations

from functools import partial
from typing import Any

from anatomy.models import build_any, parse_model

_TEXTS = (
    "mlp",
    "mlp:classes=1",
    "functional:input_size=9",
    "lstm:units=4",
    "lstm:units=4,timesteps=40",
    "alexnet:input_shape=67x67x3,classes=10",
    "alexnet-one-tower:input_shape=67x67x3,classes=10",
    "vgg:depth=11,input_shape=32x32x3,classes=10",
    "googlenet:input_shape=64x64x3,classes=10,auxiliary=true",
    "resnet:input_shape=64x64x3,classes=10",
    "resnet:depth=8",
    "wide_resnet:depth=10,width=1",
    "unet:depth=2,base_filters=4,input_shape=16x16x1",
    "unet:depth=2,base_filters=4,input_shape=24x24x1,padding=valid,upsampling=transpose,classes=2,spatial_dropout=0.2",
    "rcnn:words=5,embedding_dim=4,lstm_units=3,dense_units=2,classes=3",
    "rcnn:words=none,embedding_dim=4,lstm_units=3,dense_units=2",
    "rcnn:words=5,embedding_dim=4,lstm_units=3,dense_units=2,keywords=true",
    "rcnn:words=5,embedding_dim=4,lstm_units=3,dense_units=2,literal=true",
    "text_cnn:vocabulary=50,length=149,classes=3",
    "text-cnn-frozen:vocabulary=50,length=149,classes=3",
)


def _build(text: str) -> Any:
    spec = parse_model(text)
    return build_any(spec.model, spec.options)


MODELS = {text: partial(_build, text) for text in _TEXTS}
