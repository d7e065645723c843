"""The step of ONNX Runtime: the native program in PyTorch, exported by `torch.onnx`. It only infers."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import onnxruntime
import torch

from anatomy.bench.backends.step import Batch, WeightSums
from anatomy.bench.native.native_torch_step import NativeTorchStep
from anatomy.bench.native.program import Array, Program
from anatomy.bench.native.step_data import input_arrays, keras_outputs
from anatomy.bench.records.case import Mode

# https://onnx.ai/onnx/repo-docs/Versioning.html; the newest that torch's exporter writes without a conversion.
OPSET = 18
# Its threads spin for 40 ms after the last step by default: work that seems to go on, and cores taken from whoever is
# beside. A millisecond bridges the gap to the next operation as well; steps take the same time.
SPIN_US = 1000


class OnnxRuntimeStep:
    """A session of ONNX Runtime on the CPU or a GPU, bound to a batch."""

    def __init__(self, program: Program, batch: Batch, mode: Mode, jit: bool, model: Any) -> None:
        if mode == "train":
            raise NotImplementedError("ONNX Runtime predicts and does not train; use --mode infer")
        self._program, self._model = program, model
        self._names: list[str] = []
        self.use(batch)
        network = NativeTorchStep(program, batch, mode, jit=False, model=model).network
        self._session = _session(network, list(self._inputs.values()))
        self._names = [node.name for node in self._session.get_inputs()]
        self.use(batch)

    def launch(self) -> Any:
        """Run one inference; finished when it returns."""
        return self._session.run(None, self._inputs)

    def drain(self, outputs: Sequence[Any]) -> None:
        """Nothing to wait for: outputs are numpy arrays already."""

    def loss(self, outputs: Any) -> float | None:
        """Inference has no loss."""
        return None

    def use(self, batch: Batch) -> None:
        """Inputs stay on the host."""
        arrays = input_arrays(self._model, self._program, batch)
        names = self._names or [str(number) for number in range(len(arrays))]
        self._inputs = dict(zip(names, arrays, strict=True))

    def fetch(self, outputs: Any) -> list[Array]:
        """Copies, in Keras's axes."""
        return keras_outputs(self._program, [np.array(output) for output in outputs])

    def weights(self) -> WeightSums:
        """Nothing trains here."""
        raise NotImplementedError("ONNX Runtime does not train")

    def put_weights(self, values: Sequence[Array]) -> None:
        """Refused: the weights are constants of the exported graph."""
        raise NotImplementedError("the weights of an exported graph are constants")

    def restore(self) -> None:
        """Nothing to do: the weights never change."""

    def programs(self) -> int:
        """One session, which never compiles again."""
        return 1

    def settings(self) -> dict[str, Any]:
        """What the session runs on."""
        options = self._session.get_session_options()
        return {
            "jit": True,
            "opset": OPSET,
            "onnxruntime": onnxruntime.__version__,
            "execution_provider": self._session.get_providers()[0],
            "threads_intra": options.intra_op_num_threads or len(os.sched_getaffinity(0)),
            "threads_inter": options.inter_op_num_threads or 1,
            "threads_spin_us": SPIN_US,
        }


def _session(network: Any, arrays: Sequence[Array]) -> Any:
    """Export a network and open the graph that came of it."""
    example = (tuple(torch.from_numpy(array) for array in arrays),)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        # The exporter deprecates its own parts from version to version, and says what it does.
        warnings.simplefilter("ignore")
        exported = torch.onnx.export(network, example, dynamo=True, opset_version=OPSET)
    assert exported is not None
    buffer = io.BytesIO()
    exported.save(buffer)
    available = onnxruntime.get_available_providers()
    providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
    options = onnxruntime.SessionOptions()
    # As many threads as the cores that this process may use; its own choice counts the machine's.
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN_US))
    return onnxruntime.InferenceSession(buffer.getvalue(), options, providers=providers)
