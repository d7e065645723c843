"""Keras without TensorFlow on other backends, where it imports TensorFlow only to ask whether a value is one of its."""

from __future__ import annotations

import sys
from typing import Any


class LazyTensorFlow:
    """Keras's lazy module, which is available where something else has imported it: else no value can be one of its."""

    def __init__(self, module: Any) -> None:
        """Stand in for `keras.src.utils.module_utils.tensorflow`."""
        self._module = module

    @property
    def available(self) -> bool:
        """Whether TensorFlow is imported."""
        return "tensorflow" in sys.modules and bool(self._module.available)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def do_not_import_tensorflow() -> None:
    """Let Keras serialise models without importing TensorFlow, which takes seconds.

    Its `keras/src/saving/serialization_lib.py` asks of every value whether it is one of TensorFlow's.
    """
    from keras.src.saving import serialization_lib

    module = getattr(serialization_lib, "tf", None)
    if module is not None and not isinstance(module, LazyTensorFlow):
        serialization_lib.tf = LazyTensorFlow(module)
