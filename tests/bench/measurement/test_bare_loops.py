"""Anatomy's throughput against a bare loop that shares no code with it, in alternating repeats."""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from scipy import stats

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.records.case import Backend
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.session import Session, Silent
from tests.bench.conftest import TESTS, cases_of, session_at

BARE_LOOP = TESTS / "bare" / "bare_loop.py"
MODELS = {
    "mlp": ("mlp:input_size=784,hidden=512x512,classes=10,dropout=0.5", 256),
    "lstm": ("lstm", 128),
    "resnet": ("resnet:depth=8", 16),
}
TOLERANCE = 0.05
REPEATS = 3
MOST_REPEATS = 6
SECONDS = 1.0


@pytest.mark.backends
@pytest.mark.extended
@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("model", MODELS)
def test_agrees_with_a_bare_loop(
    model: str, backend: Backend, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Both sides alternate, each in a fresh process; the ratio of each pair is one observation."""
    text, batch_size = MODELS[model]
    mode = "infer" if backend == "openvino" else "train"
    (case,) = cases_of([text], backend=backend, mode=mode, batch_size=batch_size)
    logs: list[float] = []
    with _session(tmp_path) as session:
        while len(logs) < MOST_REPEATS:
            for _ in range(REPEATS):
                bare = _bare_examples_per_s(model, backend)
                record = session.measure(case, Silent())
                assert record.outcome == "ok", record.reason
                assert record.throughput_examples_per_s is not None
                logs.append(math.log(record.throughput_examples_per_s / bare))
            if abs(statistics.median(logs)) <= math.log1p(TOLERANCE):
                break
    ratio = math.exp(statistics.median(logs))
    low, high = stats.t.interval(0.95, len(logs) - 1, statistics.fmean(logs), stats.sem(logs))
    said = f"Anatomy / bare loop = {ratio:.3f} (95 % interval {math.exp(low):.3f} to {math.exp(high):.3f})"
    record_property("ratio", said)
    print(f"{model} {backend}: {said}")
    if abs(ratio - 1) > TOLERANCE:
        if low <= math.log1p(TOLERANCE) and high >= math.log1p(-TOLERANCE):
            pytest.skip(f"this machine is too noisy to say: {said}")
        pytest.fail(said)


def _bare_examples_per_s(model: str, backend: Backend) -> float:
    done = subprocess.run(
        [sys.executable, str(BARE_LOOP), model, str(SECONDS / 2)],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def _session(folder: Path) -> Session:
    settings = MeasureSettings(seconds=SECONDS, warmup_s=0.5, timeout_s=120)
    return session_at(folder / "run", settings)
