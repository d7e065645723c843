"""Which targets a loss of the model's own takes: tried on a few examples, since its name does not tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anatomy.bench.workload.compile_model import loss_name
from anatomy.bench.workload.learnable_data import NO_LOSS, draw_targets
from anatomy.bench.workload.model_inputs import OWN_DATA
from anatomy.bench.workload.model_outputs import ModelOutput

EXAMPLES = 4
# Losses whose targets are tried, by the activation of the output: the likeliest first.
_CLASSES = ("sparse_categorical_crossentropy", "categorical_crossentropy")
_TRIED = {
    "softmax": (*_CLASSES, "mean_squared_error", "circle"),
    "log_softmax": (*_CLASSES, "mean_squared_error", "circle"),
    "sigmoid": ("binary_crossentropy", *_CLASSES, "circle"),
    "": ("mean_squared_error", *_CLASSES, "circle", "ctc"),
}


def target_kinds(losses: Sequence[Any], names: Sequence[str], outputs: Sequence[ModelOutput]) -> list[str]:
    """For each output, the name of a loss of Keras whose targets its own loss takes.

    Args:
        losses: the loss of each output, as the model was compiled with it; a name, a function, an object or `None`.
        names: their names.

    Raises:
        NotImplementedError: a loss takes none of the targets that are tried.
        Exception: what a loss raises that fails in one way with all of them.
    """
    return [
        name if loss is None or known(name) else _accepted(loss, output)
        for loss, name, output in zip(losses, names, outputs, strict=True)
    ]


def known(name: str) -> bool:
    """Whether a loss of Keras has this name."""
    import keras

    if name == NO_LOSS:
        return True
    try:
        found = keras.losses.get(name)
    except ValueError:
        return False
    return found is not None


def _accepted(loss: Any, output: ModelOutput) -> str:
    import keras

    rng = np.random.default_rng(0)
    shape = (EXAMPLES, *output.shape[1:])
    predicted = keras.ops.convert_to_tensor(_like(rng, shape, output.activation))
    refused, errors = [], []
    for name in _TRIED[output.activation]:
        try:
            (target,) = draw_targets(rng, [shape], [name])
            value = keras.losses.get(loss)(keras.ops.convert_to_tensor(target), predicted)
            value = np.asarray(keras.ops.convert_to_numpy(value))
        except Exception as error:  # noqa: BLE001  # the boundary: a loss says no in any way it likes
            refused.append(f"{name}: {type(error).__name__}")
            errors.append(error)
            continue
        if value.ndim and value.shape[0] != EXAMPLES:
            refused.append(f"{name}: a result of shape {value.shape}")
        elif not np.isfinite(value).all():
            refused.append(f"{name}: not finite")
        else:
            return name
    if len(errors) == len(refused) and len({(type(error), str(error)) for error in errors}) == 1:
        # The loss raises the same error for all targets: the fault is in the loss, such as a name that is not there.
        raise errors[0]
    raise NotImplementedError(
        f"no targets are known that the loss {loss_name(loss)!r} of output {output.name!r} takes (tried those of"
        f" {'; '.join(refused)}): {OWN_DATA.removeprefix('or ')}"
    )


def _like(rng: np.random.Generator, shape: tuple[int, ...], activation: str) -> np.ndarray[Any, Any]:
    """Values as an output with this activation has them."""
    z = rng.standard_normal(shape).astype(np.float32)
    if activation == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-z)))
    if not activation:
        return z
    exponential = np.exp(z)
    share = exponential / exponential.sum(axis=-1, keepdims=True)
    return np.asarray(np.log(share) if activation == "log_softmax" else share)
