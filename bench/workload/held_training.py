"""How a held network of the user's is measured: on which backends, and with which loss on its outputs.

torch modules and JAX functions return logits as a rule, and come without a loss: it is chosen by the targets that are
given, else by the shape of the output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from anatomy.bench.backends.step import Batch
from anatomy.bench.counting.untraceable import true_reason
from anatomy.bench.records.case import Case
from anatomy.bench.workload.compile_model import (
    CAREFUL_LEARNING_RATE,
    JIT_ARGUMENT,
    LEARNING_RATE,
    MOMENTUM,
    Training,
)
from anatomy.bench.workload.learnable_data import draw_targets
from anatomy.bench.workload.model_inputs import OWN_DATA
from anatomy.bench.workload.model_outputs import ModelOutput, model_outputs
from anatomy.bench.workload.synthetic_batch import SEED
from anatomy.models.held_network import HeldNetwork

Array = np.ndarray[Any, Any]

# What an error says of a dtype that is not taken.
_OF_DTYPES = ("scalar type", "dtype", "integer")

CLASSES = "sparse_categorical_crossentropy"
BINARY = "binary_crossentropy"
VALUES = "mean_squared_error"


def require_measurable_network(case: Case, network: HeldNetwork) -> None:
    """Make sure that a case measures a network as it is.

    Raises:
        NotImplementedError: on its backend, dtype or devices it cannot be; the message says what to give.
    """
    home = network.framework
    if case.backend not in (home, f"native-{home}"):
        raise NotImplementedError(
            f"{case.model} is {network.what}, which {case.backend} does not run: {network.remedy}"
        )
    if case.dtype != "float32":
        raise NotImplementedError(
            f"{case.model} is {network.what}, whose weights have their own dtype; leave --dtype out"
        )
    if case.devices > 1:
        raise NotImplementedError(
            f"{case.model} is {network.what}, which is measured on one device; leave --devices out"
        )


def network_outputs(network: HeldNetwork, x: Any, drawn: bool) -> list[ModelOutput]:
    """The outputs of a network for its inputs; it is called once.

    Args:
        drawn: whether the inputs are drawn, from a shape that need not say a dtype.

    Raises:
        NotImplementedError: it takes integers, and floats were drawn; the message says what to give.
    """
    import keras

    try:
        return model_outputs(network, x)
    except Exception as error:
        floats = [leaf for leaf in keras.tree.flatten(x) if leaf.dtype.kind == "f"]
        text = str(error).lower()
        if not (drawn and floats and any(word in text for word in _OF_DTYPES)):
            raise
        shape = "x".join(map(str, floats[0].shape[1:]))
        raise NotImplementedError(
            f"{network.what} does not take the floats that are drawn for it ({true_reason(error)}): give dtype and"
            f" range of its input, for instance --input-shape {shape}:int64:0..99, {OWN_DATA}"
        ) from error


def compile_network(network: HeldNetwork, case: Case, outputs: Sequence[ModelOutput], own: Batch | None) -> Training:
    """Compile a network with SGD and momentum, and a loss on the logits of each output.

    Args:
        outputs: of the network.
        own: data to train on that came with it.

    Raises:
        NotImplementedError: no loss is known that takes the targets.
    """
    import keras

    targets = _targets(None if own is None else own.y, len(outputs))
    names = [_loss_of(output, target) for output, target in zip(outputs, targets, strict=True)]
    made = {
        CLASSES: keras.losses.SparseCategoricalCrossentropy,
        BINARY: keras.losses.BinaryCrossentropy,
        VALUES: keras.losses.MeanSquaredError,
    }
    losses = [made[name](**({} if name == VALUES else {"from_logits": True})) for name in names]
    unbounded = VALUES in names
    rate = CAREFUL_LEARNING_RATE if unbounded else LEARNING_RATE
    network.compile(
        optimizer=keras.optimizers.SGD(rate, momentum=MOMENTUM),
        loss=losses[0] if len(losses) == 1 else losses,
        jit_compile=JIT_ARGUMENT[case.jit],
    )
    unjudged = f"the loss and SGD({rate}) are Anatomy's choice for a network without either" if unbounded else ""
    if own is not None and own.y is None:
        unjudged = "its inputs came with it, and its targets were drawn"
    return Training(names, unjudged, chosen_optimizer=True)


def with_targets(own: Batch, outputs: Sequence[ModelOutput], training: Training) -> Batch:
    """Data that came with a network, with targets drawn where none came."""
    if own.y is not None:
        return own
    drawn = draw_targets(np.random.default_rng(SEED), [output.shape for output in outputs], training.losses)
    return replace(own, y=drawn[0] if len(drawn) == 1 else drawn)


def chosen_loss(network: HeldNetwork) -> str:
    """The losses that `compile_network` chose, for a record."""
    losses = network.loss if isinstance(network.loss, list) else [network.loss]
    return ", ".join(loss.name if loss.name == VALUES else f"{loss.name} from logits" for loss in losses)


def _loss_of(output: ModelOutput, target: Array | None) -> str:
    shape = output.shape
    if target is None:
        return CLASSES if len(shape) == 2 and shape[-1] > 1 else VALUES
    if not np.issubdtype(target.dtype, np.integer) and target.dtype != bool:
        return VALUES
    if target.shape in (shape[:-1], (*shape[:-1], 1)) and shape[-1] > 1:
        return CLASSES
    if target.size == np.prod(shape) and target.size and set(np.unique(target)) <= {0, 1}:
        return BINARY
    raise NotImplementedError(
        f"the targets are integers of shape {target.shape}, and the output is {shape}: no loss is known for these."
        " Expected class ids for the last axis of the output, zeros and ones in its shape, or floats for a mean squared"
        " error"
    )


def _targets(y: Any, count: int) -> list[Array | None]:
    import keras

    if y is None:
        return [None] * count
    found = [np.asarray(leaf) for leaf in keras.tree.flatten(y)]
    if len(found) != count:
        raise NotImplementedError(f"{len(found)} targets came with a network of {count} outputs: give one for each")
    return list(found)
