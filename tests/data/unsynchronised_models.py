"""Models whose own code does not synchronise gradients between devices, one way a backend."""

from typing import Any

import keras


def build() -> Any:
    """A classifier of 8 values; on one device it trains as any other."""
    inputs = keras.Input((8,), name="input")
    hidden = keras.layers.Dense(16, activation="relu", name="hidden")(inputs)
    outputs = keras.layers.Dense(4, activation="softmax", name="predictions")(hidden)
    return {"torch": _bypassing, "tensorflow": _summing_nothing, "jax": _each_for_itself}[keras.backend.backend()](
        inputs, outputs
    )


def _bypassing(inputs: Any, outputs: Any) -> Any:
    """torch: a train step that calls the layers and not the model, so that DDP's hooks are never prepared."""

    class Bypassing(keras.Model):
        def train_step(self, data: Any) -> Any:
            import torch

            x, y = data
            y_pred = x
            for layer in self.layers[1:]:
                y_pred = layer(y_pred)
            self.zero_grad()
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
            self._loss_tracker.update_state(loss, sample_weight=len(x))
            loss.backward()
            with torch.no_grad():
                self.optimizer.apply([v.value.grad for v in self.trainable_weights], self.trainable_weights)
            return self.compute_metrics(x, y, y_pred)

    return Bypassing(inputs, outputs)


def _summing_nothing(inputs: Any, outputs: Any) -> Any:
    """TensorFlow: an optimizer that applies each replica's own gradients."""

    class Local(keras.optimizers.SGD):
        def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
            return list(grads_and_vars)

    model = keras.Model(inputs, outputs)
    model.compile(Local(0.01), "sparse_categorical_crossentropy")
    return model


def _each_for_itself(inputs: Any, outputs: Any) -> Any:
    """JAX: the whole step mapped over the devices, each with its part of the batch."""

    class EachForItself(keras.Model):
        def train_step(self, state: Any, data: Any) -> Any:
            import jax

            distribution = keras.distribution.distribution()
            if distribution is None:
                return super().train_step(state, data)
            everywhere, split = jax.sharding.PartitionSpec(), jax.sharding.PartitionSpec("batch")
            return jax.shard_map(
                super().train_step,
                mesh=distribution.device_mesh.backend_mesh,
                in_specs=(everywhere, split),
                out_specs=everywhere,
                check_vma=False,
            )(state, data)

    return EachForItself(inputs, outputs)
