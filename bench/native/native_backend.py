"""A native backend as the worker sees it: translates the model it is given, and steps the program."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from anatomy.bench.backends import step as step_module
from anatomy.bench.backends.step import Batch, Step
from anatomy.bench.native.scope_lines import ScopeName
from anatomy.bench.native.translate import translate
from anatomy.bench.native.translation import FRAMEWORKS, Framework
from anatomy.bench.records.case import Backend, Case, Jit, Mode

# Whether `jit` is on where it is left to the framework: JAX is written for it; TensorFlow's XLA and torch.compile are
# asked for.
_AUTO = {"jax": True, "tensorflow": False, "torch": False}
# Backend → the module of this room and the class that steps its programs.
STEPS: Mapping[Backend, tuple[str, str]] = {
    "native-tensorflow": ("native_tensorflow_step", "NativeTensorFlowStep"),
    "native-jax": ("native_jax_step", "NativeJaxStep"),
    "native-torch": ("native_torch_step", "NativeTorchStep"),
    "onnxruntime": ("onnxruntime_step", "OnnxRuntimeStep"),
}


class NativeBackend:
    """Steps of one case in a framework's own layers; see `StepBackend`.

    Args:
        case: of a native backend.
        scope: names the operations of a layer in a trace; `None` for no names.
    """

    def __init__(self, case: Case, scope: ScopeName | None = None) -> None:
        self._backend: Backend = case.backend
        self._framework = framework_of(case)
        self._keras = step_module.load(case.keras_backend)
        self._jit = resolve_jit(case.jit, self._framework)
        self._scope = scope

    def initialise(self, seed: int) -> None:
        """As on the Keras backend."""
        self._keras.initialise(seed)

    def prepare(self, model: Any, batch: Batch, mode: Mode) -> Step:
        """Translate the model and bind the program to the batch.

        Raises:
            NotImplementedError: a part of the model has no translation.
        """
        trains = mode == "train"
        if batch.sample_weight is not None and trains:
            raise NotImplementedError("weights of examples are not translated; use --mode infer")
        program = translate(model, self._framework, trains, self._scope)
        if trains:
            _release_slots(model)
        module, name = STEPS[self._backend]
        step: Step = getattr(import_module(f"anatomy.bench.native.{module}"), name)(
            program, batch, mode, self._jit, model
        )
        return step

    def settings(self, model: Any, step: Any) -> dict[str, Any]:
        """The framework's settings, as on its Keras backend, and the program's own."""
        return {
            **self._keras.settings(model, step),
            "jit": self._jit,
            **step.settings(),
        }

    def on_cpu(self) -> bool:
        """Whether steps run on the CPU."""
        return self._keras.on_cpu()

    def peak_device_bytes(self) -> tuple[int | None, str]:
        """The framework allocator's peak."""
        return self._keras.peak_device_bytes()


def framework_of(case: Case) -> Framework:
    """The framework in whose layers a native case is written."""
    return next(name for name in FRAMEWORKS if name == case.keras_backend)


def resolve_jit(jit: Jit, framework: str) -> bool:
    """Whether the program is compiled as a whole."""
    return _AUTO[framework] if jit == "auto" else jit == "on"


def _release_slots(model: Any) -> None:
    """Free the variables of Keras's optimizer, beside which the program has its own."""
    for variable in model.optimizer.variables:
        if variable.name not in ("iteration", "learning_rate"):
            variable._value = None
