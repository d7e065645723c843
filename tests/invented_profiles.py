"""Profiles whose sums hold, for tests: every figure is invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anatomy.bench.records.case import Case
from anatomy.bench.records.case_profile import Gaps, Kind, KindTime, LayerTime, Operation, Pass, Profile

HOSTILE_LAYER = "block/<img src=x onerror=alert(1)>"


def operation(
    name: str = "Conv2D",
    time: float = 1e-3,
    kind: Kind = "convolution",
    pass_: Pass = "forward",
    calls: float = 1.0,
    fused: float | None = None,
) -> Operation:
    return Operation(name=name, kind=kind, pass_=pass_, calls=calls, fused=fused, time=time)


def make_profile(
    layers: Mapping[str, Sequence[Operation]],
    unattributed: Sequence[Operation] = (),
    *,
    flops: Mapping[str, int] | None = None,
    input_wait: float = 0.0,
    host_dispatch: float = 0.0,
    communication: float = 0.0,
    idle: float = 0.0,
    missed: float = 0.0,
    case: Case | None = None,
    **fields: Any,
) -> Profile:
    """A measured profile: shares, gaps and kinds follow from the operations of its layers.

    Args:
        communication: seconds of the operations' time in which devices only exchanged data.
        missed: seconds of the step that are in none of the gaps.
    """
    counted = flops or {}
    all_flops = sum(counted.values())
    device = sum(one.time for row in layers.values() for one in row) + sum(one.time for one in unattributed)
    step = device + input_wait + host_dispatch + idle + missed
    rows = [_row(name, row, device, counted.get(name), all_flops) for name, row in layers.items()]
    everything = [*(one for row in layers.values() for one in row), *unattributed]
    host = [operation("", host_dispatch + input_wait, "host")] if host_dispatch + input_wait else []
    values: dict[str, Any] = {
        "case": case or Case(model="mlp", mode="train", backend="jax", batch_size=8),
        "name": "mlp train jax b8",
        "steps": 10,
        "step": step / 1.02 if step else None,
        "gaps": Gaps(
            input_wait=input_wait,
            host_dispatch=host_dispatch,
            device_compute=device - communication,
            communication=communication,
            idle=idle,
            step=step,
        ),
        "layers": sorted(rows, key=lambda row: -row.time),
        "kinds": _kinds([*everything, *host], step),
        "unattributed": list(unattributed),
        "unattributed_share": sum(one.time for one in unattributed) / device if device else None,
        "trace": "tensorboard/plugins/profile/2026_01_31_12_00_00",
    }
    return Profile(**(values | fields))


def failed_profile(backend: str = "torch", reason: str = "MemoryError: <b>too</b> much") -> Profile:
    case = Case(model="mlp", mode="train", backend=backend, batch_size=8)
    return Profile(case=case, name=f"mlp train {backend} b8", outcome="crashed", reason=reason)


def nested_profile(backend: str = "jax", blocks: int = 8, **fields: Any) -> Profile:
    """An encoder of several blocks and a head, its optimizer, and some work that is nobody's."""
    layers: dict[str, list[Operation]] = {"encoder/stem": _convolution(3e-3)}
    flops = {"encoder/stem": 40_000_000}
    for block in range(1, blocks + 1):
        name = f"encoder/stage{block % 3 + 1}/block{block}"
        layers[f"{name}/conv"] = _convolution(9e-3 / block)
        layers[f"{name}/batch_normalization"] = [
            operation("fusion(subtract, multiply)", 8e-4, "normalisation", "forward", fused=6),
            operation("fusion(reduce, multiply)", 9e-4, "reduction", "backward", fused=4),
        ]
        layers[f"{name}/activation_with_a_name_that_is_far_too_long"] = [
            operation("maximum", 1e-4, "element-wise", calls=2)
        ]
        flops[f"{name}/conv"] = 90_000_000
    layers["head"] = [operation("dot", 1.2e-3, "matrix product"), operation("dot", 2e-3, "matrix product", "backward")]
    layers[HOSTILE_LAYER] = [operation("<script>alert(2)</script>", 4e-4, "element-wise")]
    layers["(loss)"] = [operation("reduce", 1e-4, "reduction")]
    layers["(optimizer)"] = [operation("fusion(add, multiply)", 2e-3, "optimizer", "update", calls=12, fused=40)]
    flops["head"] = 20_000_000
    unattributed = [operation("copy", 5e-4, "data movement"), operation("fusion(transpose)", 2e-4, "data movement")]
    values: dict[str, Any] = {
        "case": Case(model="mlp", mode="train", backend=backend, batch_size=8),
        "name": f"mlp train {backend} b8",
        "input_wait": 4e-4,
        "host_dispatch": 1.5e-3,
        "idle": 9e-4,
        "missed": 3e-4,
        "not_measured": {"host": "the step is launched as a whole"},
    }
    return make_profile(layers, unattributed, flops=flops, **(values | fields))


def _convolution(time: float) -> list[Operation]:
    return [
        operation("convolution", time / 3),
        operation("convolution", time / 2, pass_="backward", calls=2),
        operation("fusion(add)", time / 6, "element-wise", fused=3),
    ]


def _row(name: str, row: Sequence[Operation], device: float, flops: int | None, all_flops: int) -> LayerTime:
    time = sum(one.time for one in row)
    return LayerTime(
        name=name,
        type="" if name.startswith("(") else "Layer",
        time=time,
        share=time / device if device else 0.0,
        forward=sum(one.time for one in row if one.pass_ == "forward"),
        backward=sum(one.time for one in row if one.pass_ == "backward"),
        flops=flops,
        flops_share=flops / all_flops if flops is not None and all_flops else None,
        flops_per_s=flops / time if flops is not None and time else None,
        moved_bytes=None if flops is None else flops // 10,
        bound=None if flops is None else "compute",
        operations=sorted(row, key=lambda one: -one.time),
    )


def _kinds(operations: Sequence[Operation], step: float) -> list[KindTime]:
    times: dict[Kind, float] = {}
    for one in operations:
        times[one.kind] = times.get(one.kind, 0.0) + one.time
    found = [KindTime(kind=kind, time=time, share=time / step if step else 0.0) for kind, time in times.items()]
    return sorted(found, key=lambda one: -one.time)
