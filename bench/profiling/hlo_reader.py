"""Read the trace events of compiled XLA programs, whichever backend compiled them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from anatomy.bench.profiling.hlo_work import instruction_work
from anatomy.bench.profiling.layer_index import LayerIndex
from anatomy.bench.profiling.trace_events import TraceEvent, Work
from anatomy.bench.profiling.work_kinds import kind_of
from anatomy.bench.profiling.xspace_trace import Reader
from anatomy.bench.xla.xspace import Event

_MODULE = re.compile(r"^HloModule ([^\s,]+)", re.MULTILINE)
# `jit_train_step(1234)`.
_NUMBER = re.compile(r"\(\d+\)$")
_NO_WEIGHTS: Mapping[str, str] = MappingProxyType({})


def hlo_event_reader(
    text: str, layers: LayerIndex, weights: Mapping[str, str] = _NO_WEIGHTS, *, one_program: bool = False
) -> Reader:
    """A reader of events that name an instruction (`hlo_op`) and its module (`hlo_module`).

    Args:
        text: HLO text of the step's module. Equally named instructions of other modules belong to no layer.
        weights: see `instruction_work`.
        one_program: the trace has no other module, and may name this one differently.
    """
    known = instruction_work(text, layers, weights)
    module = module_of(text)

    def read_event(event: Event, end: float) -> TraceEvent | None:
        name = event.metadata.get("hlo_op")
        if name is None:
            return None
        named = str(event.metadata.get("hlo_module", module))
        if name in known and (one_program or without_number(named) == module):
            work, holds = known[name]
        else:
            work, holds = _unknown(str(name)), False
        return TraceEvent(event.start_ns / 1e9, end, work, "container" if holds else "operation")

    return read_event


def without_number(module: str) -> str:
    """The module's name without the program's number, which the traces of some devices append."""
    return _NUMBER.sub("", module)


def module_of(text: str) -> str:
    """The name of the module in HLO text; empty without one."""
    found = _MODULE.search(text)
    return found[1] if found else ""


def _unknown(name: str) -> Work:
    """The work of an operation of another program, such as a copy of an argument or a random number."""
    kind = name.split(".")[0]
    return Work(None, kind, kind_of(kind, None, None), "forward")
