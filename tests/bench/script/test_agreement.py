"""The figures that scripts print against Anatomy's own, in alternating repeats."""

from __future__ import annotations

import itertools
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

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
PRECISION = 0.04
# Six are the fewest for which signed ranks have a 95 % interval.
FEWEST_REPEATS = 6
MOST_REPEATS = 24
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
        while len(logs) < FEWEST_REPEATS or (_half_width(_interval(logs)) > PRECISION and len(logs) < MOST_REPEATS):
            logs.append(_log_ratio(session, case, first=len(logs) % 2 == 0))
    interval = _interval(logs)
    ratio, low, high = (math.exp(value) for value in (pseudomedian(logs), *interval))
    said = f"script / Anatomy = {ratio:.3f} (95 % interval {low:.3f} to {high:.3f}, {len(logs)} pairs)"
    record_property("ratio", said)
    print(f"{model} {backend}: {said}")
    if low > 1 + TOLERANCE or high < 1 - TOLERANCE:
        pytest.fail(said)
    if _half_width(interval) > PRECISION or abs(ratio - 1) > TOLERANCE:
        pytest.skip(f"this machine is too noisy to say: {said}")


def pseudomedian(logs: list[float]) -> float:
    """The median of all pairwise means (Hodges and Lehmann 1963)."""
    return statistics.median(_walsh(logs))


def _interval(logs: list[float]) -> tuple[float, float]:
    """95 % for the pseudomedian, from Wilcoxon's signed ranks: one slow process of nine does not widen it.

    Source: Hollander and Wolfe (1999), Nonparametric Statistical Methods, section 3.3.
    """
    means, number = _walsh(logs), len(logs)
    # The distribution of the sum of signed ranks, exactly: each rank is in it or not.
    ways = np.ones(1)
    for rank in range(1, number + 1):
        ways = np.convolve(ways, [1.0, *[0.0] * (rank - 1), 1.0])
    below = int(np.searchsorted(np.cumsum(ways) / 2.0**number, 0.025, side="right"))
    return means[below - 1], means[-below]


def _walsh(logs: list[float]) -> list[float]:
    return sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(logs, 2))


def _half_width(interval: tuple[float, float]) -> float:
    return (interval[1] - interval[0]) / 2


def test_the_interval_covers_what_it_says() -> None:
    """With heavy tails, as slow processes make them; 95 % or a little more, as the ranks are discrete."""
    rng = np.random.default_rng(0)
    covered = [low <= 0 <= high for low, high in (_interval(list(rng.standard_t(2, 9) * 0.03)) for _ in range(2000))]
    assert 0.94 < np.mean(covered) < 0.98


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
