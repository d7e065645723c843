"""The step of a program in PyTorch: eager or under `torch.compile`, in the memory format that is faster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import torch

from anatomy.bench.backends.step import Batch, WeightSums
from anatomy.bench.native.program import Array, Program, Weight, as_it_is
from anatomy.bench.native.step_data import TrainableWeights, input_arrays, keras_outputs, target_arrays
from anatomy.bench.native.torch_format_trial import FORMATS, FormatTrial
from anatomy.bench.native.torch_weights import ToKeras
from anatomy.bench.records.case import Mode

# Where a model keeps the step that holds its weights.
_HOLDER = "_native_torch_step"


class NativeTorchStep:
    """A `Network` with the model's weights, and a batch on the device.

    Keras's variables become views of the network's parameters, or are empty until `restore`, where no view of a
    parameter has Keras's order: no weight lies in memory twice.

    Attributes:
        memory_format: `contiguous` or `channels_last`, the faster one; a module of the user's is left as it is.
        layouts: seconds per step in each format that was tried; empty for a network without image layers.
    """

    def __init__(self, program: Program, batch: Batch, mode: Mode, jit: bool, model: Any) -> None:
        holder = vars(model).get(_HOLDER)
        if holder is not None:
            holder.restore()
        self._program, self._model, self._train, self._jit = program, model, mode == "train", jit
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._names = program.load()
        with torch.device(self._device):
            self._network = self._names["Network"]()
        for weight in program.weights:
            self._put(weight, weight.to_native(_array(weight.variable)))
        self._network.train(self._train)
        self._weights = TrainableWeights(model, program, self._read)
        self.memory_format = "as the module has it" if program.bound else "contiguous"
        self.use(batch)
        self._called = self._network
        self._optimizer = self._new_optimizer()
        self.layouts = self._try_formats()
        self._bind()
        vars(model)[_HOLDER] = self
        self._called = torch.compile(self._network) if jit else self._network

    @property
    def network(self) -> Any:
        """The `nn.Module` with the model's weights."""
        return self._network

    def launch(self) -> Any:
        """Run one step; returns the loss (train) or the outputs (infer). On CUDA the kernels may be unfinished."""
        if self._train:
            return self._names["train_step"](self._called, self._optimizer, self._inputs, self._targets)
        with torch.inference_mode():
            return self._called(self._inputs)

    def drain(self, outputs: Sequence[Any]) -> None:
        """Wait for the device."""
        if self._device.type == "cuda":
            torch.cuda.synchronize()

    def loss(self, outputs: Any) -> float | None:
        """The loss of the step."""
        return float(outputs) if self._train else None

    def use(self, batch: Batch) -> None:
        """Put the batch on the device, in the network's memory format."""
        inputs = (self._tensor(array) for array in input_arrays(self._model, self._program, batch))
        axes = self._program.input_axes
        self._inputs = tuple(
            x if moved is None or x.ndim != 4 else x.to(memory_format=FORMATS[self.memory_format])
            for x, moved in zip(inputs, axes, strict=True)
        )
        if self._train:
            self._targets = tuple(self._tensor(_as_torch_takes(array)) for array in target_arrays(self._model, batch))

    def fetch(self, outputs: Any) -> list[Array]:
        """Copies on the host, in Keras's axes; reading waits for the values."""
        if self._train:
            return [np.array(outputs.cpu())]
        return keras_outputs(self._program, [np.array(output.cpu()) for output in outputs])

    def weights(self) -> WeightSums:
        """Of the network's parameters."""
        return self._weights.sums()

    def put_weights(self, values: Sequence[Array]) -> None:
        """Put arrays of Keras's order into the network."""
        for weight, value in self._weights.given(values):
            self._put(weight, value)

    def restore(self) -> None:
        """Give Keras's variables that are no view of a parameter their values."""
        for weight in self._program.weights:
            if not self._is_bound(weight):
                value = weight.to_keras(self._read(weight))
                if keras.backend.backend() == "torch":
                    weight.variable.value.data = self._tensor(value)
                else:
                    weight.variable.assign(value)

    def programs(self) -> int:
        """Graphs that `torch.compile` made in this process; 0 in eager mode."""
        return int(torch._dynamo.utils.counters["stats"]["unique_graphs"]) if self._jit else 0

    def settings(self) -> dict[str, Any]:
        """What differs from Keras's step."""
        trial = {"memory_format_trial_s": self.layouts} if self.layouts else {}
        return {"donated_buffers": False, "memory_format": self.memory_format, **trial}

    def _new_optimizer(self) -> Any:
        return self._names["make_optimizer"](self._network) if self._train else None

    def _try_formats(self) -> dict[str, float]:
        """Choose the memory format; a network that is compiled is tried as it is before, one of the user's never.

        Nor is one in float64, which is not for speed.
        """
        if (
            self._program.bound
            or torch.get_default_dtype() is torch.float64
            or not any(isinstance(m, torch.nn.Conv2d | torch.nn.ConvTranspose2d) for m in self._network.modules())
        ):
            return {}
        trial = FormatTrial(self._network, self._set_format, self._step_once)
        times = trial.run()
        self._set_format(min(times, key=lambda name: times[name]))
        return times

    def _step_once(self) -> None:
        self.drain([self.launch()])

    def _set_format(self, name: str) -> None:
        self.memory_format = name
        for parameter in self._network.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=FORMATS[name])
        # What it keeps for a parameter has the parameter's strides.
        self._optimizer = self._new_optimizer()
        self._inputs = tuple(
            x if moved is None or x.ndim != 4 else x.contiguous(memory_format=FORMATS[name])
            for x, moved in zip(self._inputs, self._program.input_axes, strict=True)
        )

    def _tensor(self, array: Array) -> Any:
        return torch.from_numpy(np.array(array)).to(self._device)

    def _parameters(self, weight: Weight) -> list[Any]:
        """The parameters or buffers of a weight: two where its rows are two biases."""
        module = self._network.get_submodule(weight.layer)
        return [getattr(module, name) for name in weight.name.split()]

    def _put(self, weight: Weight, value: Array) -> None:
        found = self._parameters(weight)
        parts = value if len(found) > 1 else [value]
        with torch.no_grad():
            for parameter, part in zip(found, parts, strict=True):
                parameter.copy_(torch.from_numpy(np.array(part)))

    def _read(self, weight: Weight) -> Array:
        values = [np.array(parameter.detach().cpu()) for parameter in self._parameters(weight)]
        return values[0] if len(values) == 1 else np.stack(values)

    def _bind(self) -> None:
        """Let Keras's variables share the memory of the parameters."""
        if keras.backend.backend() != "torch":
            return
        for weight in self._program.weights:
            view = self._keras_view(weight)
            if view is None:
                # One number, stretched: a use before `restore` shows.
                view = torch.full((), float("nan"), device=self._device).expand(tuple(weight.variable.shape))
            weight.variable.value.data = view

    def _keras_view(self, weight: Weight) -> Any:
        found = self._parameters(weight)
        if len(found) > 1:
            return None
        if weight.to_keras is as_it_is:
            return found[0].data
        return weight.to_keras.view(found[0].data) if isinstance(weight.to_keras, ToKeras) else None

    def _is_bound(self, weight: Weight) -> bool:
        """Whether the variable shows what the parameter holds."""
        if keras.backend.backend() != "torch":
            return False
        view = self._keras_view(weight)
        return view is not None and view.data_ptr() == weight.variable.value.data_ptr()


def _array(variable: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(variable.value))


def _as_torch_takes(array: Array) -> Array:
    """Class ids as int64, which torch's losses take; other numbers as Keras's floats."""
    return array.astype(np.int64 if np.issubdtype(array.dtype, np.integer) else keras.config.floatx())
