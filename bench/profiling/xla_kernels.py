"""Attribute the work of a GPU to layers by the program that XLA compiled, whichever backend asked for it.

A kernel is known by its instruction (`hlo_op`) and program (`hlo_module`), with which the profiler annotates launches.
Work of another program, and all of a program of which only another compilation's text is at hand, is known by the
scopes (`op_name`) that the trace itself has of its programs. A CUDA graph is launched as one; its kernels are known by
their names, which XLA makes of the instructions' names: a name that several layers own is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from anatomy.bench.gpu_trace.kernel_kinds import short_name, tensor_cores
from anatomy.bench.gpu_trace.recorded_work import DeviceWork, RecordedTrace
from anatomy.bench.profiling.device_steps import device_trace
from anatomy.bench.profiling.hlo_reader import module_of, without_number
from anatomy.bench.profiling.hlo_work import instruction_work, operation_names, scopes_of
from anatomy.bench.profiling.layer_index import LayerIndex
from anatomy.bench.profiling.trace_events import Trace, Work
from anatomy.bench.profiling.work_kinds import HEAVY, kind_of_kernel
from anatomy.bench.records.case_profile import OPTIMIZER, Pass

_NO_WEIGHTS: Mapping[str, str] = MappingProxyType({})
_NOT_IN_A_KERNELS_NAME = re.compile(r"[^A-Za-z0-9_]")


def xla_device_trace(
    recorded: RecordedTrace,
    text: str,
    layers: LayerIndex,
    weights: Mapping[str, str] = _NO_WEIGHTS,
    *,
    one_program: bool = False,
) -> Trace:
    """The steps of a trace in which a compiled program launched the work of a GPU.

    Args:
        text: HLO text of the step's module.
        weights: see `instruction_work`.
        one_program: the trace has no other module, and may name this one differently.
    """
    program = _Program(text, layers, weights, one_program, recorded.work)
    works = [program.work(one) for one in recorded.work]
    return device_trace(recorded, works, notes=_notes(recorded.work, works, program))


class _Program:
    """The step's program, by which work is known."""

    def __init__(
        self,
        text: str,
        layers: LayerIndex,
        weights: Mapping[str, str],
        one_program: bool,
        recorded: Iterable[DeviceWork],
    ) -> None:
        known = instruction_work(text, layers, weights)
        self._layers = layers
        self._module = "" if one_program else module_of(text)
        # Of a call or a loop the instructions within are launched; one that is launched as a whole is a CUDA graph.
        self._known = {name: work for name, (work, holds) in known.items() if not holds}
        self._of_kernel: dict[str, list[Work]] = {}
        for name, work in self._known.items():
            self._of_kernel.setdefault(_NOT_IN_A_KERNELS_NAME.sub("_", name), []).append(work)
        self._differing = self._programs_unlike(operation_names(text), recorded)

    def work(self, one: DeviceWork) -> Work:
        """What a piece of work does, and for which layer."""
        found = self._instruction(one) or self._scopes(one) or self.by_name(one) or self._unknown(one)
        is_product = one.type == "kernel" and found.kind in HEAVY
        return replace(found, tensor_cores=tensor_cores(one.name)) if is_product else found

    def by_name(self, one: DeviceWork) -> Work | None:
        """By the kernel's name, where neither instruction nor scopes tell; `None` if the name is not one layer's."""
        owners = self._named_alike(one)
        return owners[0] if len({(work.layer, work.pass_) for work in owners}) == 1 else None

    def is_ambiguous(self, one: DeviceWork) -> bool:
        """Whether its name alone would tell its layer, and stands for several."""
        return len({(work.layer, work.pass_) for work in self._named_alike(one)}) > 1

    def _named_alike(self, one: DeviceWork) -> list[Work]:
        if not self._is_known(one) or self._instruction(one) or self._scopes(one):
            return []
        return self._of_kernel.get(one.name, [])

    def _programs_unlike(self, operations: Mapping[str, str], recorded: Iterable[DeviceWork]) -> set[str]:
        """Programs of the trace of which an instruction comes from another operation than in the text."""
        return {
            one.program
            for one in recorded
            if one.instruction and self._is_own(one)
            if "/" in one.operation and operations.get(one.instruction) != one.operation
        }

    def _is_own(self, one: DeviceWork) -> bool:
        return not (one.program and self._module) or without_number(one.program) == self._module

    def is_unlike(self, one: DeviceWork) -> bool:
        """Whether it is of the program, but of another compilation than the text."""
        return self._is_own(one) and (one.program in self._differing if one.program else bool(self._differing))

    def _is_known(self, one: DeviceWork) -> bool:
        """Whether the text is that of the program, and of its compilation as far as the trace tells."""
        return self._is_own(one) and not self.is_unlike(one)

    def _instruction(self, one: DeviceWork) -> Work | None:
        return self._known.get(one.instruction) if self._is_known(one) else None

    def _scopes(self, one: DeviceWork) -> Work | None:
        """By the scopes of its operation; `None` if no layer is among them."""
        scopes, pass_ = scopes_of(one.operation)
        layer = self._layers.find(scopes)
        if layer is None:
            return None
        name = one.operation.rpartition("/")[2]
        in_pass: Pass = "update" if layer == OPTIMIZER else pass_
        return Work(layer, name, kind_of_kernel(one, name, layer, self._layers.family(layer)), in_pass)

    def _unknown(self, one: DeviceWork) -> Work:
        """Work of another program, such as a random number, or without any annotation."""
        name = one.instruction.split(".")[0] or short_name(one.name)
        return Work(None, name, kind_of_kernel(one, name, None, None), "forward")


def _notes(recorded: Sequence[DeviceWork], works: Sequence[Work], program: _Program) -> Iterator[str]:
    """How much is known by less than its instruction, and what that cannot tell."""
    unlike = sum(work.layer is None and program.is_unlike(one) for one, work in zip(recorded, works, strict=True))
    if unlike:
        yield (
            f"{unlike:,} of {len(recorded):,} kernels and copies have no scopes of a layer in the trace, and the "
            "program's text at hand is another compilation's: they are unattributed"
        )
    named = sum(program.by_name(one) is not None for one in recorded)
    if named:
        yield (
            f"{named:,} of {len(recorded):,} kernels and copies are known by their kernels' names alone, as in CUDA "
            "graphs: XLA makes one kernel of equal fusions and names it after the first, whose layer gets all their "
            "time"
        )
    ambiguous = sum(program.is_ambiguous(one) for one in recorded)
    if ambiguous:
        yield (
            f"{ambiguous:,} of {len(recorded):,} kernels and copies have a name that stands for instructions of "
            "several layers or passes: they are unattributed"
        )
