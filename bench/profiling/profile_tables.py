"""From shares of a step's time to a profile's tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from anatomy.bench.profiling.attribute_gaps import Gap, Shares, share_out
from anatomy.bench.profiling.layer_index import Layers
from anatomy.bench.profiling.roofline_bound import LayerCeilings, bound_of
from anatomy.bench.profiling.trace_events import Traced, Work
from anatomy.bench.protocol.events import ProfileTaken
from anatomy.bench.records.case_profile import Gaps, KindTime, LayerTime, Operation

NO_CEILINGS = "the ceilings were not measured: run anatomy doctor"


def attribute(
    traced: Traced,
    layers: Layers,
    wall_s: Sequence[float],
    each: int,
    step_s: float,
    ceilings: LayerCeilings | None,
) -> ProfileTaken:
    """Where the time of the traced steps went: the fields of a `Profile` that come of its trace.

    Args:
        wall_s: of each window of the trace, by the host's own clock.
        each: steps in a window.
        step_s: seconds of a step without a trace.
        ceilings: of the machine; null where they were not measured.

    Raises:
        ValueError: the trace has not the steps that were run.
    """
    if len(traced.steps) != len(wall_s):
        raise ValueError(f"expected {len(wall_s)} windows of steps in the trace, found {len(traced.steps)}")
    steps = len(wall_s) * each
    shares = share_out(traced)
    device_s = sum(shares.device.values())
    if not device_s:
        raise ValueError("the trace has no operation within its steps")
    by_layer: defaultdict[str | None, list[Work]] = defaultdict(list)
    for work in shares.device:
        by_layer[work.layer].append(work)
    lost = by_layer.pop(None, [])
    for layer in shares.host:
        if layer is not None:
            by_layer.setdefault(layer, [])
    total_flops = sum(row.flops or 0 for row in layers.rows.values())
    found = [
        _layer(name, works, shares, steps, device_s, layers, total_flops, ceilings)
        for name, works in by_layer.items()
        if name is not None
    ]
    lost_s = sum(shares.device[work] for work in lost)
    gaps = {name: shares.gaps[name] / steps for name in get_args(Gap)}
    return ProfileTaken(
        steps=steps,
        step=step_s,
        gaps=Gaps(**gaps, step=sum(wall_s) / steps),
        layers=sorted(found, key=lambda layer: -layer.time),
        kinds=_kinds(shares, steps, sum(wall_s) / steps),
        unattributed=_operations(lost, shares, steps),
        unattributed_share=lost_s / device_s,
        not_measured={} if ceilings else {"bound": NO_CEILINGS},
    )


def _layer(
    name: str,
    works: list[Work],
    shares: Shares,
    steps: int,
    device_s: float,
    layers: Layers,
    total_flops: int,
    ceilings: LayerCeilings | None,
) -> LayerTime:
    row = layers.rows.get(name)
    seconds = sum(shares.device[work] for work in works) / steps
    calls = sum(shares.calls[work] for work in works) / steps
    host = shares.host[name] / steps if shares.host else None
    flops = row.flops if row else None
    moved = row.moved_bytes if row else None
    return LayerTime(
        name=name,
        type=row.type if row else "",
        time=seconds,
        share=seconds * steps / device_s,
        forward=_seconds(works, shares, "forward") / steps,
        backward=_seconds(works, shares, "backward") / steps,
        host=host,
        flops=flops,
        flops_share=flops / total_flops if flops is not None and total_flops else None,
        flops_per_s=flops / seconds if flops and seconds else None,
        moved_bytes=moved,
        bound=bound_of(flops, moved, seconds, host, calls, ceilings) if row else None,
        operations=_operations(works, shares, steps),
    )


def _seconds(works: Iterable[Work], shares: Shares, pass_: str) -> float:
    return sum(shares.device[work] for work in works if work.pass_ == pass_)


def _operations(works: Iterable[Work], shares: Shares, steps: int) -> list[Operation]:
    """Works of one name, kind and pass are one operation, however much was merged into each."""
    merged: defaultdict[tuple[Any, ...], list[Work]] = defaultdict(list)
    for work in works:
        merged[work.name, work.kind, work.pass_].append(work)
    found = [
        Operation(
            name=name,
            kind=kind,
            pass_=pass_,
            calls=(calls := sum(shares.calls[work] for work in same)) / steps,
            fused=_mean_fused(same, shares, calls),
            time=sum(shares.device[work] for work in same) / steps,
        )
        for (name, kind, pass_), same in merged.items()
    ]
    return sorted(found, key=lambda operation: -operation.time)


def _mean_fused(works: list[Work], shares: Shares, calls: int) -> float | None:
    if not calls or any(work.fused is None for work in works):
        return None
    return sum((work.fused or 1) * shares.calls[work] for work in works) / calls


def _kinds(shares: Shares, steps: int, step_s: float) -> list[KindTime]:
    seconds: defaultdict[Any, float] = defaultdict(float)
    for work, time in shares.device.items():
        seconds[work.kind] += time / steps
    seconds["host"] += (shares.gaps["host_dispatch"] + shares.gaps["input_wait"]) / steps
    ordered = sorted(seconds.items(), key=lambda item: -item[1])
    return [KindTime(kind=kind, time=time, share=time / step_s) for kind, time in ordered]
