"""What a script does before it builds anything: environment variables, imports, Keras's and the backend's settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from anatomy.bench.machine.collect_environment import FLAGS
from anatomy.bench.records.case import LOOPS, Case, KerasBackend
from anatomy.bench.script.code_layout import call
from anatomy.bench.script.expression import expression
from anatomy.bench.script.model_origin import Origin

_FRAMEWORKS: Mapping[KerasBackend, list[str]] = {
    "tensorflow": ["import tensorflow as tf"],
    "jax": ["import jax"],
    "torch": ["import torch"],
    "openvino": [],
}
# Thread counts that are read by the frameworks, besides the flags of the environment's fingerprint.
_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def import_lines(case: Case, origin: Origin) -> list[str]:
    """Imports in two groups: the standard library's, and after the environment is set, all others."""
    standard = {"import os", "import statistics", "import time", *(i for i in origin.imports if _is_standard(i))}
    others = {"import keras", "import numpy as np", *(i for i in origin.imports if not _is_standard(i))}
    if case.mode not in LOOPS:
        others |= set(_FRAMEWORKS[case.keras_backend])
    if case.feed == "tf.data":
        others.add("import tensorflow as tf")
    if any("layers." in line.replace("keras.layers.", "") for line in origin.lines):
        others.add("from keras import layers")
    variables = _environment(case.keras_backend)
    return [
        *sorted(standard, key=_by_kind),
        "",
        *call("os.environ |= {", [f"{_quoted(k)}: {_quoted(v)}" for k, v in variables.items()], "}"),
        "",
        *sorted(others, key=_by_kind),
        "",
    ]


def setting_lines(backend: KerasBackend) -> list[str]:
    """Settings of this process that differ from the defaults; the dtype policy always."""
    import keras

    lines = [f"keras.config.set_dtype_policy({_quoted(keras.config.dtype_policy().name)})"]
    if keras.config.image_data_format() != "channels_last":
        lines.append(f"keras.config.set_image_data_format({_quoted(keras.config.image_data_format())})")
    # A framework that is not imported has its defaults.
    torch, tf = sys.modules.get("torch"), sys.modules.get("tensorflow")
    if backend == "torch" and torch:
        if torch.get_float32_matmul_precision() != "highest":
            lines.append(f"torch.set_float32_matmul_precision({_quoted(torch.get_float32_matmul_precision())})")
        lines += _cudnn_lines(torch.backends.cudnn)
    if backend == "tensorflow" and tf and not tf.config.experimental.tensor_float_32_execution_enabled():
        lines.append("tf.config.experimental.enable_tensor_float_32_execution(False)")
    return lines


def _cudnn_lines(cudnn: Any) -> list[str]:
    """TensorFloat-32 of cuDNN, on by default; where its parts differ, torch has no one value for them."""
    try:
        return [] if cudnn.allow_tf32 else ["torch.backends.cudnn.allow_tf32 = False"]
    except RuntimeError:
        parts = {part: getattr(cudnn, part).fp32_precision for part in ("conv", "rnn")}
        return [f"torch.backends.cudnn.{part}.fp32_precision = {_quoted(value)}" for part, value in parts.items()]


def _environment(backend: KerasBackend) -> dict[str, str]:
    set_here = {name: os.environ[name] for name in (*FLAGS, *_THREADS) if name in os.environ}
    return {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2", **set_here}


def _is_standard(statement: str) -> bool:
    return statement.split()[1].partition(".")[0] in ("base64", "importlib", "sys", "typing", "zlib", "math")


def _by_kind(statement: str) -> tuple[bool, str]:
    """As import sorters do: `import x` before `from x import y`."""
    return statement.startswith("from "), statement


def _quoted(text: str) -> str:
    return expression(text, {})
