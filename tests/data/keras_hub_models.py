"""Tasks of KerasHub on small backbones, without weights and without their preprocessors."""

from __future__ import annotations

from typing import Any

import keras
import keras_hub


def text_classifier() -> Any:
    backbone = keras_hub.models.BertBackbone(2000, 2, 2, 32, 64, max_sequence_length=64)
    return keras_hub.models.BertTextClassifier(backbone, num_classes=4, preprocessor=None)


def masked_language_model() -> Any:
    backbone = keras_hub.models.RobertaBackbone(2000, 2, 2, 32, 64, max_sequence_length=64)
    return keras_hub.models.RobertaMaskedLM(backbone, preprocessor=None)


def causal_language_model() -> Any:
    backbone = keras_hub.models.GPT2Backbone(2000, 2, 2, 32, 64, max_sequence_length=64)
    return keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)


def fine_tuned_by_lora() -> Any:
    backbone = keras_hub.models.GemmaBackbone(2000, 2, 4, 1, 32, 64, 8)
    backbone.enable_lora(rank=4)
    return keras_hub.models.GemmaCausalLM(backbone, preprocessor=None)


def image_classifier() -> Any:
    backbone = keras_hub.models.ViTBackbone((32, 32, 3), 8, 2, 2, 32, 64)
    model = keras_hub.models.ViTImageClassifier(backbone, num_classes=10, preprocessor=None, activation="softmax")
    model.compile(keras.optimizers.AdamW(1e-3), "sparse_categorical_crossentropy")
    return model


def segmenter() -> Any:
    encoder = keras_hub.models.MiTBackbone(
        layerwise_depths=[1, 1],
        num_layers=2,
        layerwise_num_heads=[1, 2],
        layerwise_sr_ratios=[2, 1],
        max_drop_path_rate=0.1,
        layerwise_patch_sizes=[3, 3],
        layerwise_strides=[4, 2],
        image_shape=(32, 32, 3),
        hidden_dims=[8, 16],
    )
    backbone = keras_hub.models.SegFormerBackbone(encoder, projection_filters=16)
    return keras_hub.models.SegFormerImageSegmenter(backbone, num_classes=4, preprocessor=None)
