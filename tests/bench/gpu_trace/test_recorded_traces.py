"""Traces recorded on real GPUs: `anatomy trace --json` against figures found without it.

They lie in `$ANATOMY_GPU_TRACES` or in `../shared/data/gpu_traces`, and are no part of the tree.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.xla.xspace import read_xspace
from tests.command import anatomy

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("ANATOMY_GPU_TRACES", ROOT.parent / "shared" / "data" / "gpu_traces"))
NCCL, VOLTA = "torch_a100_ddp_training_nccl.json.gz", "torch_v100_ddp_training_ns.json.gz"
ALEXNET, TWO_STREAMS = "torch_a100_alexnet_forward.json.gz", "torch_a100_two_streams.json.gz"
TENSORFLOW = "tf_8gpu_bert_training.xplane.pb"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded traces in {FOLDER}"),
]


@cache
def devices_of(file: str) -> dict[int, Any]:
    """What the command says of each device."""
    done = anatomy("trace", str(FOLDER / file), "--json", folder=ROOT)
    assert done.code == 0, done.err
    (trace,) = done.result
    return {device["device"]: device for device in trace["devices"]}


@cache
def events_of(file: str, *categories: str) -> list[dict[str, Any]]:
    """Complete events, straight from the file."""
    events = json.loads(gzip.decompress((FOLDER / file).read_bytes()))["traceEvents"]
    return [event for event in events if event.get("ph") == "X" and event.get("cat") in categories]


def covered_ms(events: list[dict[str, Any]], without: list[dict[str, Any]] = []) -> float:  # noqa: B006
    """Milliseconds at which at least one of the events runs and none of the others."""
    borders = sorted(
        [(event["ts"], 1, 0) for event in events]
        + [(event["ts"] + event["dur"], -1, 0) for event in events]
        + [(event["ts"], 0, 1) for event in without]
        + [(event["ts"] + event["dur"], 0, -1) for event in without]
    )
    found, running, others = 0.0, 0, 0
    for (at, change, other), (following, *_) in pairwise(borders):
        running, others = running + change, others + other
        found += (following - at) * (running > 0 and others == 0)
    return found / 1e3


@pytest.mark.parametrize(("file", "kernel_ms", "span_ms"), [(NCCL, 162.53, 660.55), (VOLTA, 468.15, 480.03)])
def test_sum_and_span_of_kernels(file: str, kernel_ms: float, span_ms: float) -> None:
    """The figures of the folder's README."""
    device = devices_of(file)[0]
    assert device["whole"]["kernel_ns"] / 1e6 == pytest.approx(kernel_ms, abs=0.005)
    assert device["kernel_span_ns"] / 1e6 == pytest.approx(span_ms, abs=0.005)


def test_kernels_by_stream() -> None:
    (device,) = devices_of(NCCL).values()
    assert {one["stream"]: one["kernels"] for one in device["whole"]["streams"]} == {"7": 2679, "40": 21}
    (device,) = devices_of(VOLTA).values()
    assert device["whole"]["kernels"] == 4350
    (device,) = devices_of(ALEXNET).values()
    assert device["whole"]["kernels"] == 79


@pytest.mark.parametrize("file", [NCCL, VOLTA, ALEXNET, TWO_STREAMS])
def test_times_at_which_kernels_and_work_run(file: str) -> None:
    (device,) = devices_of(file).values()
    kernels = events_of(file, "kernel")
    # Times of a file are rounded to up to 250 ns.
    assert device["whole"]["kernel_busy_ns"] / 1e6 == pytest.approx(covered_ms(kernels), rel=1e-4)
    everything = events_of(file, "kernel", "gpu_memcpy", "gpu_memset")
    assert device["whole"]["busy_ns"] / 1e6 == pytest.approx(covered_ms(everything), rel=1e-4)
    assert sum(device["whole"]["parts_ns"].values()) == device["whole"]["duration_ns"]
    for step in device["steps"]:
        assert sum(step["parts_ns"].values()) == step["duration_ns"]


def test_communication_exposed_and_hidden() -> None:
    (device,) = devices_of(NCCL).values()
    kernels = events_of(NCCL, "kernel")
    collectives = [event for event in kernels if "nccl" in event["name"]]
    others = [event for event in kernels if "nccl" not in event["name"]]
    found = device["whole"]["communication"]
    exposed_ms, busy_ms = covered_ms(collectives, without=others), covered_ms(collectives)
    assert found["kernels"] == 21
    assert found["exposed_ns"] / 1e6 == pytest.approx(exposed_ms, rel=1e-4)
    assert found["hidden_ns"] / 1e6 == pytest.approx(busy_ms - exposed_ms, rel=1e-4)
    assert device["whole"]["gains"]["overlap_ns"] == found["exposed_ns"]


