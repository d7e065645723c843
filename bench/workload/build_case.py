"""The model of a case under its dtype policy, compiled, with data for it on the host."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anatomy.bench.backends.step import Batch
from anatomy.bench.records.case import Case
from anatomy.bench.workload.synthetic_batch import SEED, make_batch


@dataclass(frozen=True)
class Built:
    """A compiled model and a batch for it, on the host."""

    model: Any
    batch: Batch


def build(case: Case) -> Built:
    """The model under its dtype policy, compiled, with its optimizer and data."""
    import keras

    from anatomy.bench.workload.compile_model import compile_model
    from anatomy.bench.workload.numpy_initialisers import numpy_initialisers
    from anatomy.models import build_any

    trains = case.mode in ("train", "fit")
    # Not keras.utils.set_random_seed: it imports TensorFlow on every backend, time and memory that are not the model.
    random.seed(SEED)
    np.random.seed(SEED)
    keras.config.set_dtype_policy(case.dtype)
    with numpy_initialisers(SEED):
        model = build_any(case.model, case.options)
        if not getattr(model, "inputs", None):
            raise NotImplementedError(
                f"{case.model} returned a model without known inputs;"
                " use the functional API, or a Sequential that begins with an Input"
            )
        if trains and any("int" in str(output.dtype) for output in model.outputs):
            raise NotImplementedError(f"{case.model} has an integer output, which has no gradient; use --mode infer")
        losses = compile_model(model, case.jit, _loss_weights(case.model))
        batch = make_batch(model, case.batch_size, losses if trains else None)
        if trains:
            # Creates loss trackers and optimizer slots now: inside a traced step they could not be.
            model._symbolic_build(data_batch=(batch.x, batch.y))
    return Built(model, batch)


def _loss_weights(name: str) -> Mapping[str, float]:
    """The weights an architecture's paper gives to its outputs, by output name; empty for user models."""
    from anatomy.models import zoo

    return next((architecture.loss_weights for architecture in zoo() if architecture.name == name), {})
