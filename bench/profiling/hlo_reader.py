"""Reads the events of compiled XLA programs, whichever backend had them compiled."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from anatomy.bench.profiling.activity import Activity, Work
from anatomy.bench.profiling.hlo_work import works
from anatomy.bench.profiling.kinds import kind_of
from anatomy.bench.profiling.layers import Layers
from anatomy.bench.profiling.xspace_trace import Reader
from anatomy.bench.tensorboard.xspace import Event

_NO_WEIGHTS: Mapping[str, str] = MappingProxyType({})


def reader_of_hlo(text: str, layers: Layers, weights: Mapping[str, str] = _NO_WEIGHTS) -> Reader:
    """Reads events that name an instruction (`hlo_op`) of a compiled module.

    Args:
        text: of that module.
        weights: as `works` takes them.
    """
    known = works(text, layers, weights)

    def read_event(event: Event, end: float) -> Activity | None:
        name = event.metadata.get("hlo_op")
        if name is None:
            return None
        if name in known:
            work, holds = known[name]
        else:
            work, holds = _unknown(str(name)), False
        return Activity(event.start_ns / 1e9, end, work, "container" if holds else "operation")

    return read_event


def _unknown(name: str) -> Work:
    """An operation of another program: a copy of an argument, a random number."""
    kind = name.split(".")[0]
    return Work(None, kind, kind_of(kind, None, None), "forward")
