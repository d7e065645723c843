"""Models that end badly, each in its own way, for the tests of outcomes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any


def fine(units: int = 8) -> Any:
    import keras

    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dense(2, activation="softmax")])


def killed() -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def segfault() -> Any:
    os.kill(os.getpid(), signal.SIGSEGV)


def leaves() -> Any:
    os._exit(7)


def babbles() -> Any:
    """Writes to every pipe of its process, its supervisor's among them."""
    for descriptor in Path("/proc/self/fd").iterdir():
        if int(descriptor.name) > 2 and descriptor.is_symlink() and str(descriptor.readlink()).startswith("pipe:"):
            os.write(int(descriptor.name), b"\xff is no event\n")
    return fine()


def raises() -> Any:
    raise RuntimeError("this model cannot be built")


def never_returns() -> Any:
    while True:
        time.sleep(1)


def allocates_without_bound() -> Any:
    hoard = []
    while True:
        hoard.append(bytearray(os.urandom(1 << 20) * 16))


def not_a_model() -> Any:
    return 42


def open_shape() -> Any:
    import keras

    inputs = keras.Input((None, 3))
    return keras.Model(inputs, keras.layers.LSTM(2)(inputs))


def diverges() -> Any:
    import keras

    model = fine()
    model.compile(optimizer=keras.optimizers.SGD(float("nan")), loss="sparse_categorical_crossentropy")
    return model


def without_config() -> Any:
    """Measurable, but its optimizer cannot say what it is."""
    import keras

    class Secret(keras.optimizers.SGD):
        def get_config(self) -> Any:
            raise RuntimeError("no config here")

    model = fine()
    model.compile(optimizer=Secret(0.01), loss="sparse_categorical_crossentropy")
    return model


def leaves_children(place: str) -> Any:
    """A process that outlives its worker, such as a loader's; its number is written to `place`."""
    import subprocess

    child = subprocess.Popen(["sleep", "300"])
    Path(place).write_text(str(child.pid))
    return fine()


def leaves_children_and_dies(place: str) -> Any:
    leaves_children(place)
    os._exit(7)
