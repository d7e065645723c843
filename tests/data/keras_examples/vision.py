"""Images and volumes: vision transformers, mixers, detectors, 3-D convolutions."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


class Patches(layers.Layer):
    """Patches of an image as rows, with a learned position each."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.size, self.project = size, layers.Dense(width)

    def build(self, shape: Any) -> None:
        self.count = (shape[1] // self.size) * (shape[2] // self.size)
        self.project.build((None, self.count, self.size**2 * shape[3]))
        self.positions = self.add_weight(shape=(self.count, self.project.units), name="positions")

    def call(self, images: Any) -> Any:
        patches = ops.image.extract_patches(images, size=self.size)
        return self.project(ops.reshape(patches, (-1, self.count, patches.shape[-1]))) + self.positions


def vision_transformer() -> Any:
    """ViT with augmentation in the model, after "Image classification with Vision Transformer"."""
    images = keras.Input((32, 32, 3))
    x = layers.RandomRotation(0.02)(layers.RandomFlip("horizontal")(layers.Rescaling(1 / 255)(images)))
    x = Patches(8, 32)(x)
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([layers.MultiHeadAttention(4, 8, dropout=0.1)(y, y), x])
        y = layers.Dense(64, activation="gelu")(layers.LayerNormalization(epsilon=1e-6)(x))
        x = layers.Add()([layers.Dense(32)(layers.Dropout(0.1)(y)), x])
    x = layers.Dropout(0.5)(layers.Flatten()(layers.LayerNormalization(epsilon=1e-6)(x)))
    model = keras.Model(images, layers.Dense(10)(x))
    model.compile(
        keras.optimizers.AdamW(1e-3, weight_decay=1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseTopKCategoricalAccuracy(5, name="top-5")],
    )
    return model


class WindowAttention(layers.Layer):
    """Attention within windows of an image, shifted or not, with a bias by relative position."""

    def __init__(self, window: int, heads: int, shift: int) -> None:
        super().__init__()
        self.window, self.heads, self.shift = window, heads, shift

    def build(self, shape: Any) -> None:
        _, self.height, self.width, self.channels = shape
        self.qkv, self.out = layers.Dense(3 * self.channels), layers.Dense(self.channels)
        self.qkv.build((None, self.channels))
        self.out.build((None, self.channels))
        area = self.window**2
        self.bias = self.add_weight(shape=(self.heads, area, area), initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        if self.shift:
            x = ops.roll(x, (-self.shift, -self.shift), axis=(1, 2))
        rows, columns, area = self.height // self.window, self.width // self.window, self.window**2
        windows = ops.reshape(x, (-1, rows, self.window, columns, self.window, self.channels))
        windows = ops.reshape(ops.transpose(windows, (0, 1, 3, 2, 4, 5)), (-1, area, self.channels))
        size = self.channels // self.heads
        qkv = ops.transpose(ops.reshape(self.qkv(windows), (-1, area, 3, self.heads, size)), (2, 0, 3, 1, 4))
        weights = ops.softmax(qkv[0] @ ops.transpose(qkv[1], (0, 1, 3, 2)) / size**0.5 + self.bias)
        mixed = self.out(ops.reshape(ops.transpose(weights @ qkv[2], (0, 2, 1, 3)), (-1, area, self.channels)))
        mixed = ops.reshape(mixed, (-1, rows, columns, self.window, self.window, self.channels))
        x = ops.reshape(ops.transpose(mixed, (0, 1, 3, 2, 4, 5)), (-1, self.height, self.width, self.channels))
        return ops.roll(x, (self.shift, self.shift), axis=(1, 2)) if self.shift else x


def swin() -> Any:
    """Shifted windows and patch merging, after "Image classification with Swin Transformers"."""
    images = keras.Input((32, 32, 3))
    x = layers.Conv2D(24, 4, strides=4)(layers.Rescaling(1 / 255)(images))
    for shift in (0, 2):
        x = layers.Add()([x, WindowAttention(4, 3, shift)(layers.LayerNormalization()(x))])
        y = layers.Dense(48, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(24)(y)])
    merged = layers.Concatenate()([x[:, row::2, column::2] for row in (0, 1) for column in (0, 1)])
    x = layers.GlobalAveragePooling2D()(layers.Dense(48, use_bias=False)(merged))
    model = keras.Model(images, layers.Dense(100, activation="softmax")(x))
    model.compile("adamw", keras.losses.CategoricalCrossentropy(label_smoothing=0.1), metrics=["accuracy"])
    return model


def mlp_mixer() -> Any:
    """After "Image classification with modern MLP models"."""
    images = keras.Input((32, 32, 3))
    x = Patches(8, 24)(images)
    for _ in range(2):
        y = layers.Permute((2, 1))(layers.LayerNormalization()(x))
        y = layers.Dense(16)(layers.Dense(16, activation="gelu")(y))
        x = layers.Add()([x, layers.Permute((2, 1))(y)])
        y = layers.Dense(24)(layers.Dense(24, activation="gelu")(layers.LayerNormalization()(x)))
        x = layers.Add()([x, y])
    model = keras.Model(images, layers.Dense(10)(layers.GlobalAveragePooling1D()(x)))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def detector() -> Any:
    """A shared head over a pyramid, with three outputs and a loss each, after the RetinaNet example."""
    images = keras.Input((64, 64, 3), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    levels = []
    for filters in (8, 16, 32):
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(filters, 3, 2, "same", use_bias=False)(x)))
        levels.append(layers.Conv2D(16, 1)(x))
    merged = [levels[2]]
    for level in (levels[1], levels[0]):
        merged.append(layers.Add()([level, layers.UpSampling2D(2)(merged[-1])]))
    features = keras.Input((None, None, 16))
    towers = {
        name: keras.Sequential([features, *hidden, layers.Conv2D(filters, 3, padding="same")])
        for name, filters, hidden in (
            ("boxes", 4, [layers.Conv2D(16, 3, padding="same", activation="relu")]),
            ("classes", 20, [layers.Conv2D(16, 3, padding="same", activation="relu")]),
            ("centerness", 1, []),
        )
    }
    outputs = {}
    for name, tower in towers.items():
        rows = [layers.Reshape((-1, tower.layers[-1].filters))(tower(level)) for level in merged]
        outputs[name] = layers.Concatenate(axis=1, name=name)(rows)
    outputs["classes"] = layers.Activation("sigmoid", name="classes_probability")(outputs["classes"])
    outputs["centerness"] = layers.Activation("sigmoid", name="centerness_probability")(outputs["centerness"])
    model = keras.Model(images, outputs)
    model.compile(
        keras.optimizers.SGD(1e-3, momentum=0.9, clipnorm=10.0),
        {
            "boxes": keras.losses.Huber(),
            "classes": keras.losses.BinaryFocalCrossentropy(),
            "centerness": "binary_crossentropy",
        },
        loss_weights={"boxes": 1.0, "classes": 1.0, "centerness": 0.5},
    )
    return model


def volumes() -> Any:
    """After "3D image classification from CT scans"."""
    scans = keras.Input((32, 32, 16, 1))
    x = scans
    for filters in (8, 8, 16):
        x = layers.Conv3D(filters, 3, padding="same", activation="relu")(x)
        x = layers.BatchNormalization()(layers.MaxPooling3D(2)(x))
    x = layers.Dropout(0.3)(layers.Dense(32, activation="relu")(layers.GlobalAveragePooling3D()(x)))
    model = keras.Model(scans, layers.Dense(1, activation="sigmoid")(x))
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-4, 100_000, 0.96, staircase=True)
    model.compile(keras.optimizers.Adam(schedule), "binary_crossentropy", metrics=["acc"])
    return model
