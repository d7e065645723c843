"""Turn the attributed time of a trace into the tables of a profile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from anatomy.bench.profiling.attribute_gaps import AttributedTime, Gap, attribute_time
from anatomy.bench.profiling.layer_index import LayerEntry, LayerIndex
from anatomy.bench.profiling.roofline_bound import CaseCeilings, roofline_bound
from anatomy.bench.profiling.trace_events import Trace, Work
from anatomy.bench.profiling.work_kinds import HEAVY
from anatomy.bench.protocol.events import ProfileTaken
from anatomy.bench.records.case_profile import Gaps, KindTime, LayerTime, Operation

NO_CEILINGS = "the ceilings were not measured: run anatomy doctor"


def make_profile(
    trace: Trace,
    layers: LayerIndex,
    wall_s: Sequence[float],
    steps_per_interval: int,
    step_s: float,
    ceilings: CaseCeilings | None,
    caveats: Sequence[str] = (),
) -> ProfileTaken:
    """Where the time of the traced steps went: the fields of a `Profile` that come from its trace.

    Args:
        wall_s: seconds of each interval of `trace.steps`, by the host's own clock.
        steps_per_interval: number of steps in each of them.
        step_s: seconds of a step without a trace.
        ceilings: what the machine can do at best; `None` if that was not measured.
        caveats: what to know before one trusts the figures, a sentence each.

    Raises:
        ValueError: the trace does not contain the steps that were run, or no operation.
    """
    if len(trace.steps) != len(wall_s):
        raise ValueError(f"expected {len(wall_s)} windows of steps in the trace, found {len(trace.steps)}")
    tables = _Tables(attribute_time(trace), layers, len(wall_s) * steps_per_interval, ceilings)
    device_s = sum(tables.time.device.values())
    if not device_s:
        raise ValueError("the trace has no operation within its steps")
    by_layer: defaultdict[str | None, list[Work]] = defaultdict(list)
    for work in tables.time.device:
        by_layer[work.layer].append(work)
    unattributed = by_layer.pop(None, [])
    for layer in tables.time.host:
        if layer is not None:
            by_layer.setdefault(layer, [])
    step_wall_s = sum(wall_s) / tables.steps
    found = [tables.layer(name, works, device_s) for name, works in by_layer.items() if name is not None]
    return ProfileTaken(
        steps=tables.steps,
        step=step_s,
        gaps=Gaps(**{name: tables.time.gaps[name] / tables.steps for name in get_args(Gap)}, step=step_wall_s),
        layers=sorted(found, key=lambda layer: -layer.time),
        kinds=tables.kinds(step_wall_s),
        idle_causes={cause: time / tables.steps for cause, time in tables.time.idle.items()},
        unattributed=tables.operations(unattributed),
        unattributed_share=sum(tables.time.device[work] for work in unattributed) / device_s,
        not_measured=_not_measured([layers.entries[one.name] for one in found if one.name in layers.entries], ceilings),
        caveats=list(caveats),
    )


def _not_measured(entries: Iterable[LayerEntry], ceilings: CaseCeilings | None) -> dict[str, str]:
    """Why layers lack a bound and their share of the ceiling."""
    if ceilings is None:
        return {"bound": NO_CEILINGS, "ceiling_share": NO_CEILINGS}
    counted = [ceilings.of_layer(entry.dtype, entry.on_cudnn) for entry in entries if entry.flops]
    missing = sorted({one.dtype for one in counted if one.flops_per_s is None})
    why = f"the ceilings have no matrix product in {', '.join(missing)}"
    return {"bound": why, "ceiling_share": why} if missing else {}


@dataclass
class _Tables:
    """Rows of the tables; their times and calls are per step."""

    time: AttributedTime
    layers: LayerIndex
    steps: int
    ceilings: CaseCeilings | None

    def layer(self, name: str, works: list[Work], device_s: float) -> LayerTime:
        """The row of a layer; `device_s` are the seconds of all operations in all steps."""
        entry = self.layers.entries.get(name)
        joints = self.layers.joints
        total_flops = sum(one.flops or 0 for key, one in self.layers.entries.items() if key not in joints)
        seconds = self._seconds(works)
        calls = sum(self.time.calls[work] for work in works) / self.steps
        host = self.time.host[name] / self.steps if self.time.host else None
        flops = entry.flops if entry and name not in self._without_flops else None
        moved = entry.moved_bytes if entry else None
        rate = flops / seconds if flops and seconds else None
        ceilings = self.ceilings.of_layer(entry.dtype, entry.on_cudnn) if self.ceilings and entry else None
        return LayerTime(
            name=name,
            type=entry.type if entry else "",
            time=seconds,
            share=seconds * self.steps / device_s,
            forward=self._seconds(work for work in works if work.pass_ == "forward"),
            backward=self._seconds(work for work in works if work.pass_ == "backward"),
            host=host,
            flops=flops,
            flops_share=flops / total_flops if flops is not None and total_flops else None,
            flops_per_s=rate,
            moved_bytes=moved,
            bound=roofline_bound(flops, moved, seconds, host, calls, ceilings) if entry else None,
            operations=self.operations(works),
            members=list(joints.get(name, ())),
            ceiling_share=rate / ceilings.flops_per_s if rate and ceilings and ceilings.flops_per_s else None,
            tensor_core_share=self._tensor_core_share(works),
        )

    @cached_property
    def _without_flops(self) -> set[str]:
        """Rows whose FLOPs are not known, since layers were computed together.

        A layer in a fusion with others: the FLOPs are in the fusion's row. And that row, where one of its layers was
        also computed elsewhere, as backward: which part was done where is not counted.
        """
        ran = {work.layer for work in self.time.device}
        fusions = {joint: set(together) for joint, together in self.layers.joints.items() if joint in ran}
        apart = {work.layer for work in self.time.device if work.kind in HEAVY and work.layer not in fusions}
        members = [name for together in fusions.values() for name in together]
        divided = {name for name in members if name in apart or members.count(name) > 1}
        return set(members) | {joint for joint, together in fusions.items() if together & divided}

    def operations(self, works: Iterable[Work]) -> list[Operation]:
        """Rows of operations: works of one name, kind and pass make one, however much was merged into each."""
        merged: defaultdict[tuple[Any, ...], list[Work]] = defaultdict(list)
        for work in works:
            merged[work.name, work.kind, work.pass_].append(work)
        found = [
            Operation(
                name=name,
                kind=kind,
                pass_=pass_,
                calls=sum(self.time.calls[work] for work in same) / self.steps,
                fused=self._mean_fused(same),
                time=self._seconds(same),
            )
            for (name, kind, pass_), same in merged.items()
        ]
        return sorted(found, key=lambda operation: -operation.time)

    def kinds(self, step_wall_s: float) -> list[KindTime]:
        """Rows of kinds of work, longest first."""
        seconds: defaultdict[Any, float] = defaultdict(float)
        for work, time in self.time.device.items():
            seconds[work.kind] += time / self.steps
        seconds["host"] += (self.time.gaps["host_dispatch"] + self.time.gaps["input_wait"]) / self.steps
        ordered = sorted(seconds.items(), key=lambda item: -item[1])
        return [KindTime(kind=kind, time=time, share=time / step_wall_s) for kind, time in ordered]

    def _seconds(self, works: Iterable[Work]) -> float:
        return sum(self.time.device[work] for work in works) / self.steps

    def _tensor_core_share(self, works: Iterable[Work]) -> float | None:
        """Of the time of products and convolutions whose kernels say; `None` if none does."""
        said = [work for work in works if work.tensor_cores is not None]
        seconds = self._seconds(said)
        return self._seconds(work for work in said if work.tensor_cores) / seconds if seconds else None

    def _mean_fused(self, works: list[Work]) -> float | None:
        """Mean number of merged operations over all calls; `None` if unknown."""
        calls = sum(self.time.calls[work] for work in works)
        if not calls or any(work.fused is None for work in works):
            return None
        return sum((work.fused or 1) * self.time.calls[work] for work in works) / calls
