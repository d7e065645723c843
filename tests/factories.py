"""Test data: cases, records, runs, profiles and gate results. Every figure is invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anatomy.bench.records.case import Backend, Case
from anatomy.bench.records.case_profile import Gaps, Kind, KindTime, LayerTime, Operation, Pass, Profile
from anatomy.bench.records.ceiling import Ceiling
from anatomy.bench.records.environment import Environment
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block, Counts, Phases
from anatomy.bench.records.run_store import Run, RunHeader, RunWriter, load_run
from anatomy.bench.regression_gate.gate_result import CaseResult, CaseVerdict, GateResult, MetricResult, SideInfo
from anatomy.models import parse_model

STARTED_AT = "2026-01-31T12:00:00Z"
HOSTILE_LAYER = "block/<img src=x onerror=alert(1)>"


def make_counts(parameters: int = 1_000, **changes: Any) -> Counts:
    values: dict[str, Any] = {
        "parameters": parameters,
        "trainable_parameters": parameters,
        "macs": 2_000,
        "flops": 4_000,
        "units": 10,
        "weight_layers": 3,
        "depth": 3,
        "input_shape": [8, 8, 3],
        "output_shape": [10],
        "activation_bytes": 4_096,
    }
    return Counts(**(values | changes))


def make_case(model: str = "mlp", **fields: Any) -> Case:
    spec = parse_model(model) if not model.startswith("evil") else None
    name, options = (spec.model, spec.options) if spec else (model, {})
    return Case(model=name, options=options, **fields)


def make_record(
    model: str = "mlp",
    *,
    speed: float | None = 100.0,
    outcome: str = "ok",
    reason: str = "",
    settings: dict[str, Any] | None = None,
    steps: Sequence[float] | None = None,
    case: dict[str, Any] | None = None,
    **fields: Any,
) -> Record:
    point = make_case(model, **(case or {}))
    measured = outcome == "ok" and point.mode != "count" and speed is not None
    per_step = point.batch_size / speed if measured and speed else 1.0
    values: dict[str, Any] = {
        "case": point,
        "name": f"{model} {point.mode}",
        "outcome": outcome,
        "reason": reason,
        "started_at": STARTED_AT,
        "settings": settings if settings is not None else {"jit": False, "dtype_policy": point.dtype},
        "versions": {"keras": "3.15.1", point.backend: "1.2.3"},
        "counts": make_counts(),
    }
    if measured:
        values |= {
            "step_s": list(steps or [per_step * 1.1] * 5),
            "blocks": [Block(steps=10, seconds=10 * per_step)],
            "phases": Phases(import_s=5, start_s=0.2, build_s=0.5, compile_s=2, warmup_s=0.2, measure_s=1),
            "base_host_bytes": 300 * 2**20,
            "peak_host_bytes": 420 * 2**20,
            "cpu_cores_used": 1.9,
        }
    return Record(**(values | fields))


def make_bare_record(batch_size: int = 1, **fields: Any) -> Record:
    """Of a case that is known by its batch size; where `fields` has no times, one block alone."""
    timed = fields.keys() & {"step_s", "steps", "blocks", "process_medians_s"} or fields.get("outcome", "ok") != "ok"
    blocks: dict[str, Any] = {} if timed else {"blocks": [Block(steps=1, seconds=1.0)]}
    return make_record(speed=None, case={"batch_size": batch_size}, **blocks, **fields)


def make_environment(**changes: Any) -> Environment:
    values: dict[str, Any] = {
        "host": "test-host",
        "os": "Linux 6.1",
        "python": "3.11.9",
        "cpu": "Imaginary CPU @ 2 GHz",
        "logical_cores": 4,
        "usable_cores": 2,
        "memory_bytes": 8 * 2**30,
        "packages": {"keras": "3.15.1", "tensorflow": "2.21.0"},
    }
    return Environment(**(values | changes))


def make_ceiling(backend: str = "jax", device: str = "cpu", **changes: Any) -> Ceiling:
    values: dict[str, Any] = {
        "backend": backend,
        "device": device,
        "matmul_flops_per_s": {"float32": 1e12, "bfloat16": 2e12},
        "bandwidth_bytes_per_s": 1e10,
        "dispatch_s": 1e-5,
        "measured_at": "2026-01-31T11:00:00Z",
    }
    return Ceiling(**(values | changes))


def make_header(*planned: Case, **fields: Any) -> RunHeader:
    values: dict[str, Any] = {
        "id": "2026-01-31T12-00-00Z",
        "started_at": STARTED_AT,
        "command": ["anatomy", "run", "--suite", "quick"],
        "suite": "quick",
        "settings": {"seconds": 1.0, "timeout_s": 180.0, "memory_limit_bytes": None},
        "environment": make_environment(),
        "planned": list(planned),
    }
    return RunHeader(**(values | fields))


def make_run(
    folder: Path,
    records: Sequence[Record],
    *,
    planned: Sequence[Case] | None = None,
    ceilings: Sequence[Ceiling] = (),
    identifier: str = "2026-01-31T12-00-00Z",
    **environment: Any,
) -> Run:
    """A run on disk; all that is not named here goes to its environment."""
    cases = planned if planned is not None else [record.case for record in records]
    here = make_environment(**environment)
    writer = RunWriter.create(folder, make_header(*cases, id=identifier, environment=here, ceilings=list(ceilings)))
    for record in records:
        writer.append(record)
    return load_run(folder)


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


def failed_profile(backend: Backend = "torch", reason: str = "MemoryError: <b>too</b> much") -> Profile:
    case = Case(model="mlp", mode="train", backend=backend, batch_size=8)
    return Profile(case=case, name=f"mlp train {backend} b8", outcome="crashed", reason=reason)


def nested_profile(backend: Backend = "jax", blocks: int = 8, **fields: Any) -> Profile:
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


def make_step_metric(verdict: str = "FAIL") -> MetricResult:
    return MetricResult.model_validate(
        {
            "metric": "step",
            "verdict": verdict,
            "unit": "s",
            "base": 0.010,
            "candidate": 0.0112,
            "change": 0.12,
            "low": 0.09,
            "high": 0.15,
            "tolerated": 0.02,
            "minimum": 0.05,
            "effects": [0.10, 0.11, 0.12, 0.13],
            "confirmation": [0.11, 0.12, 0.12, 0.11],
        }
    )


def make_case_result(verdict: CaseVerdict, number: int = 0, reason: str = "step +12.0%") -> CaseResult:
    case = Case(model=f"nets.py:net{number}", mode="train", backend="jax", batch_size=8)
    outputs = MetricResult(metric="outputs", verdict="SHOWN", reason="compared in infer mode")
    parameters = MetricResult(metric="parameters", verdict="PASS", base=10, candidate=10, change=0.0, tolerated=0.0)
    metrics = [make_step_metric("FAIL" if verdict == "FAIL" else "PASS"), parameters, outputs]
    return CaseResult(
        case=case,
        name=f"nets.py:net{number} train jax b8",
        verdict=verdict,
        reason="" if verdict == "PASS" else reason,
        metrics=metrics if verdict in ("PASS", "FAIL") else [],
        differences={"jit": [True, False]},
        cpu_change=0.1,
        pairs=8,
        seconds=12.5,
    )


def make_gate_result(*cases: CaseResult, notes: list[str] | None = None) -> GateResult:
    side: dict[str, Any] = {"python": "/usr/bin/python", "versions": {"jax": {"keras": "3.15.0"}}}
    return GateResult(
        id="gate-x",
        started_at="2026-01-01T00:00:00+00:00",
        command=["anatomy", "gate"],
        suite="ci",
        base=SideInfo(name="base", what="main (1a2b3c4)", commit="1a2b3c4", **side),
        candidate=SideInfo(name="candidate", what="HEAD (5d6e7f8)", settings={"jit": "off"}, **side),
        environment=make_environment(),
        cases=list(cases),
        notes=notes or [],
        seconds=60.0,
    )
