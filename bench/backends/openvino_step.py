"""The step on OpenVINO: `Model.predict_step`, which compiles the graph once and returns numpy arrays.

There is no asynchronous path and no training. On CPUs with bfloat16 instructions OpenVINO may
compute in bfloat16 under a float32 policy: `matmul_precision` in the settings says what it chose
(https://docs.openvino.ai/, property INFERENCE_PRECISION_HINT).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import openvino

from anatomy.bench.backends.step import Batch, WeightSums
from anatomy.bench.records.case import Mode


class OpenVinoStep:
    """Keras's compiled OpenVINO model bound to a batch."""

    def __init__(self, model: Any, batch: Batch) -> None:
        self._model = model
        self.use(batch)
        self._programs: dict[int, Any] = {}

    def launch(self) -> Any:
        """Run one inference; finished when it returns."""
        return self._model.predict_step(self._data)

    def drain(self, outputs: Sequence[Any]) -> None:
        """Nothing to wait for: outputs are numpy arrays already."""

    def loss(self, outputs: Any) -> float | None:
        """Inference has no loss."""
        return None

    def use(self, batch: Batch) -> None:
        """Inputs stay on the host."""
        self._data = (batch.x,)

    def fetch(self, outputs: Any) -> list[np.ndarray[Any, Any]]:
        """Copies; the outputs are numpy arrays already."""
        return [np.array(leaf) for leaf in keras.tree.flatten(outputs)]

    def weights(self) -> WeightSums:
        """Nothing trains here."""
        raise NotImplementedError("Keras on OpenVINO does not train")

    def put_weights(self, values: Sequence[np.ndarray[Any, Any]]) -> None:
        """Assign them, and drop the compiled model, whose constants the weights are: the next step compiles anew."""
        for variable, value in zip(self._model.trainable_variables, values, strict=True):
            variable.assign(value)
        self._model.ov_compiled_model = None

    def restore(self) -> None:
        """Nothing to do: the step works on the model's own variables."""

    def programs(self) -> int:
        """Compiled models seen when this was asked; Keras keeps one and replaces it when shapes change."""
        compiled = getattr(self._model, "ov_compiled_model", None)
        if compiled is not None:
            # Held, so that no later one can have its identity.
            self._programs[id(compiled)] = compiled
        return len(self._programs)


def initialise(seed: int) -> None:
    """Load the runtime and its CPU plug-in; nothing random runs on it."""
    openvino.Core().get_property("CPU", "FULL_DEVICE_NAME")


def prepare(model: Any, batch: Batch, mode: Mode) -> OpenVinoStep:
    """Bind the batch; `mode` is always infer here."""
    if mode != "infer":
        raise NotImplementedError("Keras on OpenVINO predicts only; use --mode infer")
    return OpenVinoStep(model, batch)


def refusal(model: Any, batch: Batch) -> Exception | None:
    """Nothing trains here."""
    return NotImplementedError("Keras on OpenVINO does not train")


def settings(model: Any, step: OpenVinoStep) -> dict[str, Any]:
    """Properties of the compiled model. Where Keras did not compile one, they are null."""
    compiled = getattr(model, "ov_compiled_model", None)
    return {
        "jit": compiled is not None,
        "threads_intra": compiled and int(compiled.get_property("INFERENCE_NUM_THREADS")),
        "threads_inter": compiled and int(compiled.get_property("NUM_STREAMS")),
        "tf32": None,
        "matmul_precision": compiled and compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name(),
        "device": "cpu",
        "donated_buffers": False,
    }


def peak_device_bytes() -> tuple[int | None, str]:
    """The CPU plug-in works in host memory."""
    return None, "OpenVINO on CPU: the model's memory is host memory"


def on_cpu() -> bool:
    """Whether steps run on the CPU."""
    return True
