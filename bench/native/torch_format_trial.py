"""Which memory format a network is faster in: a few steps in each, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
# Turns of each format, fewer once they have taken this long.
_TURNS, _STEPS, _ENOUGH_S = 4, 3, 4.0


class FormatTrial:
    """Times steps in each format and leaves the network's state as it was.

    Args:
        network: the `nn.Module` that is tried.
        set_format: brings the network and its inputs into a format.
        step: runs a step to its end.
    """

    def __init__(self, network: Any, set_format: Callable[[str], None], step: Callable[[], None]) -> None:
        self._network, self._set_format, self._step = network, set_format, step

    def run(self) -> dict[str, float]:
        """The median seconds of a step in each format."""
        state, random = self._state(), torch.get_rng_state()
        seconds: dict[str, list[float]] = {name: [] for name in FORMATS}
        begin = time.perf_counter()
        for _ in range(_TURNS):
            for name, times in seconds.items():
                self._set_format(name)
                # The first step in a format makes its kernels.
                self._step()
                times += [self._time() for _ in range(_STEPS)]
            if time.perf_counter() - begin > _ENOUGH_S:
                break
        self._put_back(state)
        torch.set_rng_state(random)
        return {name: statistics.median(times) for name, times in seconds.items()}

    def _time(self) -> float:
        begin = time.perf_counter()
        self._step()
        return time.perf_counter() - begin

    def _state(self) -> dict[str, Any]:
        """Parameters, where they may change, and buffers."""
        trains = self._network.training
        changing = dict(self._network.named_parameters()) if trains else {}
        return {
            name: value.detach().clone() for name, value in (changing | dict(self._network.named_buffers())).items()
        }

    def _put_back(self, state: dict[str, Any]) -> None:
        parameters = dict(self._network.named_parameters())
        for name, value in state.items():
            if name in parameters:
                parameters[name].data.copy_(value)
                parameters[name].grad = None
            else:
                path, _, leaf = name.rpartition(".")
                self._network.get_submodule(path)._buffers[leaf] = value
