"""Which targets a loss within the model takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import keras

from anatomy.bench.workload.input_values import Asked, InputValues, integers_below

# What Keras's hinge losses make of their targets first, in the module of the losses.
_HINGE_LABELS = "convert_binary_labels_to_hinge"
# Shares are kept this far above 0, for their logarithm.
_LEAST_SHARE = 1e-3


@contextmanager
def hinge_targets(note: Callable[[Any, InputValues], None]) -> Iterator[None]:
    """Within the block, `note` is told the targets of hinge losses, whose arithmetic alone does not tell labels."""
    module = sys.modules[keras.losses.hinge.__module__]
    convert: Any = getattr(module, _HINGE_LABELS, None)

    def noted(targets: Any) -> Any:
        note(targets, InputValues("integers", "targets of a hinge loss", high=1))
        return convert(targets)

    if convert is None:
        yield
        return
    with mock.patch.object(module, _HINGE_LABELS, noted):
        yield


def _of_shares(operation: Any, operands: Mapping[str, Any]) -> Asked:
    """Both sides of a Kullback-Leibler divergence are kept above 0."""
    least, largest = operation.x_min, operation.x_max
    if not all(isinstance(edge, int | float) for edge in (least, largest)) or not 0 < least <= _LEAST_SHARE:
        return []
    return [(operands.get("x"), InputValues("uniform", f"shares, clipped to {least:g}"))] if largest == 1 else []


def _of_binary(_: Any, operands: Mapping[str, Any]) -> Asked:
    return [(operands.get("target"), InputValues("integers", "targets of a binary cross-entropy", high=1))]


def _of_categorical(operation: Any, operands: Mapping[str, Any]) -> Asked:
    """Rows of one class, where the classes lie on the last axis."""
    shape = tuple(getattr(operands.get("output"), "shape", (None,)))
    what = f"targets of a categorical cross-entropy of {shape[operation.axis]} classes"
    if shape[operation.axis] and operation.axis in (-1, len(shape) - 1):
        return [(operands.get("target"), InputValues("one_hot", what, high=shape[-1] - 1))]
    return [(operands.get("target"), InputValues("integers", what, high=1))]


def _of_sparse(operation: Any, operands: Mapping[str, Any]) -> Asked:
    classes = tuple(getattr(operands.get("output"), "shape", (None,)))[operation.axis]
    if not classes:
        return []
    what = f"targets of a sparse categorical cross-entropy of {classes} classes"
    return [(operands.get("target"), integers_below(classes, what))]


def _of_ctc(_: Any, operands: Mapping[str, Any]) -> Asked:
    """Labels are classes but the blank one, 0; lengths are those of the tensors."""
    target, output = operands.get("target"), operands.get("output")
    found: Asked = []
    for name, tensor, why in (("target_length", target, "labels"), ("output_length", output, "outputs")):
        length = getattr(tensor, "shape", (None, None))[1]
        if length:
            low = 1 if name == "target_length" else length
            found.append((operands.get(name), integers_below(length + 1, f"length of CTC's {why}", low=low)))
    classes = getattr(output, "shape", (None,))[-1]
    if classes:
        found.append((target, integers_below(classes, f"CTC's labels of {classes} classes", low=1)))
    return found


LOSSES: dict[str, Callable[[Any, Mapping[str, Any]], Asked]] = {
    "BinaryCrossentropy": _of_binary,
    "CategoricalCrossentropy": _of_categorical,
    "SparseCategoricalCrossentropy": _of_sparse,
    "Clip": _of_shares,
    "CTCLoss": _of_ctc,
}
