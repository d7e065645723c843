"""Five training steps of a group of devices: the losses, and how each device's variables moved.

Taken in a process of its own on one device and on several; `anatomy.bench.parallel.equivalence` compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from anatomy.bench.parallel.device_group import Array, Group
from anatomy.bench.protocol.trajectory import Trajectory
from anatomy.bench.records.case import Backend, Case
from anatomy.bench.workload.build_case import Built, build

STEPS = 5
# Evenly spaced values of each variable: a gradient that was not added up is wrong everywhere.
SAMPLE = 64
# Each replica of these normalises by its own part of the batch, as torch's DDP and Keras on TensorFlow do by default.
_OWN_STATISTICS: tuple[Backend, ...] = ("tensorflow", "torch")


def build_deterministic(case: Case) -> Built:
    """The case's model without what differs between devices by definition.

    Dropout draws a mask of its own on each; where each normalises by its own part of the batch, batch normalisation
    uses its moving statistics instead.
    """
    built = build(case)
    _make_deterministic(built.model, freeze=case.backend in _OWN_STATISTICS)
    return built


def follow(case: Case, group: Group) -> Trajectory:
    """Train for five steps on the case's batch. The group was opened with `build_deterministic`."""
    with group.building():
        built = build_deterministic(case)
    model = built.model
    before = [sampled(variables) for variables in group.replicas(model)]
    step = group.prepare(model, built.batch, "train")
    means = []
    for _ in range(STEPS):
        outputs = step.launch()
        step.drain([outputs])
        means.append(float(step.loss(outputs) or 0.0))
    step.restore()
    after = [sampled(variables) for variables in group.replicas(model)]
    updates = [
        [(new - old).tolist() for new, old in zip(moved, at_first, strict=True)]
        for moved, at_first in zip(after, before, strict=True)
    ]
    names = [variable.path for variable in model.trainable_variables]
    return Trajectory(losses=list(single_losses(means)), updates=updates, names=names, random=drawing(model))


def single_losses(means: Sequence[float]) -> Iterator[float]:
    """Each step's loss from Keras's running means."""
    for number, mean in enumerate(means):
        yield mean if number == 0 else (number + 1) * mean - number * means[number - 1]


def sampled(variables: Sequence[Array]) -> list[Array]:
    """Evenly spaced values of each variable, float64."""
    found = []
    for values in variables:
        flat = np.asarray(values, np.float64).ravel()
        found.append(flat[np.linspace(0, flat.size - 1, min(SAMPLE, flat.size)).round().astype(int)])
    return found


def _make_deterministic(model: Any, freeze: bool) -> None:
    """Switch dropout and noise off and, if `freeze`, let batch normalisation use its moving statistics."""
    import keras

    for layer in model._flatten_layers(include_self=False):
        attribute = _silenced_by(layer)
        if attribute is not None:
            setattr(layer, attribute, 0.0)
        elif isinstance(layer, keras.layers.BatchNormalization) and freeze and not layer.synchronized:
            _use_moving_statistics(layer)


def drawing(model: Any) -> list[str]:
    """Names of the layers that still draw random numbers in a model from `build_deterministic`."""
    import keras

    return [
        layer.name
        for layer in model._flatten_layers(include_self=False)
        if any(isinstance(value, keras.random.SeedGenerator) for value in vars(layer).values())
        and _silenced_by(layer) is None
        and _draws(layer)
    ]


def _silenced_by(layer: Any) -> str | None:
    """The attribute that is 0 in a layer that draws nothing; null where there is none."""
    from keras import layers

    if isinstance(layer, layers.Dropout | layers.GaussianDropout | layers.AlphaDropout):
        return "rate"
    return "stddev" if isinstance(layer, layers.GaussianNoise) else None


def _use_moving_statistics(layer: Any) -> None:
    original = layer.call

    def call(inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return original(inputs, training=False, mask=mask)

    layer.call = call


def _draws(layer: Any) -> bool:
    """A recurrent cell has a generator for its dropout whether it uses it or not."""
    rates = [getattr(layer, name) for name in ("dropout", "recurrent_dropout") if hasattr(layer, name)]
    return not rates or any(rates)
