"""The step on JAX: `jax.jit` of the model's stateless `train_step` / `predict_step`, as `fit` makes it.

Source: `make_train_function` in Keras 3 is `jit(train_step, donate_argnums=0)`; the state is the
documented tuple of https://keras.io/guides/custom_train_step_in_jax/.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import keras
import numpy as np

from anatomy.bench.backends.step import Batch, WeightSums, checksum, loss_of
from anatomy.bench.records.case import Mode


class JaxStep:
    """A jitted pure function with the state it carries from step to step."""

    def __init__(self, model: Any, batch: Batch, mode: Mode) -> None:
        self._train = mode == "train"
        self._paths = [variable.path for variable in model.trainable_variables]
        self.use(batch)
        python_step = model.train_step if self._train else model.predict_step
        self._groups = [model.trainable_variables, model.non_trainable_variables]
        if self._train:
            self._groups += [model.optimizer.variables, model.metrics_variables]
        # The arrays are donated as `fit` does, and not copied; see `restore`.
        self._state: Any = tuple([variable.value for variable in group] for group in self._groups)
        self.function = self._compiled(python_step) if model.jit_compile and not model.run_eagerly else python_step

    def hlo_text(self) -> str:
        """The compiled program as text; compiling is cached."""
        return str(self.function.lower(self._state, self._data).compile().as_text())

    def weight_arguments(self) -> dict[str, Any]:
        """What the program calls the argument of each trainable weight → the model's variable."""
        return {f"state[0][{place}]": variable for place, variable in enumerate(self._groups[0])}

    def _compiled(self, python_step: Any) -> Any:
        """As Keras's `make_train_function` does; on several devices the state stays where it lies."""
        options: dict[str, Any] = {"donate_argnums": (0,)} if self._train else {}
        if keras.distribution.distribution() is not None:
            places = jax.tree.map(lambda array: array.sharding, self._state)
            options["out_shardings"] = (None, places if self._train else places[1])
        return jax.jit(python_step, **options)

    def launch(self) -> Any:
        """Dispatch one step (asynchronous); returns the logs (train) or the outputs (infer)."""
        outputs, state = self.function(self._state, self._data)
        # predict_step hands back the non-trainable part alone, without recurrent states: Keras does not track them.
        self._state = state if self._train else (self._state[0], state)
        return outputs

    def drain(self, outputs: Sequence[Any]) -> None:
        """Block on every output and on the state the last step left."""
        jax.block_until_ready((list(outputs), self._state))

    def loss(self, outputs: Any) -> float | None:
        """The running mean that Keras reports under `loss`."""
        return loss_of(outputs) if self._train else None

    def use(self, batch: Batch) -> None:
        """Put the batch on the device."""
        self._data = jax.block_until_ready(jax.device_put(batch.of_step(self._train)))

    def fetch(self, outputs: Any) -> list[np.ndarray[Any, Any]]:
        """Copies on the host; reading waits for the values."""
        return [np.array(leaf) for leaf in jax.tree.leaves(outputs)]

    def weights(self) -> WeightSums:
        """Of the state that is carried from step to step.

        Of copies: an array keeps the view that numpy has had of it, and could not be donated any more.
        """
        named = zip(self._paths, self._state[0], strict=True)
        return [(path, checksum(np.asarray(jax.numpy.copy(array)))) for path, array in named]

    def put_weights(self, values: Sequence[np.ndarray[Any, Any]]) -> None:
        """Put arrays of the weights' own dtypes and places into the state."""
        old = self._state[0]
        new = [jax.device_put(jax.numpy.asarray(v, a.dtype), a.sharding) for v, a in zip(values, old, strict=True)]
        self._state = (new, *self._state[1:])

    def restore(self) -> None:
        """Assign the state: the arrays that the variables held were donated."""
        for group, values in zip(self._groups, self._state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)

    def programs(self) -> int:
        """Entries of the jitted function's cache."""
        return int(self.function._cache_size()) if hasattr(self.function, "_cache_size") else 0


def initialise(seed: int) -> None:
    """Create the client of the default backend; JAX has no global seed, its keys come from Keras."""
    jax.devices()


def prepare(model: Any, batch: Batch, mode: Mode) -> JaxStep:
    """Put the batch on the device and take the state out of the model."""
    return JaxStep(model, batch, mode)


def refusal(model: Any, batch: Batch) -> Exception | None:
    """Traced on shapes."""
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    state = tuple([variable.value for variable in group] for group in groups)
    try:
        jax.eval_shape(model.train_step, state, batch.of_step(True))
    except Exception as error:  # noqa: BLE001  # the boundary: a model's own step refuses in any way it likes
        return error
    return None


def settings(model: Any, step: JaxStep) -> dict[str, Any]:
    """JAX's settings in effect. XLA on CPU sizes its own pool; JAX has no way to ask for it."""
    device = jax.devices()[0]
    return {
        "jit": bool(model.jit_compile) and not model.run_eagerly,
        "threads_intra": None,
        "threads_inter": None,
        "tf32": None,
        "matmul_precision": jax.config.jax_default_matmul_precision or "default",
        "device": device.device_kind if device.platform != "cpu" else "cpu",
        "donated_buffers": step._train and bool(model.jit_compile) and not model.run_eagerly,
    }


def peak_device_bytes() -> tuple[int | None, str]:
    """`Device.memory_stats()`, which is null on CPU."""
    stats = jax.devices()[0].memory_stats()
    if not stats or "peak_bytes_in_use" not in stats:
        return None, "JAX keeps no memory statistics on this device"
    return int(stats["peak_bytes_in_use"]), ""


def on_cpu() -> bool:
    """Whether steps run on the CPU."""
    return bool(jax.devices()[0].platform == "cpu")
