"""A generator against a discriminator, with the `train_step` of each backend as Keras's guides write it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
from keras import ops


class Adversarial(keras.Model):
    """Two networks and two optimizers.

    Args:
        penalty: weight of the gradient penalty of WGAN-GP; 0 for the losses of DCGAN.
    """

    def __init__(self, generator: Any, discriminator: Any, penalty: float) -> None:
        super().__init__()
        self.generator, self.discriminator, self.penalty = generator, discriminator, penalty
        self.seed = keras.random.SeedGenerator(1337)
        self.built = True

    def compile(self, d_optimizer: Any, g_optimizer: Any, **options: Any) -> None:
        super().compile(**options)
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        d_optimizer.build(self.discriminator.trainable_variables)
        g_optimizer.build(self.generator.trainable_variables)
        if keras.backend.backend() == "jax":
            # The state of the step are the model's variables and those of one optimizer: these two make it theirs.
            self.optimizer_state = [*d_optimizer.variables, *g_optimizer.variables]

    def noise(self, images: Any) -> Any:
        return keras.random.normal((ops.shape(images)[0], self.generator.input_shape[-1]), seed=self.seed)

    def discriminator_loss(self, images: Any) -> Any:
        fake = self.generator(self.noise(images), training=True)
        said_fake, said_real = self.discriminator(fake, training=True), self.discriminator(images, training=True)
        if not self.penalty:
            return cross_entropy(said_fake, 0.0) + cross_entropy(said_real, 1.0)
        mix = keras.random.uniform((ops.shape(images)[0], 1, 1, 1), seed=self.seed)
        between = images + mix * (fake - images)
        slopes = input_gradient(lambda x: ops.sum(self.discriminator(x, training=True)), between)
        norms = ops.sqrt(ops.sum(ops.square(slopes), axis=(1, 2, 3)) + 1e-12)
        return ops.mean(said_fake) - ops.mean(said_real) + self.penalty * ops.mean(ops.square(norms - 1.0))

    def generator_loss(self, images: Any) -> Any:
        said = self.discriminator(self.generator(self.noise(images), training=True), training=True)
        return -ops.mean(said) if self.penalty else cross_entropy(said, 1.0)

    if keras.backend.backend() == "jax":

        def train_step(self, state: Any, data: Any) -> Any:
            return stateless_step(self, state, data[0] if isinstance(data, tuple) else data)

    else:

        def train_step(self, data: Any) -> Any:  # type: ignore[misc]  # JAX's has another signature
            images = data[0] if isinstance(data, tuple) else data
            logs = {}
            for name, network, optimizer, loss_of in parts(self):
                loss, gradients = gradients_of(partial(loss_of, images), network.trainable_weights)
                optimizer.apply(gradients, network.trainable_weights)
                logs[name] = loss
            return logs


def parts(model: Adversarial) -> Sequence[tuple[str, Any, Any, Callable[[Any], Any]]]:
    return (
        ("d_loss", model.discriminator, model.d_optimizer, model.discriminator_loss),
        ("g_loss", model.generator, model.g_optimizer, model.generator_loss),
    )


def cross_entropy(logits: Any, label: float) -> Any:
    return ops.mean(keras.losses.binary_crossentropy(ops.full_like(logits, label), logits, from_logits=True))


def gradients_of(loss_of: Callable[[], Any], weights: Sequence[Any]) -> tuple[Any, Any]:
    """TensorFlow and PyTorch: a loss and its gradients, in the order of the weights."""
    if keras.backend.backend() == "torch":
        import torch

        loss = loss_of()
        return loss, torch.autograd.grad(loss, [weight.value for weight in weights])
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = loss_of()
    return loss, tape.gradient(loss, list(weights))


def input_gradient(function: Callable[[Any], Any], x: Any) -> Any:
    """The gradient of a scalar by the input, itself differentiable."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.grad(function)(x)
    if backend == "torch":
        import torch

        return torch.autograd.grad(function(x), x, create_graph=True)[0]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x)


def stateless_step(model: Adversarial, state: Any, images: Any) -> Any:
    """JAX: variables go in and come out; the two networks are updated one after the other."""
    trainable, other, optimizer, metrics = state
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    values = {id(v): value for v, value in zip(variables, [*trainable, *other], strict=True)}
    logs = {}
    for name, network, rule, loss_of in parts(model):
        logs[name], changed = updated(values, variables, network.trainable_variables, rule, partial(loss_of, images))
        values |= changed
    new = [values[id(v)] for v in variables]
    return logs, (new[: len(trainable)], new[len(trainable) :], optimizer, metrics)


def updated(values: Any, variables: Any, weights: Any, rule: Any, loss_of: Callable[[], Any]) -> tuple[Any, Any]:
    """A loss, and the values of what one network's step changes: by the identity of the variable."""
    import jax

    def loss_and_state(new: Any) -> Any:
        known = values | {id(v): value for v, value in zip(weights, new, strict=True)}
        with keras.StatelessScope([(v, known[id(v)]) for v in variables]) as scope:
            loss = loss_of()
        return loss, {id(v): scope.get_current_value(v) for v in variables if not v.trainable}

    old = [values[id(v)] for v in weights]
    (loss, changed), gradients = jax.value_and_grad(loss_and_state, has_aux=True)(old)
    new, rule_values = rule.stateless_apply([changed[id(v)] for v in rule.variables], gradients, old)
    changed |= {id(v): value for v, value in zip(weights, new, strict=True)}
    changed |= {id(v): value for v, value in zip(rule.variables, rule_values, strict=True)}
    return loss, changed
