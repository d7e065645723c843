"""Reads the events of compiled XLA programs, whichever backend had them compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from anatomy.bench.profiling.hlo_work import works
from anatomy.bench.profiling.layer_index import Layers
from anatomy.bench.profiling.trace_events import Activity, Work
from anatomy.bench.profiling.work_kinds import kind_of
from anatomy.bench.profiling.xspace_trace import Reader
from anatomy.bench.xla.xspace import Event

_MODULE = re.compile(r"^HloModule ([^\s,]+)", re.MULTILINE)
# Some devices' traces write the program's number behind the name: `jit_train_step(1234)`.
_NUMBER = re.compile(r"\(\d+\)$")
_NO_WEIGHTS: Mapping[str, str] = MappingProxyType({})


def reader_of_hlo(
    text: str, layers: Layers, weights: Mapping[str, str] = _NO_WEIGHTS, *, one_program: bool = False
) -> Reader:
    """Reads events that name an instruction (`hlo_op`) and its module (`hlo_module`).

    Args:
        text: of the step's module. Others have instructions of the same names, which are no layer's.
        weights: as `works` takes them.
        one_program: the trace has no other module, and may name this one differently.
    """
    known = works(text, layers, weights)
    module = _module_of(text)

    def read_event(event: Event, end: float) -> Activity | None:
        name = event.metadata.get("hlo_op")
        if name is None:
            return None
        named = str(event.metadata.get("hlo_module", module))
        if name in known and (one_program or _NUMBER.sub("", named) == module):
            work, holds = known[name]
        else:
            work, holds = _unknown(str(name)), False
        return Activity(event.start_ns / 1e9, end, work, "container" if holds else "operation")

    return read_event


def _module_of(text: str) -> str:
    found = _MODULE.search(text)
    return found[1] if found else ""


def _unknown(name: str) -> Work:
    """An operation of another program: a copy of an argument, a random number."""
    kind = name.split(".")[0]
    return Work(None, kind, kind_of(kind, None, None), "forward")
