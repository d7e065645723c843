"""The step on torch: `Model.train_step` / `predict_step`, eager or under `torch.compile`, as `fit` makes it.

Source: `make_train_function` in Keras 3 calls `train_step` as it is, or wraps it in
`torch.compile` when `jit_compile` is on; prediction runs under `torch.no_grad()`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import torch

from anatomy.bench.backends.cudnn_layers import is_on_cudnn
from anatomy.bench.backends.step import Batch, WeightSums, checksum, loss_of
from anatomy.bench.records.case import Mode


class TorchStep:
    """A bound step function and a batch on the device."""

    def __init__(self, model: Any, batch: Batch, mode: Mode) -> None:
        self._train = mode == "train"
        self._model = model
        self.use(batch)
        model.train(self._train)
        python_step = model.train_step if self._train else _without_gradients(model.predict_step)
        self._compiles = bool(model.jit_compile) and not model.run_eagerly
        self.function = torch.compile(python_step) if self._compiles else python_step

    def launch(self) -> Any:
        """Run one step; on CUDA the kernels may be unfinished when it returns."""
        return self.function(self._data)

    def drain(self, outputs: Sequence[Any]) -> None:
        """Wait for the device and read the scalars of the logs."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if self._train:
            for value in keras.tree.flatten(list(outputs)):
                if torch.is_tensor(value):
                    value.detach().cpu()

    def loss(self, outputs: Any) -> float | None:
        """The running mean that Keras reports under `loss`."""
        return loss_of(outputs) if self._train else None

    def use(self, batch: Batch) -> None:
        """Convert the batch to tensors on the device."""
        self._data = keras.tree.map_structure(keras.ops.convert_to_tensor, batch.of_step(self._train))

    def fetch(self, outputs: Any) -> list[np.ndarray[Any, Any]]:
        """Copies on the host; reading waits for the values. bfloat16, which numpy lacks, becomes float32."""
        leaves = (torch.as_tensor(leaf).detach() for leaf in keras.tree.flatten(outputs))
        return [np.array((leaf.float() if leaf.dtype == torch.bfloat16 else leaf).cpu()) for leaf in leaves]

    def weights(self) -> WeightSums:
        """Of the model's own variables."""
        values = ((v.path, v.value.detach().cpu().contiguous()) for v in self._model.trainable_variables)
        # numpy has no bfloat16: the bits are the same as bytes.
        return [(path, checksum(value.reshape(-1).view(torch.uint8).numpy())) for path, value in values]

    def put_weights(self, values: Sequence[np.ndarray[Any, Any]]) -> None:
        """Assign them to the model's own variables."""
        with torch.no_grad():
            for variable, value in zip(self._model.trainable_variables, values, strict=True):
                variable.assign(value)

    def restore(self) -> None:
        """Nothing to do: the step works on the model's own variables."""

    def programs(self) -> int:
        """Graphs that `torch.compile` made in this process; 0 in eager mode."""
        if not self._compiles:
            return 0
        return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])


def _cudnn_tf32() -> bool:
    """Torch's switch for cuDNN, which unlike that for products is on unless it is turned off.

    https://docs.pytorch.org/docs/stable/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices
    """
    try:
        return bool(torch.backends.cudnn.allow_tf32)
    except RuntimeError:
        # Its newer switches for convolutions and recurrent layers differ: one of them is on.
        return True


def _without_gradients(step: Any) -> Any:
    def predict(data: Any) -> Any:
        with torch.no_grad():
            return step(data)

    return predict


def initialise(seed: int) -> None:
    """Seed, and create the device's context."""
    torch.manual_seed(seed)
    keras.ops.convert_to_tensor(0.0)


def prepare(model: Any, batch: Batch, mode: Mode) -> TorchStep:
    """Put the batch on the device and choose the model's step."""
    return TorchStep(model, batch, mode)


def refusal(model: Any, batch: Batch) -> Exception | None:
    """Run once, since torch traces nothing, and taken back."""
    variables = [*model.variables, *model.metrics_variables]
    before = [variable.value.detach().clone() for variable in variables]
    data = keras.tree.map_structure(keras.ops.convert_to_tensor, batch.of_step(True))
    model.train(True)
    try:
        model.train_step(data)
    except Exception as error:  # noqa: BLE001  # the boundary: a model's own step refuses in any way it likes
        return error
    finally:
        with torch.no_grad():
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)
        model.zero_grad()
        model.reset_metrics()
    return None


def settings(model: Any, step: TorchStep) -> dict[str, Any]:
    """Torch's settings in effect."""
    on_cuda = torch.cuda.is_available()
    return {
        "jit": bool(model.jit_compile) and not model.run_eagerly,
        "threads_intra": torch.get_num_threads(),
        "threads_inter": torch.get_num_interop_threads(),
        "tf32": torch.backends.cuda.matmul.allow_tf32 if on_cuda else None,
        "cudnn_tf32": _cudnn_tf32() if on_cuda and any(map(is_on_cudnn, model._flatten_layers())) else None,
        "matmul_precision": torch.get_float32_matmul_precision(),
        "device": torch.cuda.get_device_name() if on_cuda else "cpu",
        "donated_buffers": False,
    }


def peak_device_bytes() -> tuple[int | None, str]:
    """`torch.cuda.max_memory_allocated`, which answers 0 silently without CUDA: guarded."""
    if not torch.cuda.is_available():
        return None, "no CUDA device: the model's memory is host memory"
    return int(torch.cuda.max_memory_allocated()), ""


def on_cpu() -> bool:
    """Whether steps run on the CPU."""
    return not torch.cuda.is_available()
