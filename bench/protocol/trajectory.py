"""Reference steps: what a few training steps did to the losses and the variables on each device."""

from __future__ import annotations

from pydantic import ConfigDict

from anatomy.bench.records.frozen import Frozen


class Trajectory(Frozen):
    """Five training steps of a group of devices.

    Attributes:
        losses: mean loss of each step over the whole batch.
        updates: change of sampled values of each trainable variable: device → variable → values.
        names: paths of the variables.
        random: names of layers that draw random numbers that could not be switched off.
    """

    # Of a network that diverges they are not finite, and are compared with nothing.
    model_config = ConfigDict(allow_inf_nan=True)

    losses: list[float]
    updates: list[list[list[float]]]
    names: list[str]
    random: list[str] = []  # noqa: RUF012  # pydantic copies a default
