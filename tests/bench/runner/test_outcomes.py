"""Whatever a model does, it ends as a record of its own and the others are measured."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.records.run_store import load_run
from tests.bench.conftest import Measure, cases_of

pytestmark = pytest.mark.backends

# Enough for the models that are fine on a busy machine.
TIMEOUT_S = 12
TROUBLE = "data/troubled_models.py"

EXPECTED = {
    "killed": ("crashed", "SIGKILL"),
    "segfault": ("crashed", "SIGSEGV"),
    "leaves": ("crashed", "status 7"),
    "babbles": ("crashed", "expected an event of the protocol, got '\\xff is no event'"),
    "raises": ("crashed", "RuntimeError: this model cannot be built"),
    "never_returns": ("timeout", "not finished after 12 s, in phase build"),
    "allocates_without_bound": ("oom", "of a limit of 1.50 GiB in phase build"),
    "not_a_model": ("crashed", "not a Keras model"),
    "open_shape": ("unsupported", "is open"),
    "diverges": ("invalid", "must be finite"),
}


@pytest.mark.extended
@pytest.mark.parametrize("backend", installed_backends())
def test_trouble_becomes_records_and_the_rest_is_measured(measure: Measure, backend: str, tmp_path: Path) -> None:
    mode = "infer" if backend == "openvino" else "train"
    trouble = [name for name in EXPECTED if not (name == "diverges" and mode == "infer")]
    models = [f"{TROUBLE}:{name}" for name in ("fine", *trouble)] + [f"{TROUBLE}:fine:units=9"]
    cases = cases_of(models, backend=backend, mode=mode, batch_size=4)

    records = measure(cases, timeout_s=TIMEOUT_S, memory_limit_bytes=3 * 2**29)

    assert [r.case for r in records] == cases
    first, *bad, last = records
    for record in (first, last):
        assert record.outcome == "ok", record.reason
        assert record.step_s
    for record, name in zip(bad, trouble, strict=True):
        outcome, reason = EXPECTED[name]
        assert record.outcome == outcome, f"{name}: {record.reason}"
        assert reason in record.reason
        assert record.throughput_examples_per_s is None or outcome == "invalid"
        assert "step_s" in record.not_measured or outcome == "invalid"
    assert load_run(tmp_path / "run").records == records


def test_a_model_whose_script_cannot_be_written_is_measured_all_the_same(measure: Measure) -> None:
    (case,) = cases_of([f"{TROUBLE}:without_config"], backend="tensorflow", mode="train", batch_size=4)
    (record,) = measure([case])
    assert record.outcome == "ok", record.reason
    assert record.not_measured["script"] == "RuntimeError: no config here"


@pytest.mark.parametrize(("name", "outcome"), [("leaves_children", "ok"), ("leaves_children_and_dies", "crashed")])
def test_what_a_model_started_ends_with_its_worker(measure: Measure, tmp_path: Path, name: str, outcome: str) -> None:
    place = tmp_path / "child"
    (case,) = cases_of([f"{TROUBLE}:{name}:place={place}"], backend="jax", mode="infer", batch_size=4)
    (record,) = measure([case])
    assert record.outcome == outcome, record.reason
    child = int(place.read_text())
    end = time.monotonic() + 10
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "it computes beside all later cases"
        time.sleep(0.05)
