"""Models whose builder plants a fault of measuring into the step class of the worker's own process.

Each is a mistake that published benchmarks have made; every one must be caught.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import Any

import keras

BACKEND = os.environ["KERAS_BACKEND"]
# Frameworks let the host run ahead by so many steps, and then make it wait.
IN_FLIGHT = 256
_CLASSES = {"tensorflow": "TensorFlowStep", "jax": "JaxStep", "torch": "TorchStep", "openvino": "OpenVinoStep"}


def honest() -> Any:
    """Large enough for a step of about a millisecond."""
    return keras.Sequential(
        [keras.Input((256,)), keras.layers.Dense(2048), keras.layers.Dense(10, activation="softmax")]
    )


def undrained() -> Any:
    """Asynchronous steps that nobody waits for: the clock reads the time of dispatch."""
    step = _step_class()
    real_launch, real_fetch = step.launch, step.fetch
    queue = ThreadPoolExecutor(1)
    free = threading.Semaphore(IN_FLIGHT)

    def work(self: Any) -> Any:
        try:
            return real_launch(self)
        finally:
            free.release()

    def launch(self: Any) -> Future[Any]:
        free.acquire()
        return queue.submit(work, self)

    step.launch = launch
    step.drain = lambda self, outputs: None
    step.fetch = lambda self, outputs: real_fetch(self, outputs.result())
    step.loss = lambda self, outputs: None
    return honest()


def returns_early() -> Any:
    """Outputs are there at once, those of the step before; the work goes on behind."""
    step = _step_class()
    real_launch = step.launch
    finished: list[Any] = []
    queue = ThreadPoolExecutor(1)
    free = threading.Semaphore(IN_FLIGHT)

    def work(self: Any) -> None:
        self.real_drain([real_launch(self)])
        free.release()

    def launch(self: Any) -> Any:
        if not finished:
            finished.append(real_launch(self))
        free.acquire()
        queue.submit(work, self)
        return finished[0]

    step.real_drain = step.drain
    step.drain = lambda self, outputs: [self.fetch(item) for item in outputs]
    step.launch = launch
    return honest()


def skips() -> Any:
    """While outputs are outstanding nothing is computed: a block counts many steps and does one."""
    step = _step_class()
    real_launch, real_drain = step.launch, step.drain
    outstanding: list[Any] = []

    def launch(self: Any) -> Any:
        if not outstanding:
            outstanding.append(real_launch(self))
        return outstanding[0]

    def drain(self: Any, outputs: Any) -> None:
        real_drain(self, outputs)
        outstanding.clear()

    step.launch, step.drain = launch, drain
    return honest()


def disagrees_once() -> Any:
    """No fault of the step: the machine changed its speed in the first window."""
    measured_window: Any = import_module("anatomy.bench.measurement.measured_window")
    real, calls = measured_window.check_clock, [0]

    def check(*given: Any, **named: Any) -> Any:
        calls[0] += 1
        found = real(*given, **named)
        return found.model_copy(update={"verdict": "disagrees", "reason": "planted"}) if calls[0] == 1 else found

    measured_window.check_clock = check
    return honest()


def folded() -> Any:
    """The inputs became constants, and the compiler computed the outputs once and for all."""
    step = _step_class()
    real_launch = step.launch
    constant: list[Any] = []

    def launch(self: Any) -> Any:
        if not constant:
            constant.append(real_launch(self))
        return constant[0]

    step.launch = launch
    return honest()


def folded_by_xla() -> Any:
    """The same on JAX, by the compiler itself: the jitted function closes over its data."""
    import jax

    step = _step_class()
    compiled: list[Any] = []

    def launch(self: Any) -> Any:
        if not compiled:
            state, data, function = self._state, self._data, self.function
            compiled.append(jax.jit(lambda: function(state, data)[0]))
        return compiled[0]()

    step.launch = launch
    return honest()


def does_not_update() -> Any:
    """A training step without an update is a forward pass with a better name."""
    return _compiled(learning_rate=0.0)


def climbs() -> Any:
    """Wrong sign of the gradient."""
    return _compiled(learning_rate=-0.01)


def not_finite() -> Any:
    """A weight that training has ruined makes every output NaN, as fast as a good one."""
    model = honest()
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, bias + float("inf")])
    return model


def becomes_infinite() -> Any:
    """The first steps are in order; something grows from step to step, and then is too large."""
    step = _step_class()
    real_launch = step.launch
    launched = [0]

    def launch(self: Any) -> Any:
        launched[0] += 1
        outputs = real_launch(self)
        return outputs if launched[0] < 4 else keras.tree.map_structure(lambda part: part * float("inf"), outputs)

    step.launch = launch
    return honest()


def recompiles() -> Any:
    """Every thirtieth step comes with a dtype of its own."""
    step = _step_class()
    real_launch = step.launch
    launched = [0]
    dtypes = ["float16", "bfloat16", "int32", "int16", "int8", "uint8", "uint16", "uint32"]

    def launch(self: Any) -> Any:
        launched[0] += 1
        if launched[0] % 30 or not dtypes:
            return real_launch(self)
        data = self._data
        self._data = (keras.ops.cast(data[0], dtypes.pop()),)
        outputs = real_launch(self)
        self._data = data
        return outputs

    step.launch = launch
    return honest()


def _compiled(learning_rate: float) -> Any:
    model = honest()
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss="sparse_categorical_crossentropy")
    return model


def _step_class() -> Any:
    return getattr(import_module(f"anatomy.bench.backends.{BACKEND}_step"), _CLASSES[BACKEND])
