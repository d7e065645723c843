"""Exported models, loaded and called as those who deploy them do, without Keras."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# Arrays in the order of the model's inputs → arrays of its outputs.
Inference = Callable[[Sequence[Array]], list[Array]]

SUFFIXES = {"SavedModel": "", "ONNX": ".onnx", "OpenVINO": ".xml"}
# Packages that exporting and inference need, and how to get them.
_EXPORT = "'keras-anatomy[export]'"
_NEEDED = {
    "SavedModel": {"tensorflow": "tensorflow"},
    "ONNX": {"onnxruntime": _EXPORT, "onnx": _EXPORT},
    "OpenVINO": {"openvino": "'keras-anatomy[openvino]'"},
}
# By which Keras writes ONNX on each backend. jax2onnx, which brings some twenty packages, is in no extra.
_CONVERTERS = {
    "tensorflow": {"tf2onnx": _EXPORT},
    "jax": {"jax2onnx": "jax2onnx"},
    "torch": {"onnxscript": _EXPORT},
}


def import_exporter(name: str, backend: str) -> None:
    """Import what a format needs, so that no stage is charged with it.

    Raises:
        NotImplementedError: a package is missing; the message says how to get it.
    """
    needed = _NEEDED[name] | (_CONVERTERS.get(backend, {}) if name == "ONNX" else {})
    for package, wanted in needed.items():
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise NotImplementedError(f"{name} on {backend} needs {package}; pip install {wanted}") from error


def load_exported(name: str, path: Path) -> Inference:
    """Load an exported model."""
    return {"SavedModel": _saved_model, "ONNX": _onnx, "OpenVINO": _openvino}[name](path)


def size_of(path: Path) -> int:
    """Bytes of a file with those that lie beside it under its name, or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.stem}.*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _saved_model(path: Path) -> Inference:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))

    def infer(arrays: Sequence[Array]) -> list[Array]:
        tensors = [tf.convert_to_tensor(array) for array in arrays]
        found = loaded.serve(tensors) if len(tensors) > 1 else loaded.serve(tensors[0])
        return [tensor.numpy() for tensor in tf.nest.flatten(found)]

    return infer


def _onnx(path: Path) -> Inference:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    return lambda arrays: list(session.run(None, dict(zip(names, arrays, strict=True))))


def _openvino(path: Path) -> Inference:
    import openvino

    compiled = openvino.compile_model(str(path), "CPU")

    def infer(arrays: Sequence[Array]) -> list[Array]:
        found = compiled(list(arrays))
        return [np.array(found[output]) for output in compiled.outputs]

    return infer
