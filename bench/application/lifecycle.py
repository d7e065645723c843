"""The life of a model, stage by stage: built, trained, used, saved, exported, and used without Keras.

It runs in this process, on the backend that Keras has here (`KERAS_BACKEND`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from anatomy.bench.application.exported_model import SUFFIXES, import_exporter, load_exported, size_of
from anatomy.bench.application.lifecycle_options import FORMATS, LifecycleOptions
from anatomy.bench.application.stages import Stage, StageClock
from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.machine.temporary_folders import temporary_folder
from anatomy.bench.records.case import Case, Mode
from anatomy.bench.records.rounding_tolerance import saturated
from anatomy.bench.workload.build_case import Built, build

# An exported model and Keras's own take turns.
ROUNDS = 5
# OpenVINO computes in bfloat16 where the CPU has it, with eight bits of precision.
LARGEST_DEVIATION = 0.05
# Outputs nearer to 0 or to the largest than this share of it hide what was computed before.
SATURATED = 1e-4


def run_lifecycle(options: LifecycleOptions, clock: StageClock) -> None:
    """Run the stages, timed by `clock`. One that fails says why, and the others go on.

    Raises:
        Exception: what building the model raises.
    """
    import keras

    from anatomy.models import parse_model

    spec, backend = parse_model(options.network), keras.backend.backend()
    mode: Mode = "predict" if backend == "openvino" else "fit"
    case = Case(model=spec.model, options=spec.options, mode=mode, backend=backend, batch_size=options.batch_size)
    with clock.stage("build, compile"):
        built = build(case)
    life = _Life(built, options, clock, keras.tree.flatten(built.batch.x))
    life.train()
    life.predict()
    with temporary_folder("lifecycle") as folder:
        life.save(folder)
        for name in FORMATS:
            life.export(name, folder / f"exported{SUFFIXES[name]}")


class _Life:
    """The stages after the model is built."""

    def __init__(self, built: Built, options: LifecycleOptions, clock: StageClock, leaves: list[Any]) -> None:
        import keras

        self.model, self.batch, self.clock, self.leaves = built.model, built.batch, clock, leaves
        self.batches, self.size = options.batches, options.batch_size
        self.examples = options.batches * options.batch_size
        parts = (built.batch.x,) if built.batch.y is None else (built.batch.x, built.batch.y)
        self.data = tuple(keras.tree.map_structure(lambda array: np.concatenate([array] * self.batches), parts))
        self.expected: list[Any] = []

    def train(self) -> None:
        """An epoch that compiles and one that does not, steps called by hand, and evaluation."""
        for name in ("fit, first", "fit"):
            with self._attempt(name, self.examples) as stage:
                self._require_training()
                logs = self.model.fit(*self.data, batch_size=self.size, epochs=1, shuffle=False, verbose=0).history
                stage.loss = float(logs["loss"][0]) if "loss" in logs else None
        for name, batches in (("train_on_batch, first", 1), ("train_on_batch", self.batches)):
            with self._attempt(name, batches * self.size):
                self._require_training()
                for _ in range(batches):
                    self.model.train_on_batch(self.batch.x, self.batch.y)
        for name in ("evaluate, first", "evaluate"):
            with self._attempt(name, self.examples):
                self._require_training()
                self.model.evaluate(*self.data, batch_size=self.size, verbose=0)

    def predict(self) -> None:
        """Predictions of all examples; those of a batch are what loaded and exported models are compared with."""
        import keras

        for name in ("predict, first", "predict"):
            with self._attempt(name, self.examples):
                self.model.predict(self.data[0], batch_size=self.size, verbose=0)
        self.expected = keras.tree.flatten(self.model.predict_on_batch(self.batch.x))

    def save(self, folder: Path) -> None:
        """The whole model and its weights, written and read."""
        import keras

        model_file, weights = folder / "model.keras", folder / "model.weights.h5"
        with self._attempt("save .keras") as stage:
            self.model.save(model_file)
            stage.size_bytes = model_file.stat().st_size
        with self._attempt("load .keras") as stage:
            _require_file(model_file)
            loaded = _timed(stage, lambda: keras.saving.load_model(model_file))
            stage.size_bytes = model_file.stat().st_size
            self._compare(stage, keras.tree.flatten(loaded.predict_on_batch(self.batch.x)))
        with self._attempt("save weights") as stage:
            self.model.save_weights(weights)
            stage.size_bytes = weights.stat().st_size
        with self._attempt("load weights") as stage:
            _require_file(weights)
            _timed(stage, lambda: self.model.load_weights(weights))
            stage.size_bytes = weights.stat().st_size
            self._compare(stage, keras.tree.flatten(self.model.predict_on_batch(self.batch.x)))

    def export(self, name: str, path: Path) -> None:
        """A format: written, loaded, and called in turns with Keras's own `predict_on_batch`."""
        import keras

        with self._attempt(f"export {name}") as stage:
            import_exporter(name, keras.backend.backend())
            _timed(stage, lambda: self.model.export(str(path), format=FORMATS[name], verbose=False))
            stage.size_bytes = size_of(path)
        infer: Any = None
        with self._attempt(f"load {name}") as stage:
            _require_file(path)
            infer = _timed(stage, lambda: load_exported(name, path))
            stage.size_bytes = size_of(path)
        with self._attempt(f"infer {name}", self.examples) as stage:
            if infer is None:
                raise NotImplementedError(f"no {name} file was loaded")
            self._compare(stage, infer(self.leaves))
            stage.seconds, stage.beside_s = self._in_turns(lambda: infer(self.leaves))

    def _in_turns(self, exported: Callable[[], Any]) -> tuple[float, float]:
        """Seconds of all batches by the exported model and by Keras, medians over turns."""
        ours: list[float] = []
        keras_own: list[float] = []
        for _ in range(ROUNDS):
            ours.append(self._seconds(exported))
            keras_own.append(self._seconds(lambda: self.model.predict_on_batch(self.batch.x)))
        return median(ours), median(keras_own)

    def _seconds(self, call: Callable[[], Any]) -> float:
        start = time.perf_counter()
        for _ in range(self.batches):
            call()
        return time.perf_counter() - start

    def _compare(self, stage: Stage, found: list[Any]) -> None:
        """Note the largest deviation from Keras's own outputs, over their largest value.

        Outputs that are all but 0 and their largest value are so whatever was computed before: they say nothing.

        Raises:
            InvalidCaseError: it is more than a lower precision explains.
        """
        if len(found) != len(self.expected):
            raise ValueError(f"{len(found)} outputs, where Keras has {len(self.expected)}")
        deviations = []
        for ours, theirs in zip(self.expected, found, strict=True):
            if ours.shape != theirs.shape:
                raise ValueError(f"an output of shape {theirs.shape}, where Keras has {ours.shape}")
            scale = float(np.abs(ours).max()) or 1.0
            deviations.append(float(np.abs(ours.astype(float) - theirs.astype(float)).max()) / scale)
        deviation = max(deviations, default=0.0)
        if not deviation <= LARGEST_DEVIATION:
            raise InvalidCaseError(
                f"the outputs deviate from Keras's own by {deviation:.2g} of their largest value; bfloat16 explains"
                f" {LARGEST_DEVIATION:g} at most"
            )
        if not all(saturated(ours.ravel().tolist(), SATURATED) for ours in self.expected):
            stage.deviation = deviation

    def _require_training(self) -> None:
        if len(self.data) == 1:
            import keras

            raise NotImplementedError(f"Keras on {keras.backend.backend()} does not train")

    @contextmanager
    def _attempt(self, name: str, examples: int = 0) -> Iterator[Stage]:
        """A stage whose failure is its own."""
        try:
            with self.clock.stage(name, examples) as stage:
                yield stage
        except Exception as error:  # noqa: BLE001  # the boundary: converters raise what they like, and the rest goes on
            self.clock.failed(name, error)


def _timed(stage: Stage, call: Callable[[], Any]) -> Any:
    """Time a part of a stage, without what checks it."""
    start = time.perf_counter()
    result = call()
    stage.seconds = time.perf_counter() - start
    return result


def _require_file(path: Path) -> None:
    if not path.exists():
        raise NotImplementedError(f"no {path.suffix or 'folder'} was written")
