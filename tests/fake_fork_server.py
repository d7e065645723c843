"""A fork server with a scripted backend: `python -m tests.fake_fork_server BACKEND LOGS_FOLDER`.

Everything but the step is real: the fork, the worker, the built model, the protocol. The step computes nothing and its
clock is scripted: each launch takes `STEP_S` seconds of a clock that runs ahead of the real one, and no time at all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

STEP_S = 0.02
_ahead_s = 0.0
_perf_counter, _process_time = time.perf_counter, time.process_time


class FakeStep:
    """A step that is launched and done; its loss goes down, its weight moves, its output follows its input."""

    def __init__(self, model: Any, batch: Any) -> None:
        self.launched = 0
        self._script = getattr(model, "script", {})
        self._losses = 0.0
        self.use(batch)

    def launch(self) -> int:
        global _ahead_s
        self.launched += 1
        _ahead_s += STEP_S
        self._losses += self._script.get("loss", 1 / self.launched)
        return self.launched

    def drain(self, outputs: Sequence[Any]) -> None:
        return None

    def loss(self, outputs: Any) -> float:
        """Keras's running mean."""
        return self._losses / self.launched

    def use(self, batch: Any) -> None:
        first = batch.x
        if len(first) > self._script.get("fits", len(first)):
            raise MemoryError(f"a batch of {len(first)}")
        self._output = np.array([0.5 if "constant" in self._script else np.mean(first)])

    def fetch(self, outputs: Any) -> list[np.ndarray[Any, Any]]:
        return [self._output]

    def weights(self) -> list[tuple[str, int]]:
        return [("dense/kernel", 0 if "frozen" in self._script else self.launched)]

    def put_weights(self, values: Sequence[Any]) -> None:
        return None

    def restore(self) -> None:
        return None

    def programs(self) -> int:
        return 1


class FakeBackend:
    """Stands in for the module of a backend."""

    def initialise(self, seed: int) -> None:
        return None

    def prepare(self, model: Any, batch: Any, mode: str) -> FakeStep:
        return FakeStep(model, batch)

    def refusal(self, model: Any, batch: Any) -> Exception | None:
        return None

    def settings(self, model: Any, step: Any) -> dict[str, Any]:
        return {"jit": False, "device": "cpu"}

    def on_cpu(self) -> bool:
        return True

    def peak_device_bytes(self) -> tuple[int | None, str]:
        return None, "a fake device has no memory"


def stand_in() -> None:
    """Put the scripted clock and step in the place of the real ones, before any module takes its clock."""
    time.perf_counter = lambda: _perf_counter() + _ahead_s
    time.process_time = lambda: _process_time() + _ahead_s
    # The quickest backend to import; no step of it is ever run.
    os.environ["KERAS_BACKEND"] = "numpy"
    import keras

    from anatomy.bench.backends import step

    # It would compute a loss on the numpy backend, which no step here does.
    keras.Model._symbolic_build = lambda *_, **__: None
    step.load = lambda backend: FakeBackend()  # type: ignore[assignment]


def main() -> None:
    stand_in()
    from anatomy.bench.runner import fork_server

    fork_server.main()


if __name__ == "__main__":
    main()
