"""The figures that scripts print against Anatomy's own, in alternating repeats."""

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
from anatomy.bench.case import Backend, Case
from anatomy.bench.session import Session, Silent
from anatomy.bench.settings import MeasureSettings
from anatomy.bench.store import SCRIPTS_FOLDER
from tests.bench.conftest import cases_of, session_at

MODELS = {
    "mlp": ("mlp:input_size=784,hidden=512x512", 256),
    "lstm": ("lstm", 128),
    "resnet": ("resnet:depth=8", 16),
}
TOLERANCE = 0.03
# Half-width of the interval of ln(ratio) at which there are pairs enough; wider than this, nothing is claimed.
PRECISION = 0.05
FEWEST_REPEATS = 4
MOST_REPEATS = 9
SECONDS = 1.5


@pytest.mark.backends
@pytest.mark.slow
@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("model", MODELS)
def test_a_script_prints_the_same_throughput(
    model: str, backend: Backend, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Both sides alternate, each in a fresh process; the ratio of each pair is one observation."""
    text, batch_size = MODELS[model]
    mode = "infer" if backend == "openvino" else "train"
    (case,) = cases_of([text], backend=backend, mode=mode, batch_size=batch_size)
    logs: list[float] = []
    with _session(tmp_path) as session:
        # Precision alone decides when to stop: stopping at a ratio that pleases would choose the ratio.
        while len(logs) < FEWEST_REPEATS or (_half_width(logs) > PRECISION and len(logs) < MOST_REPEATS):
            logs.append(_log_ratio(session, case, first=len(logs) % 2 == 0))
    median, half, mean = statistics.median(logs), _half_width(logs), statistics.fmean(logs)
    low, high = math.exp(mean - half), math.exp(mean + half)
    said = f"script / Anatomy = {math.exp(median):.3f} (95 % interval {low:.3f} to {high:.3f}, {len(logs)} pairs)"
    record_property("ratio", said)
    print(f"{model} {backend}: {said}")
    if low > 1 + TOLERANCE or high < 1 - TOLERANCE:
        pytest.fail(said)
    if half > PRECISION or abs(math.expm1(median)) > TOLERANCE:
        pytest.skip(f"this machine is too noisy to say: {said}")


def _half_width(logs: list[float]) -> float:
    """Of the 95 % interval of the mean, Student's t."""
    return float(stats.t.ppf(0.975, len(logs) - 1) * stats.sem(logs))


def _log_ratio(session: Session, case: Case, first: bool) -> float:
    """ln(script's examples/s / Anatomy's); which of the two goes `first` alternates once a script exists."""
    script = session.writer.path / SCRIPTS_FOLDER / f"{case.key}.py"
    before = _printed_throughput(script, case.backend) if first and script.exists() else None
    record = session.measure(case, Silent())
    assert record.outcome == "ok", record.reason
    assert record.throughput_examples_per_s is not None
    printed = before if before is not None else _printed_throughput(script, case.backend)
    return math.log(printed / record.throughput_examples_per_s)


def _printed_throughput(script: Path, backend: Backend) -> float:
    """Run from its own folder; the script chooses its backend itself."""
    done = subprocess.run(
        [sys.executable, str(script)],
        env={name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"},
        cwd=script.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    figures = dict(line.rsplit(maxsplit=2)[:2] for line in done.stdout.splitlines())
    return float(figures["throughput"])


def _session(folder: Path) -> Session:
    # To the end of the window, as a script does.
    settings = MeasureSettings(seconds=SECONDS, target=1e-6, warmup_s=1.0, timeout_s=120)
    return session_at(folder / "run", settings)
