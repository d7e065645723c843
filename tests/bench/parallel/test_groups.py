"""Data parallelism on two virtual devices of each backend, in real workers."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.records.case import Backend, Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.session import Silent
from tests.bench.conftest import TESTS, Measure, cases_of, session_at
from tests.marks import extended_but, slow_but

PARALLEL = [backend for backend in installed_backends() if backend != "openvino"]
MLP = "mlp:hidden=32,dropout=0.5"
UNSYNCHRONISED = f"{TESTS / 'data' / 'unsynchronised_models.py'}:build"


@pytest.mark.backends
@pytest.mark.parametrize("backend", extended_but(PARALLEL, "torch"))
def test_two_devices_train_as_one_and_both_modes_are_measured(backend: Backend, measure: Measure) -> None:
    records = measure(cases_of([MLP], backend=backend, mode=["train", "infer"], batch_size=8, devices=[1, 2]))
    assert [(r.outcome, r.reason) for r in records] == [("ok", "")] * 4
    assert [r.case.batch_size for r in records] == [8, 16, 8, 16]
    alone, train, _, infer = records
    assert train.equality is not None
    assert train.equality.verdict == "equal", train.equality
    assert train.all_reduce is not None
    assert train.counts is not None
    assert train.all_reduce.size_bytes == 4 * train.counts.trainable_parameters
    assert alone.equality is None
    assert alone.all_reduce is None
    assert infer.equality is None
    assert infer.output_sample is not None
    for record in (train, infer):
        assert record.settings["devices"] == 2
        assert record.settings["virtual_devices"] is True
        assert record.checks
    assert train.not_measured["script"]


@pytest.mark.backends
@pytest.mark.parametrize("backend", PARALLEL)
def test_the_outputs_are_those_of_the_whole_batch(backend: Backend, measure: Measure) -> None:
    one, two = measure(
        cases_of([MLP], backend=backend, mode="infer", batch_size=8, devices=[1, 2], scaling="strong"), steps=6
    )
    assert one.output_sample == pytest.approx(two.output_sample, rel=1e-4, abs=1e-6)


@pytest.mark.backends
@pytest.mark.parametrize("backend", extended_but(PARALLEL, "jax"))
def test_a_strategy_that_does_not_synchronise_is_invalid(backend: Backend, measure: Measure) -> None:
    one, two = (
        record
        for devices in (1, 2)
        for record in measure(
            [Case(model=UNSYNCHRONISED, mode="train", backend=backend, batch_size=8 * devices, devices=devices)],
            folder=f"run{devices}",
        )
    )
    assert one.outcome == "ok", one.reason
    assert two.outcome == "invalid"
    assert "gradients are not synchronised" in two.reason
    assert two.throughput_examples_per_s is None
    assert two.equality is not None
    assert two.equality.verdict == "differs"


GOOGLENET = "googlenet:input_shape=64x64x3,classes=10,auxiliary=true"


@pytest.mark.backends
@pytest.mark.extended
@pytest.mark.parametrize("backend", PARALLEL)
@pytest.mark.parametrize("model", slow_but(["resnet:depth=8", "lstm", GOOGLENET], "resnet:depth=8", "lstm"))
def test_the_zoo_trains_on_several_devices(model: str, backend: Backend, measure: Measure) -> None:
    (record,) = measure(cases_of([model], backend=backend, mode="train", batch_size=8, devices=2), steps=6)
    assert record.outcome == "ok", record.reason
    assert record.equality is not None
    assert record.equality.verdict == "equal", record.equality


@pytest.mark.backends
def test_what_cannot_be_shared_says_so(measure: Measure) -> None:
    odd = Case(model="mlp", mode="infer", backend="tensorflow", batch_size=7, devices=2)
    cases = [odd]
    said = ["a batch of 7 does not divide into 2 equal parts; use --batch-size 8"]
    if "openvino" in installed_backends():
        cases.append(Case(model="mlp", mode="infer", backend="openvino", batch_size=8, devices=2))
        said.append("Keras on OpenVINO has no data parallelism; use --devices 1")
    if "torch" in installed_backends():
        cases.append(Case(model="mlp", mode="fit", backend="torch", batch_size=8, devices=2))
        said.append("does not synchronise gradients between devices")
    for record, words in zip(measure(cases), said, strict=True):
        assert record.outcome == "unsupported"
        assert words in record.reason


@pytest.mark.backends
@pytest.mark.quiet
@pytest.mark.skipif("torch" not in installed_backends(), reason="torch is not installed")
def test_a_rank_that_is_killed_ends_the_case_and_nobody_hangs(tmp_path: Path) -> None:
    (case,) = cases_of([MLP], backend="torch", mode="infer", batch_size=8, devices=2)
    killed: list[int] = []

    class Killer(Silent):
        def phase(self, name: str) -> None:
            if name == "warmup":
                threading.Timer(1.0, kill).start()

    def kill() -> None:
        ranks = _ranks_of(os.getpid())
        os.kill(ranks[0], signal.SIGKILL)
        killed.append(ranks[0])

    with session_at(tmp_path / "run", MeasureSettings(seconds=60, target=1e-9, timeout_s=90)) as session:
        start = time.perf_counter()
        record = session.measure(case, Killer())
        assert time.perf_counter() - start < 45
        assert killed
        assert record.outcome == "crashed"
        assert record.reason == "rank 1 was ended by SIGKILL"
        assert not _ranks_of(os.getpid())


def _ranks_of(pid: int) -> list[int]:
    """Processes that a worker has started: the host's grandchildren."""
    found = []
    for host in psutil.Process(pid).children():
        for worker in host.children():
            found += [rank.pid for rank in worker.children() if rank.status() != psutil.STATUS_ZOMBIE]
    return found
