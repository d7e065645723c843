"""Five training steps of a group of devices, which record the losses and how each device's variables changed.

A worker takes them on one device and another on several; `anatomy.bench.parallel.equivalence` compares the two.
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
# Values taken of each variable, evenly spaced: a gradient that was not reduced is wrong everywhere.
SAMPLE = 64
# On these, batch normalisation uses each replica's own part of the batch, as torch's DDP and Keras do by default.
_OWN_STATISTICS: tuple[Backend, ...] = ("tensorflow", "torch")


def build_deterministic(case: Case) -> Built:
    """Build the case's model and switch off what differs between devices by definition.

    Dropout and noise are off. On backends whose replicas normalise by their own part of the batch, batch normalisation
    uses its moving statistics.
    """
    built = build(case)
    _make_deterministic(built.model, freeze=case.backend in _OWN_STATISTICS)
    return built


def take_reference_steps(case: Case, group: Group) -> Trajectory:
    """Train the case for five steps. The group must have been opened with `build_deterministic`."""
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
    return Trajectory(losses=list(single_losses(means)), updates=updates, names=names, random=random_layers(model))


def single_losses(means: Sequence[float]) -> Iterator[float]:
    """The loss of each step, from the running means that Keras reports."""
    for number, mean in enumerate(means):
        yield mean if number == 0 else (number + 1) * mean - number * means[number - 1]


def sampled(variables: Sequence[Array]) -> list[Array]:
    """Up to `SAMPLE` evenly spaced values of each variable, as float64."""
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


def random_layers(model: Any) -> list[str]:
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
    """The attribute that switches a layer's randomness off when it is 0; `None` if there is none."""
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
    """Whether a layer with a random generator uses it: a recurrent cell has one even without dropout."""
    rates = [getattr(layer, name) for name in ("dropout", "recurrent_dropout") if hasattr(layer, name)]
    return not rates or any(rates)