@pytest.mark.parametrize("file", [NCCL, VOLTA])
def test_launches_of_each_step(file: str) -> None:
    (device,) = devices_of(file).values()
    work = {event["args"]["correlation"] for event in events_of(file, "kernel", "gpu_memcpy", "gpu_memset")}
    calls = [event["ts"] for event in events_of(file, "cuda_runtime") if event["args"]["correlation"] in work]
    steps = [event for event in events_of(file, "user_annotation") if event["name"].startswith("ProfilerStep#")]
    expected = {
        step["name"].partition("#")[2]: sum(step["ts"] <= at < step["ts"] + step["dur"] for at in calls)
        for step in steps
    }
    assert {step["name"]: step["launches"]["calls"] for step in device["steps"]} == expected


@pytest.mark.parametrize("file", [NCCL, VOLTA, ALEXNET])
def test_copies(file: str) -> None:
    (device,) = devices_of(file).values()
    copies = events_of(file, "gpu_memcpy")
    found = [one for one in device["whole"]["copies"] if one["direction"] != "fill"]
    assert sum(one["count"] for one in found) == len(copies)
    assert sum(one["bytes"] for one in found) == sum(event["args"]["bytes"] for event in copies)
    assert sum(one["time_ns"] for one in found) / 1e3 == pytest.approx(sum(event["dur"] for event in copies), rel=1e-6)
    pageable = sum("Pageable" in event["name"] for event in copies)
    assert sum(one["count"] for one in found if one["host_memory"] == "pageable") == pageable


@pytest.mark.parametrize("file", [NCCL, VOLTA, ALEXNET, TWO_STREAMS])
def test_nearly_every_kernel_reaches_an_operation(file: str) -> None:
    (device,) = devices_of(file).values()
    assert device["attributed_kernels"] >= 0.99 * device["whole"]["kernels"]


@pytest.mark.parametrize("file", [NCCL, VOLTA])
def test_operations_are_those_of_the_external_ids(file: str) -> None:
    """Torch gives an operation a number, and the kernels that it launches the same one."""
    (device,) = devices_of(file).values()
    operations = {event["args"]["External id"]: event["name"] for event in events_of(file, "cpu_op")}
    expected = Counter(operations[event["args"]["External id"]] for event in events_of(file, "kernel"))
    assert {one["name"]: one["kernels"] for one in device["operations"]} == expected


def test_waits_are_known_from_events_where_those_are_recorded() -> None:
    """The host told stream 24 to wait for stream 20 (in the file: correlation 1389), long after that had ended."""
    (device,) = devices_of(TWO_STREAMS).values()
    assert device["stream_waits"] == "recorded"
    assert all(not one["waits_ns"]["another stream"] for one in device["whole"]["streams"])
    (device,) = devices_of(NCCL).values()
    assert device["stream_waits"] == "inferred"


def test_every_kernel_of_training_has_its_part_of_the_step() -> None:
    for file in (NCCL, VOLTA):
        (device,) = devices_of(file).values()
        assert {part["name"] for part in device["whole"]["step_parts"]} == {"forward", "backward", "optimizer"}
        assert len({tuple(part["kernels"] for part in step["step_parts"]) for step in device["steps"]}) == 1


def test_nearly_every_kernel_has_a_kind() -> None:
    for file in (NCCL, VOLTA, ALEXNET, TWO_STREAMS, TENSORFLOW):
        for device in devices_of(file).values():
            kinds = {one["kind"]: one["time_ns"] for one in device["whole"]["kinds"]}
            assert kinds.get("other", 0) <= 0.01 * sum(kinds.values())


def test_gpus_of_tensorflow() -> None:
    devices = devices_of(TENSORFLOW)
    planes = {plane.name: plane for plane in read_xspace(FOLDER / TENSORFLOW)}
    assert sorted(devices) == [1, 4, 6]
    for number in (4, 6):
        (compute,) = (line for line in planes[f"/device:GPU:{number}"].lines if line.name.endswith("(Compute)"))
        whole = devices[number]["whole"]
        assert whole["kernels"] == len(compute.events)
        assert whole["kernel_ns"] == pytest.approx(sum(event.duration_ns for event in compute.events), rel=1e-9)
        assert devices[number]["attributed_kernels"] == len(compute.events)
        assert whole["launches"]["unrecorded"] == 0
        assert [step["name"] for step in devices[number]["steps"]] == ["0"]
