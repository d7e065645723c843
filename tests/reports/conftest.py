"""Synthetic runs: every figure is invented test data, but for the counts of the papers' models."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import ClockCheck, Series, SeriesLabel
from anatomy.bench.records.run_store import Run
from anatomy.models import format_model, parse_model
from tests.factories import make_ceiling, make_counts, make_record, make_run
from tests.reports.browsing import browser as browser

HOSTILE = "evil.module:<script>alert(1)</script>"

# Model, parameters, trainable, MACs, units, layers with weights, depth.
FULL_SIZE = (
    ("alexnet", 60_965_224, 60_965_224, 724_406_816, 659_272, 8, 8),
    ("vgg:depth=16", 138_357_544, 138_357_544, 15_470_264_320, 1, 16, 16),
    ("vgg:depth=19", 143_667_240, 143_667_240, 19_632_062_464, 1, 19, 19),
    ("googlenet:auxiliary=false", 6_998_552, 6_998_552, 1_582_671_872, 1, 58, 22),
    ("resnet:depth=1202", 19_510_906, 19_421_274, 2_829_238_912, 1, 1202, 1202),
    ("wide_resnet:depth=52,width=4", 12_071_370, 12_057_002, 1_751_566_848, 1, 53, 50),
    ("rcnn:words=25", 531_801, 531_801, 13_250_100, 1, 4, 4),
    ("rcnn:words=50", 531_801, 531_801, 26_500_100, 1, 4, 4),
    ("rcnn:words=100", 531_801, 531_801, 53_000_100, 1, 4, 4),
)

SMALL = (
    "mlp",
    "lstm",
    "alexnet:input_shape=67x67x3,classes=10",
    "vgg:depth=11,input_shape=32x32x3,classes=10",
    "googlenet:input_shape=64x64x3,classes=10",
    "resnet:depth=20",
    "wide_resnet:depth=10,width=2",
    "unet:depth=4,base_filters=8,input_shape=64x64x1",
    "unet:base_filters=64,input_shape=572x572x1,classes=2,padding=valid,upsampling=transpose",
    "rcnn:words=20,embedding_dim=32,lstm_units=32,dense_units=32",
    "text_cnn:vocabulary=2000,embedding_dim=32,length=200",
    "rcnn:words=none",
)

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]


def count_records() -> list[Record]:
    records = []
    for text, parameters, trainable, macs, units, layers, depth in FULL_SIZE:
        counts = make_counts(
            parameters,
            trainable_parameters=trainable,
            macs=macs,
            flops=2 * macs,
            units=units,
            weight_layers=layers,
            depth=depth,
        )
        records.append(make_record(text, case={"mode": "count", "batch_size": 1}, counts=counts))
    return records


def second_version(number: int, mode: str, backend: str) -> dict[str, Any]:
    """Fields of version 2 for the n-th model; some cases have something to mind."""
    labels: dict[tuple[int, str], SeriesLabel] = {(0, "jax"): "drifting", (1, "torch"): "never settled"}
    return {
        "series": Series(label=labels.get((number, backend), "settled"), last_over_first=1.0),
        "clock": ClockCheck(verdict="agrees", slope_s=0.9, synchronised_s=1.0),
        "recompilations": 2 if (number, backend) == (2, "tensorflow") else 0,
        "warmup_steps": 24,
        "checks": {"outputs depend on inputs": "passed"} if mode == "infer" else {"weights move": "passed"},
        "output_sample": [0.1, -0.5 + 1e-8 * len(backend), 1.0] if mode == "infer" else None,
        "loss_first": 2.5 if mode == "train" else None,
        "loss_last": 1.5 if mode == "train" else None,
    }


def timed_records() -> list[Record]:
    """About a hundred cases, some of them failed, with jit on for JAX alone."""
    chance = random.Random(7)
    records = []
    for number, model in enumerate(SMALL):
        for mode in ("train", "infer"):
            for backend in ("tensorflow", "jax", "torch", "openvino"):
                if backend == "openvino" and mode == "train":
                    continue
                point = {"mode": mode, "backend": backend, "batch_size": 8}
                settings = {
                    "jit": backend == "jax",
                    "dtype_policy": "float32",
                    "threads_intra": 2,
                    "matmul_precision": "bf16" if backend == "openvino" else "float32",
                    "device": "cpu",
                }
                if model == "rcnn:words=none":
                    reason = "the model's input is open <b>&</b> cannot be made up"
                    records.append(make_record(model, outcome="unsupported", reason=reason, case=point))
                    continue
                if (number, backend) == (4, "torch"):
                    records.append(make_record(model, outcome="timeout", reason="not finished after 180 s", case=point))
                    continue
                speed = 10 ** chance.uniform(0, 4)
                steps = [8 / speed * chance.lognormvariate(0.1, 0.2) for _ in range(40)]
                fields = second_version(number, mode, backend)
                records.append(make_record(model, speed=speed, settings=settings, steps=steps, case=point, **fields))
    hostile = make_record(HOSTILE, case={"mode": "infer", "backend": "jax", "batch_size": 8}, name=HOSTILE)
    crashed = make_record(
        "mlp:classes=7",
        outcome="crashed",
        reason="ValueError: </script><img src=x onerror=alert(1)> | ``` [x](y)",
        case={"mode": "train", "backend": "torch", "batch_size": 8},
    )
    loops = [
        make_record("mlp", speed=900.0, case={"mode": mode, "backend": "jax", "batch_size": 8})
        for mode in ("fit", "predict")
    ]
    return [*records, hostile, crashed, *loops]


@pytest.fixture
def record() -> MakeRecord:
    return make_record


@pytest.fixture
def run(tmp_path: Path) -> MakeRun:
    def make(records: Sequence[Record], name: str = "run", **options: Any) -> Run:
        return make_run(tmp_path / name, records, **options)

    return make


@pytest.fixture(scope="session")
def big_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with timed, failed and counted cases, and ceilings."""
    ceilings = [make_ceiling(backend) for backend in ("tensorflow", "jax", "torch", "openvino")]
    return make_run(tmp_path_factory.mktemp("runs") / "big", [*timed_records(), *count_records()], ceilings=ceilings)


def spelled(text: str) -> str:
    """The shortest spelling of a model's text."""
    spec = parse_model(text)
    return format_model(spec.model, spec.options)
