"""Models that train in their own way: autoencoders, adversarial nets, diffusion, contrastive learning."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from tests.data.keras_examples.adversarial import Adversarial


class Sampling(layers.Layer):
    """z = mean + exp(log variance / 2) · ε."""

    def __init__(self) -> None:
        super().__init__()
        self.seed = keras.random.SeedGenerator(1337)

    def call(self, moments: Any) -> Any:
        mean, log_variance = moments
        self.add_loss(-0.5 * ops.mean(1 + log_variance - ops.square(mean) - ops.exp(log_variance)))
        return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.seed)


class VariationalAutoEncoder(keras.Model):
    """Subclassed, without declared inputs: trains on its inputs alone."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = keras.Sequential(
            [layers.Conv2D(8, 3, 2, "same", activation="relu"), layers.Flatten(), layers.Dense(16, activation="relu")]
        )
        self.mean, self.log_variance, self.sample = layers.Dense(2), layers.Dense(2), Sampling()
        self.decoder = keras.Sequential(
            [
                layers.Dense(14 * 14 * 8, activation="relu"),
                layers.Reshape((14, 14, 8)),
                layers.Conv2DTranspose(1, 3, 2, "same", activation="sigmoid"),
            ]
        )

    def build(self, shape: Any) -> None:
        self.encoder.build(shape)
        self.mean.build((None, 16))
        self.log_variance.build((None, 16))
        self.decoder.build((None, 2))

    def call(self, images: Any) -> Any:
        x = self.encoder(images)
        return self.decoder(self.sample((self.mean(x), self.log_variance(x))))

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
        return ops.mean(keras.losses.binary_crossentropy(x, y_pred)) + sum(self.losses)


def variational_autoencoder() -> Any:
    """After "Variational AutoEncoder"; its input is `28x28x1:float32:0..1`."""
    model = VariationalAutoEncoder()
    model.compile(keras.optimizers.Adam())
    return model


def discriminator(dropout: float) -> Any:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 4, 2, "same"),
            layers.LeakyReLU(0.2),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(1),
        ],
        name="discriminator",
    )


def generator() -> Any:
    return keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(7 * 7 * 8),
            layers.Reshape((7, 7, 8)),
            layers.Conv2DTranspose(8, 4, 2, "same"),
            layers.LeakyReLU(0.2),
            layers.Conv2DTranspose(1, 4, 2, "same", activation="sigmoid"),
        ],
        name="generator",
    )


def dcgan() -> Any:
    """After "DCGAN to generate face images": two optimizers, a `train_step`, and no `call`."""
    model = Adversarial(generator(), discriminator(0.2), penalty=0.0)
    model.compile(keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4))
    return model


def wgan_gp() -> Any:
    """After "WGAN-GP": a gradient within the loss."""
    model = Adversarial(generator(), discriminator(0.0), penalty=10.0)
    model.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5))
    return model


class Diffusion(keras.Model):
    """Predicts the noise in an image at a random time, and keeps a moving average of its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.normalizer = layers.Normalization(mean=0.5, variance=0.08)
        self.seed = keras.random.SeedGenerator(7)
        noisy, variance = keras.Input((16, 16, 3)), keras.Input((1, 1, 1))
        angle = variance * ops.reshape(ops.convert_to_tensor([1.0, 4.0, 16.0]), (1, 1, 1, 3))
        x = layers.Concatenate()([noisy, layers.UpSampling2D(16)(ops.sin(angle))])
        down = layers.Conv2D(8, 3, padding="same", activation="swish")(x)
        x = layers.Conv2D(16, 3, padding="same", activation="swish")(layers.AveragePooling2D(2)(down))
        x = layers.Concatenate()([layers.UpSampling2D(2, interpolation="bilinear")(x), down])
        self.network = keras.Model([noisy, variance], layers.Conv2D(3, 1, kernel_initializer="zeros")(x))

    def build(self, shape: Any) -> None:
        self.built = True

    def call(self, images: Any) -> Any:
        images = self.normalizer(images)
        noise = keras.random.normal(ops.shape(images), seed=self.seed)
        angle = keras.random.uniform((ops.shape(images)[0], 1, 1, 1), seed=self.seed)
        noisy = ops.cos(angle) * images + ops.sin(angle) * noise
        return self.network([noisy, ops.square(ops.sin(angle))]) - noise

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
        return ops.mean(ops.abs(y_pred))


def diffusion() -> Any:
    """After "Denoising Diffusion Implicit Models"; its input is `16x16x3:float32:0..1`."""
    model = Diffusion()
    model.compile(keras.optimizers.AdamW(1e-3, weight_decay=1e-4, use_ema=True, ema_momentum=0.999))
    return model


class Contrastive(keras.Model):
    """Two random views of each image; the loss is the temperature-scaled cross-entropy of their likeness."""

    def __init__(self) -> None:
        super().__init__()
        self.augment = keras.Sequential([layers.Rescaling(1 / 255), layers.RandomFlip(), layers.RandomZoom(0.2)])
        self.encoder = keras.Sequential(
            [layers.Conv2D(16, 3, 2, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(16)]
        )

    def build(self, shape: Any) -> None:
        self.augment.build(shape)
        self.encoder.build(shape)

    def call(self, images: Any, training: bool = False) -> Any:
        views = [self.encoder(self.augment(images, training=training)) for _ in range(2)]
        left, right = (ops.normalize(view, axis=1) for view in views)
        return ops.matmul(left, ops.transpose(right)) / 0.1

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
        pairs = ops.arange(ops.shape(y_pred)[0])
        both = (y_pred, ops.transpose(y_pred))
        return sum(
            ops.mean(keras.losses.sparse_categorical_crossentropy(pairs, likeness, from_logits=True))
            for likeness in both
        )


def simclr() -> Any:
    """After "Semi-supervised image classification using contrastive pretraining"; its input is `32x32x3:uint8`."""
    model = Contrastive()
    model.compile(keras.optimizers.Adam())
    return model


def siamese() -> Any:
    """After "Image similarity estimation using a Siamese Network with a contrastive loss"."""
    image = keras.Input((28, 28, 1))
    x = layers.BatchNormalization()(image)
    for filters in (4, 16):
        x = layers.AveragePooling2D(2)(layers.Conv2D(filters, 5, activation="tanh")(x))
    embed = keras.Model(image, layers.Dense(10, activation="tanh")(layers.BatchNormalization()(layers.Flatten()(x))))
    left, right = keras.Input((28, 28, 1), name="left"), keras.Input((28, 28, 1), name="right")
    difference = layers.Subtract()([embed(left), embed(right)])
    distance = ops.sqrt(ops.maximum(ops.sum(ops.square(difference), axis=1, keepdims=True), 1e-7))
    model = keras.Model([left, right], layers.Dense(1, activation="sigmoid")(layers.BatchNormalization()(distance)))

    def contrastive_loss(y_true: Any, y_pred: Any) -> Any:
        margin = ops.square(ops.maximum(1 - y_pred, 0))
        return ops.mean((1 - y_true) * ops.square(y_pred) + y_true * margin)

    model.compile(keras.optimizers.RMSprop(), contrastive_loss, metrics=["accuracy"])
    return model
