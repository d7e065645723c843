"""Anatomy's throughput against a bare loop that shares no code with it, in alternating repeats."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.records.case import Backend
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.session import Session, Silent
from tests.bench.conftest import TESTS, cases_of, session_at
from tests.ratios import half_width, judge_ratio

BARE_LOOP = TESTS / "bare" / "bare_loop.py"
MODELS = {
    "mlp": ("mlp:input_size=784,hidden=512x512,classes=10,dropout=0.5", 256),
    "lstm": ("lstm", 128),
    "resnet": ("resnet:depth=8", 16),
}
TOLERANCE = 0.05
# Half-width of the interval of ln(ratio) at which there are pairs enough; wider than this, nothing is claimed.
PRECISION = 0.05
FEWEST_PAIRS, MOST_PAIRS = 3, 6
SECONDS = 1.0


@pytest.mark.quiet
@pytest.mark.backends
@pytest.mark.slow
@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("model", list(MODELS))
def test_agrees_with_a_bare_loop(
    model: str, backend: Backend, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Both sides alternate, each in a fresh process; the ratio of each pair is one observation."""
    text, batch_size = MODELS[model]
    mode = "infer" if backend == "openvino" else "train"
    (case,) = cases_of([text], backend=backend, mode=mode, batch_size=batch_size)
    logs: list[float] = []
    with _session(tmp_path) as session:
        # Precision alone decides when to stop: stopping at a ratio that pleases would choose the ratio.
        while len(logs) < FEWEST_PAIRS or (half_width(logs) > PRECISION and len(logs) < MOST_PAIRS):
            bare = _bare_examples_per_s(model, backend)
            record = session.measure(case, Silent())
            assert record.outcome == "ok", record.reason
            assert record.throughput_examples_per_s is not None
            logs.append(math.log(record.throughput_examples_per_s / bare))
    verdict, said = judge_ratio(f"{model} {backend}: Anatomy / bare loop", logs, TOLERANCE, PRECISION)
    record_property("ratio", said)
    print(said)
    if verdict == "differs":
        pytest.fail(said)
    if verdict == "unclear":
        pytest.skip(f"this machine is too noisy to say: {said}")


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
